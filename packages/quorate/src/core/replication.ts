import { assert } from './assert.ts';
import type { CallId } from './event.ts';
import { becomeFollower } from './follower.ts';
import { advanceCommit, office } from './leader.ts';
import type { AppendEntriesResponse } from './message.ts';
import type { AppendCall, Progress } from './progress.ts';
import { confirmReads } from './read-index.ts';
import type { CoreState } from './state.ts';
import type { LogIndex } from './types.ts';

/**
 * Sends the next entries if the follower's window has room. How many go out is for the replicator
 * to say; until it has (`sent`), nothing follows.
 */
export function replicate(core: CoreState, progress: Progress): void {
  if (progress.paused || progress.sending !== undefined) return;
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
 * has for certain, so it is understood even when it overtakes entries.
 */
export function heartbeat(core: CoreState, progress: Progress): void {
  progress.heartbeatAt = core.now + core.options.heartbeatMs;
  if (progress.heartbeatsInflight >= maxHeartbeatsInflight(core)) return;
  progress.heartbeatsInflight += 1;
  const { matchIndex } = progress;
  sendAppend(core, progress, { kind: 'heartbeat', previousIndex: matchIndex, last: matchIndex });
}

/** The replicator says how far this call goes; the next one begins there. */
export function onSent(core: CoreState, call: CallId, last: LogIndex): void {
  const progress = core.leadership?.calls.get(call)?.progress;
  if (progress === undefined || progress.sending !== call) return;
  progress.sending = undefined;
  if (progress.state !== 'replicate') return;
  assert(
    last <= core.last.index,
    `what was sent to ${progress.id} must end in the log, not at ${last} after ${core.last.index}`,
  );
  progress.committedSent = Math.min(progress.committedSent, last);
  // An answer to an older call may have told of more than this one carries.
  progress.nextIndex = Math.max(progress.nextIndex, last + 1);
  replicate(core, progress);
}

export function onAppendAnswered(
  core: CoreState,
  call: CallId,
  response: AppendEntriesResponse,
): void {
  if (response.term > core.term) {
    becomeFollower(core, response.term);
    return;
  }
  const made = takeCall(core, call);
  if (made === undefined || response.term < core.term) return;
  const { progress } = made;
  progress.lastAckAt = core.now;
  progress.contactAt = Math.max(progress.contactAt, made.sentAt);
  progress.answeredCall = Math.max(progress.answeredCall, call);
  progress.paused = false;
  if (response.accepted) {
    onAccepted(core, made, response.match);
  } else if (made.kind === 'append' && made.epoch === progress.epoch) {
    const agreed = core.log.lastAtOrBefore(
      Math.min(response.hint.index, made.previousIndex - 1),
      response.hint.term,
    );
    progress.probeFrom(agreed.index + 1);
    // It no longer has what it once said was on its disk: there is no place to go back to, and
    // asking again at once would go round for ever.
    progress.paused = made.previousIndex <= progress.matchIndex;
  }
  confirmReads(core);
  // A commit may have ended this leadership or this follower's membership.
  if (core.leadership?.progress.get(progress.id) !== progress) return;
  replicate(core, progress);
  if (lacksCommit(core, progress)) hurryBeat(core);
}

/** `true` if the follower could commit more, and nothing is under way that will tell it so. */
export function lacksCommit(core: CoreState, progress: Progress): boolean {
  const { committedSent, matchIndex, inflight } = progress;
  return inflight === 0 && committedSent < Math.min(core.committed, matchIndex);
}

/** Makes the next beat come shortly; what is sent meanwhile may make it unnecessary. */
export function hurryBeat(core: CoreState): void {
  const leadership = office(core);
  const soon = core.now + core.options.heartbeatMs / 10;
  leadership.beatAt = Math.min(leadership.beatAt, soon);
}

export function onAppendUnanswered(core: CoreState, call: CallId): void {
  const made = takeCall(core, call);
  if (made === undefined || made.kind === 'heartbeat') return;
  const { progress } = made;
  if (made.epoch !== progress.epoch) return;
  progress.probeFrom(progress.matchIndex + 1);
  progress.paused = true;
}

function onAccepted(core: CoreState, made: AppendCall, match: LogIndex): void {
  const { progress } = made;
  assert(
    match <= core.last.index,
    `${progress.id} cannot have ${match} of a log that ends at ${core.last.index}`,
  );
  progress.accept(match);
  if (made.kind === 'append' && made.epoch === progress.epoch && progress.state === 'probe') {
    progress.state = 'replicate';
    progress.nextIndex = progress.matchIndex + 1;
  }
  advanceCommit(core);
}

/** Takes an outstanding call off the books; late ones are not on them any more. */
function takeCall(core: CoreState, call: CallId): AppendCall | undefined {
  const calls = core.leadership?.calls;
  const made = calls?.get(call);
  if (made === undefined) return undefined;
  calls?.delete(call);
  const { progress } = made;
  if (made.kind === 'heartbeat') progress.heartbeatsInflight -= 1;
  else if (made.epoch === progress.epoch) progress.inflight -= 1;
  if (progress.sending === call) progress.sending = undefined;
  return made;
}

function sendAppend(
  core: CoreState,
  progress: Progress,
  what: { kind: AppendCall['kind']; previousIndex: LogIndex; last: LogIndex },
): CallId {
  const call = core.nextCall();
  const { kind, previousIndex, last } = what;
  const { epoch } = progress;
  office(core).calls.set(call, { progress, kind, epoch, previousIndex, sentAt: core.now });
  // A follower commits no further than what it has compared.
  progress.committedSent = Math.max(progress.committedSent, Math.min(core.committed, last));
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
