import { assert } from './assert.ts';
import type { CallId } from './event.ts';
import { advanceCommit } from './leader.ts';
import type { AppendEntriesResponse } from './message.ts';
import type { AppendCall } from './progress.ts';
import { confirmReads } from './read-index.ts';
import { hurryBeat, lacksCommit, replicate } from './replication.ts';
import type { CoreState } from './state.ts';
import { becomeFollower } from './step-down.ts';
import type { LogIndex } from './types.ts';

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
    () => `${progress.id} cannot have ${match} of a log that ends at ${core.last.index}`,
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
