import { assert } from './assert.ts';
import type { CallId } from './event.ts';
import { advanceCommit } from './leader.ts';
import type { AppendEntriesResponse, InstallSnapshotResponse } from './message.ts';
import type { OpenCall, Progress } from './progress.ts';
import { confirmReads } from './read-index.ts';
import { hurryBeat, lacksCommit, replicate } from './replication.ts';
import type { CoreState } from './state.ts';
import { becomeFollower } from './step-down.ts';
import { goOnWithTransfer } from './transfer.ts';
import type { LogId, LogIndex, Term } from './types.ts';

export function onAppendAnswered(
  core: CoreState,
  call: CallId,
  response: AppendEntriesResponse,
): void {
  const made = takeAnswered(core, call, response.term);
  if (made === undefined) return;
  const { progress } = made;
  if (response.accepted) {
    onAccepted(core, made, response.match);
  } else if (made.kind === 'append' && made.epoch === progress.epoch) {
    progress.probeFrom(placeToTry(core, made, response.hint) + 1);
    // It no longer has what it once said was on its disk: there is no place to go back to, and
    // asking again at once would go round for ever.
    progress.paused = made.previousIndex <= progress.matchIndex;
  }
  goOn(core, progress);
}

/** A follower was given a snapshot, as far as it went, or had no need of it. */
export function onSnapshotAnswered(
  core: CoreState,
  call: CallId,
  response: InstallSnapshotResponse,
): void {
  const made = takeAnswered(core, call, response.term);
  if (made === undefined) return;
  const { progress } = made;
  const { stored, match } = response;
  const isFurther = stored > progress.snapshotStored || match > progress.matchIndex;
  progress.snapshotStored = stored;
  onAccepted(core, made, match);
  // What comes to nothing waits for the next heartbeat's answer, so that it cannot go round and
  // round as fast as the network is.
  progress.paused = progress.state === 'snapshot' && !isFurther;
  goOn(core, progress);
}

export function onAppendUnanswered(core: CoreState, call: CallId): void {
  const made = takeCall(core, call);
  if (made === undefined || made.kind === 'heartbeat') return;
  const { progress } = made;
  if (made.kind === 'snapshot') {
    if (progress.state === 'snapshot') progress.paused = true;
    return;
  }
  if (made.epoch !== progress.epoch) return;
  // It may well have what is purged: nobody is sent a snapshot for a lost answer.
  progress.probeFrom(Math.max(progress.matchIndex, core.log.purged.index) + 1);
  progress.paused = true;
}

/** Takes the call off the books and notes the contact; `undefined` if the answer says no more. */
function takeAnswered(core: CoreState, call: CallId, term: Term): OpenCall | undefined {
  if (term > core.term) {
    becomeFollower(core, term);
    return undefined;
  }
  if (term < core.term) {
    // Only a node in quarantine answers so: it is there, and nobody may count on it.
    onAppendUnanswered(core, call);
    return undefined;
  }
  const made = takeCall(core, call);
  if (made === undefined) return undefined;
  const { progress } = made;
  progress.lastAckAt = core.now;
  progress.contactAt = Math.max(progress.contactAt, made.sentAt);
  progress.answeredCall = Math.max(progress.answeredCall, call);
  progress.paused = false;
  return made;
}

/**
 * Where the logs could still agree after a refusal. Below the purged end there is nothing to try:
 * the follower's own word stands then, and it gets a snapshot.
 */
function placeToTry(core: CoreState, made: OpenCall, hint: LogId): LogIndex {
  const place = Math.min(hint.index, made.previousIndex - 1);
  if (place < core.log.purged.index) return place;
  return core.log.lastAtOrBefore(place, hint.term).index;
}

function goOn(core: CoreState, progress: Progress): void {
  confirmReads(core);
  // A commit may have ended this leadership or this follower's membership.
  if (core.leadership?.progress.get(progress.id) !== progress) return;
  replicate(core, progress);
  if (lacksCommit(core, progress)) hurryBeat(core);
}

function onAccepted(core: CoreState, made: OpenCall, match: LogIndex): void {
  const { progress } = made;
  assert(
    match <= core.last.index,
    () => `${progress.id} cannot have ${match} of a log that ends at ${core.last.index}`,
  );
  progress.accept(match);
  const { state } = progress;
  if (state === 'snapshot') {
    // However it came by what is purged: it needs no snapshot any more.
    if (progress.matchIndex >= core.log.purged.index) progress.replicateOn();
  } else if (made.kind === 'append' && made.epoch === progress.epoch && state === 'probe') {
    progress.replicateOn();
  }
  advanceCommit(core);
  goOnWithTransfer(core);
}

/** Takes an outstanding call off the books; late ones are not on them any more. */
function takeCall(core: CoreState, call: CallId): OpenCall | undefined {
  const calls = core.leadership?.calls;
  const made = calls?.get(call);
  if (made === undefined) return undefined;
  calls?.delete(call);
  const { progress } = made;
  if (made.kind === 'heartbeat') progress.heartbeatsInflight -= 1;
  else if (made.kind === 'snapshot') progress.snapshotCall = undefined;
  else if (made.epoch === progress.epoch) progress.inflight -= 1;
  if (progress.sending === call) progress.sending = undefined;
  return made;
}
