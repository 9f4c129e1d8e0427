import { assert } from './assert.ts';
import type { CallId } from './event.ts';
import type { OpenCall, Progress } from './progress.ts';
import { sendSnapshot } from './snapshot-sending.ts';
import type { CoreState } from './state.ts';
import type { LogIndex } from './types.ts';

/**
 * Sends the next entries if the follower's window has room. How many go out is for the replicator
 * to say; until it has (`sent`), or there is an answer, nothing follows.
 */
export function replicate(core: CoreState, progress: Progress): void {
  if (progress.paused || progress.sending !== undefined) return;
  if (progress.nextIndex <= core.log.purged.index) {
    sendSnapshot(core, progress);
    return;
  }
  const isProbe = progress.state === 'probe';
  const window = isProbe ? 1 : core.options.maxInflightAppends;
  if (progress.inflight >= window) return;
  const hasEntries = progress.nextIndex <= core.last.index;
  if (!hasEntries && !isProbe) return;
  const call = sendAppend(core, progress, {
    kind: 'append',
    previousIndex: progress.nextIndex - 1,
    last: core.last.index,
  });
  progress.inflight += 1;
  if (hasEntries) progress.sending = call;
}

/**
 * Says that the leader is there. What it names as previous is the match index, which the follower
 * has for certain, so it is understood even when it overtakes entries. If that is purged, it names
 * the purged end: whoever does not have it refuses, and has heard the leader all the same.
 */
export function heartbeat(core: CoreState, progress: Progress): void {
  progress.heartbeatAt = core.now + core.options.heartbeatMs;
  if (progress.heartbeatsInflight >= maxHeartbeatsInflight(core)) return;
  progress.heartbeatsInflight += 1;
  const at = Math.max(progress.matchIndex, core.log.purged.index);
  sendAppend(core, progress, { kind: 'heartbeat', previousIndex: at, last: at });
}

/** The replicator says how far this call goes; the next one begins there. */
export function onSent(core: CoreState, call: CallId, last: LogIndex): void {
  const progress = core.leadership?.calls.get(call)?.progress;
  if (progress === undefined || progress.sending !== call) return;
  progress.sending = undefined;
  if (progress.state !== 'replicate') return;
  assert(
    last <= core.last.index,
    () =>
      `what was sent to ${progress.id} must end in the log, not at ${last} after ${core.last.index}`,
  );
  progress.committedSent = Math.min(progress.committedSent, last);
  // An answer to an older call may have told of more than this one carries.
  progress.nextIndex = Math.max(progress.nextIndex, last + 1);
  replicate(core, progress);
}

/** `true` if the follower could commit more, and nothing is under way that will tell it so. */
export function lacksCommit(core: CoreState, progress: Progress): boolean {
  const { committedSent, matchIndex, inflight } = progress;
  return inflight === 0 && committedSent < Math.min(core.committed, matchIndex);
}

/** Makes the next beat come shortly; what is sent meanwhile may make it unnecessary. */
export function hurryBeat(core: CoreState): void {
  const leadership = core.office;
  const soon = core.now + core.options.heartbeatMs / 10;
  leadership.beatAt = Math.min(leadership.beatAt, soon);
}

function sendAppend(
  core: CoreState,
  progress: Progress,
  what: { kind: OpenCall['kind']; previousIndex: LogIndex; last: LogIndex },
): CallId {
  const call = core.nextCall();
  const { kind, previousIndex, last } = what;
  const { epoch } = progress;
  core.office.calls.set(call, { progress, kind, epoch, previousIndex, sentAt: core.now });
  // A follower commits no further than what it has compared; a heartbeat may be refused.
  const told = Math.min(core.committed, kind === 'heartbeat' ? progress.matchIndex : last);
  progress.committedSent = Math.max(progress.committedSent, told);
  const { term, committed } = core;
  const range = { term, previous: core.log.idAt(previousIndex), last, committed };
  core.emit({ type: 'replicate', call, to: progress.id, range });
  return call;
}

/** Enough for one election timeout of silence; a follower that hangs must not collect more. */
function maxHeartbeatsInflight(core: CoreState): number {
  const { electionTimeoutMs, heartbeatMs } = core.options;
  return Math.ceil(electionTimeoutMs.max / heartbeatMs) + 1;
}
