import { assert } from './assert.ts';
import type { RequestId } from './event.ts';
import type { AppendEntriesRequest, AppendEntriesResponse } from './message.ts';
import type { CoreState } from './state.ts';
import { becomeFollower } from './step-down.ts';
import type { Entry, LogId, NodeId, Term } from './types.ts';

/** Answers AppendEntries: section 5.3 and the receiver's part of figure 2. */
export function onAppendEntries(
  core: CoreState,
  request: RequestId,
  rpc: AppendEntriesRequest,
): void {
  if (rpc.term < core.term) {
    refuseAppend(core, request, core.last);
    return;
  }
  hearLeader(core, rpc);
  const disagreement = findDisagreement(core, rpc.previous);
  if (disagreement !== undefined) {
    refuseAppend(core, request, disagreement);
    return;
  }
  storeEntries(core, rpc);
  core.verified = Math.max(core.verified, rpc.previous.index + rpc.entries.length);
  const committed = Math.min(rpc.committed, core.verified);
  if (committed > core.committed) core.commit(committed);
  // Only what was compared is promised, and only once it is on the disk. A plain heartbeat waits
  // for nothing: what it is told is true already.
  const untilWrite = rpc.entries.length === 0 ? 0 : core.lastWrite;
  core.hold({ type: 'append', request, term: rpc.term }, { untilWrite });
}

/** The answer as it stands now that nothing it says waits for the disk. */
export function releaseAppend(core: CoreState, request: RequestId, term: Term): void {
  if (term !== core.term) {
    // A newer leader may have truncated what this answer would have promised to the older one.
    refuseAppend(core, request, core.last);
    return;
  }
  const match = Math.min(core.verified, core.durable);
  answerAppend(core, request, { term, accepted: true, match });
}

function refuseAppend(core: CoreState, request: RequestId, hint: LogId): void {
  const answer = { type: 'append', response: { term: core.term, accepted: false, hint } } as const;
  if (core.isVoteDurable) core.reply(request, answer);
  else core.hold({ type: 'answer', request, answer }, { untilWrite: 0 });
}

function answerAppend(core: CoreState, request: RequestId, response: AppendEntriesResponse): void {
  core.reply(request, { type: 'append', response });
}

/** Follows whoever leads this term; `rpc.term` is not below the own. */
export function hearLeader(
  core: CoreState,
  rpc: { readonly term: Term; readonly leader: NodeId },
): void {
  assert(
    core.role !== 'leader' || rpc.term > core.term,
    () => `${rpc.leader} and ${core.id} must not both lead term ${rpc.term}`,
  );
  if (rpc.term > core.term || core.role === 'candidate' || core.leader !== rpc.leader) {
    becomeFollower(core, rpc.term, rpc.leader);
  }
  core.leaderHeardAt = core.now;
  core.resetElectionTimer();
}

/**
 * Returns where the logs may still agree if `previous` is not in this log, else `undefined`. What
 * is committed equals every later leader's log, so at or below it there is nothing to compare.
 */
function findDisagreement(core: CoreState, previous: LogId): LogId | undefined {
  if (previous.index <= core.committed) return undefined;
  if (core.log.termAt(previous.index) === previous.term) return undefined;
  return core.log.lastAtOrBefore(previous.index, previous.term);
}

/**
 * Adds what is new. Entries that agree stay untouched, so late, repeated and overlapping appends
 * change nothing; only a real conflict truncates, and only from there.
 */
function storeEntries(core: CoreState, rpc: AppendEntriesRequest): void {
  const { entries, previous } = rpc;
  let fresh = 0;
  if (previous.index !== core.last.index) {
    while (fresh < entries.length) {
      const { logId } = entries[fresh] as Entry;
      const term = core.log.termAt(logId.index);
      if (term !== logId.term && logId.index > core.committed) {
        if (term !== undefined) core.truncate(logId.index - 1);
        break;
      }
      assert(
        term === undefined || term === logId.term,
        () =>
          `committed entry ${logId.index} has term ${term} here and ${logId.term} at ${rpc.leader}`,
      );
      fresh += 1;
    }
  }
  if (fresh === entries.length) return;
  const added = fresh === 0 ? entries : entries.slice(fresh);
  for (const entry of added) core.log.append(entry.logId);
  core.append(added);
  const role = core.isVoter ? 'follower' : 'learner';
  if (role !== core.role) core.resetElectionTimer();
  core.role = role;
}
