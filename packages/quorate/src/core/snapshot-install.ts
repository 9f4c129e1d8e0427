import { assert } from './assert.ts';
import type { RequestId } from './event.ts';
import { hearLeader } from './follower.ts';
import type { InstallSnapshotRequest, InstallSnapshotResponse } from './message.ts';
import type { CoreState } from './state.ts';
import { becomeFollower } from './step-down.ts';
import type { SnapshotMeta } from './types.ts';

/**
 * A leader has a snapshot for this node (section 7, and the receiver's part of figure 13). What it
 * brings is saved by the runtime, and takes effect as a whole once it is.
 */
export function onInstallSnapshot(
  core: CoreState,
  request: RequestId,
  rpc: InstallSnapshotRequest,
): void {
  if (rpc.term < core.term) {
    refuseSnapshot(core, request);
    return;
  }
  const { lastLogId } = rpc.meta;
  assert(
    lastLogId.term <= rpc.term,
    () => `${rpc.leader} of term ${rpc.term} cannot have a snapshot of term ${lastLogId.term}`,
  );
  hearLeader(core, rpc);
  // A snapshot on the disk must not be newer than the term there.
  core.hold({ type: 'snapshot', request, rpc }, { untilWrite: 0 });
}

/** The term is durable: what the request brings may be saved, unless it is of no use any more. */
export function releaseSnapshot(
  core: CoreState,
  request: RequestId,
  rpc: InstallSnapshotRequest,
): void {
  if (rpc.term !== core.term) refuseSnapshot(core, request);
  else if (isCovered(core, rpc.meta)) releaseSnapshotAnswer(core, request, 0);
  else core.emit({ type: 'receiveSnapshot', request, rpc });
}

/**
 * The snapshot is saved. It holds only what is committed, so it is right in any later term as well;
 * a term is never taken from it. The committed entries may have come another way in the meantime.
 */
export function onSnapshotReceived(core: CoreState, request: RequestId, meta: SnapshotMeta): void {
  if (!isCovered(core, meta)) install(core, meta);
  releaseSnapshotAnswer(core, request, 0);
}

export function onSnapshotFailed(core: CoreState, request: RequestId, stored: number): void {
  releaseSnapshotAnswer(core, request, stored);
}

/** Says how far this node has come: all that is committed is in the log of every later leader. */
export function releaseSnapshotAnswer(core: CoreState, request: RequestId, stored: number): void {
  if (!core.isVoteDurable) {
    core.hold({ type: 'snapshotAnswer', request, stored }, { untilWrite: 0 });
    return;
  }
  const match = Math.min(Math.max(core.verified, core.committed), core.durable);
  answer(core, request, { term: core.term, stored, match });
}

/** The caller leads no more; what it hears is the term. */
function refuseSnapshot(core: CoreState, request: RequestId): void {
  const response = { term: core.term, stored: 0, match: 0 };
  if (core.isVoteDurable) answer(core, request, response);
  else {
    const held = { type: 'answer', request, answer: { type: 'snapshot', response } } as const;
    core.hold(held, { untilWrite: 0 });
  }
}

function answer(core: CoreState, request: RequestId, response: InstallSnapshotResponse): void {
  core.reply(request, { type: 'snapshot', response });
}

/** `true` if all that a snapshot covers is known to be committed here, or this is a leader. */
function isCovered(core: CoreState, meta: SnapshotMeta): boolean {
  const { term, index } = meta.lastLogId;
  // Elected while it was received: a leader has every committed entry (section 5.4.3).
  const leads = core.role === 'leader';
  if (index > core.committed && !leads) return false;
  const own = core.log.termAt(index);
  const isBelowLog = own === undefined && index < core.log.purged.index;
  assert(
    own === term || isBelowLog,
    () => `committed entry ${index} has term ${own} here and ${term} in the snapshot ${meta.id}`,
  );
  return true;
}

function install(core: CoreState, meta: SnapshotMeta): void {
  const { role } = core;
  core.install(meta);
  // What was asked for went by another membership; the next campaign goes by this one.
  if (role === 'candidate') becomeFollower(core, core.term, core.leader);
  core.role = core.isVoter ? 'follower' : 'learner';
  if (core.role !== role) core.resetElectionTimer();
}
