import { assert } from './assert.ts';
import type { RequestId } from './event.ts';
import { quorumContactAt } from './lease.ts';
import { completedMembership, isJoint, isMember } from './membership.ts';
import { Progress } from './progress.ts';
import { jointQuorumValue } from './quorum.ts';
import { confirmReads, startReadRound } from './read-index.ts';
import { heartbeat, hurryBeat, lacksCommit, replicate } from './replication.ts';
import type { CoreState } from './state.ts';
import { becomeFollower, isDiskSilent } from './step-down.ts';
import { isRefusedByTransfer, watchTransfer } from './transfer.ts';
import type { Entry, Membership, Payload } from './types.ts';

/** Takes office: a record for every member, and a blank entry to commit what is there already. */
export function becomeLeader(core: CoreState): void {
  assert(core.role === 'candidate', 'only a candidate becomes leader');
  assert(core.isVoteDurable && core.votedFor === core.id, 'a leader has its own vote on disk');
  core.role = 'leader';
  core.leader = core.id;
  core.campaign = undefined;
  core.leadership = {
    progress: new Map(),
    calls: new Map(),
    beatAt: core.now + core.options.heartbeatMs,
    waitingReads: [],
    readRound: undefined,
    transfer: undefined,
    hasBegunTransfer: false,
  };
  followMembership(core);
  appendEntries(core, [{ type: 'blank' }]);
}

/** Appends payloads as one run of entries, or refuses them as one (section 5.3). */
export function propose(core: CoreState, request: RequestId, payloads: readonly Payload[]): void {
  assert(payloads.length > 0, 'a proposal holds at least one payload');
  if (core.leadership === undefined) {
    core.refuse(request, { type: 'notLeader', leader: core.leader });
    return;
  }
  if (isRefusedByTransfer(core, request)) return;
  const first = { term: core.term, index: core.last.index + 1 };
  core.reply(request, { type: 'accepted', first, count: payloads.length });
  appendEntries(core, payloads);
}

/** Appends a membership; it is in force from here on. */
export function proposeMembership(core: CoreState, membership: Membership): void {
  appendEntries(core, [{ type: 'membership', membership }]);
}

/**
 * Moves the commit index to what a majority of every voter set has on disk. Only entries of the
 * own term are counted; those before them are committed along with them (section 5.4.2, figure 8).
 */
export function advanceCommit(core: CoreState): void {
  // Nothing is left to commit: asked for with every answer that comes after the one that decided.
  if (core.committed === core.last.index) return;
  const { progress } = core.office;
  const index = jointQuorumValue(core.membership.voters, (id) =>
    id === core.id ? core.durable : (progress.get(id)?.matchIndex ?? 0),
  );
  if (index <= core.committed || core.log.termAt(index) !== core.term) return;
  core.commit(index);
  // The followers learn it with the next entries, or shortly if there are none.
  if (progress.size > 0) hurryBeat(core);
  if (core.membership.logId.index <= index) onMembershipCommitted(core);
  startReadRound(core);
}

/** Speaks to the followers, or steps down if they no longer answer (check-quorum, thesis 6.2). */
export function onLeaderWake(core: CoreState): void {
  const leadership = core.office;
  watchTransfer(core);
  if (core.now < leadership.beatAt) return;
  if (core.options.checkQuorum && !canServe(core)) {
    becomeFollower(core, core.term);
    return;
  }
  leadership.beatAt = core.now + core.options.heartbeatMs;
  for (const progress of leadership.progress.values()) {
    const isDue = core.now >= progress.heartbeatAt;
    if (isDue || lacksCommit(core, progress)) heartbeat(core, progress);
    replicate(core, progress);
    leadership.beatAt = Math.min(leadership.beatAt, progress.heartbeatAt);
  }
}

function appendEntries(core: CoreState, payloads: readonly Payload[]): void {
  const { term } = core;
  const first = core.log.appendRun(term, payloads.length);
  const entries: Entry[] = payloads.map((payload, offset) => ({
    logId: { term, index: first.index + offset },
    payload,
  }));
  const before = core.membership;
  core.append(entries);
  if (core.membership !== before) followMembership(core);
  for (const progress of core.office.progress.values()) replicate(core, progress);
}

/** Keeps one record for each other member and none for those that have left. */
function followMembership(core: CoreState): void {
  const { progress, calls } = core.office;
  for (const id of progress.keys()) {
    if (isMember(core.membership, id)) continue;
    progress.delete(id);
    for (const [
      call,
      {
        progress: { id: of },
      },
    ] of calls)
      if (of === id) calls.delete(call);
  }
  for (const id of Object.keys(core.membership.nodes)) {
    if (id === core.id || progress.has(id)) continue;
    progress.set(id, new Progress(id, core.last.index + 1, core.now));
  }
}

function onMembershipCommitted(core: CoreState): void {
  if (isJoint(core.membership)) {
    proposeMembership(core, completedMembership(core.membership));
    // Those that a round of reads waits for may have left, and nobody else may ever answer.
    confirmReads(core);
    return;
  }
  if (core.isVoter) return;
  // A leader that is not among the new voters has done its last duty (section 6). The others
  // hear of the commit first, so that they need not wait for the next leader to learn it.
  for (const progress of core.office.progress.values()) heartbeat(core, progress);
  becomeFollower(core, core.term);
}

/**
 * A leader serves nobody without a quorum, and neither with a disk that has stopped answering: its
 * heartbeats would keep the others loyal for ever while every write waits. A vote that is not
 * durable does not count, so it cannot win the next election before its disk is back.
 */
function canServe(core: CoreState): boolean {
  const { max } = core.options.electionTimeoutMs;
  return core.now - quorumContactAt(core, { isGraceGiven: true }) < max && !isDiskSilent(core);
}
