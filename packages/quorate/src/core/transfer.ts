import type { Event, RequestId } from './event.ts';
import { isMember } from './membership.ts';
import type { Transfer } from './office.ts';
import type { CoreState } from './state.ts';
import type { NodeId } from './types.ts';

/**
 * Hands the leadership over (thesis 3.10): from now on nothing is proposed, the target gets what it
 * lacks, and is then asked to campaign at once. Ends when a newer term is heard of, or fails after
 * the longest election timeout.
 */
export function onTransferLeadership(
  core: CoreState,
  request: RequestId,
  wanted: NodeId | undefined,
): void {
  const { leadership } = core;
  if (leadership === undefined) {
    core.refuse(request, { type: 'notLeader', leader: core.leader });
    return;
  }
  const to = wanted ?? furthestVoter(core);
  const reason = faultOfTransfer(core, to);
  if (to === undefined || reason !== undefined) {
    core.refuse(request, { type: 'invalidTransfer', reason: reason ?? 'nobody can take over' });
    return;
  }
  const endsAt = core.now + core.options.electionTimeoutMs.max;
  leadership.transfer = { request, to, endsAt, call: undefined, mayHaveAsked: false };
  leadership.hasBegunTransfer = true;
  goOnWithTransfer(core);
}

/** Asks the target to campaign once it has all of the log. */
export function goOnWithTransfer(core: CoreState): void {
  const transfer = core.leadership?.transfer;
  if (transfer === undefined || transfer.call !== undefined) return;
  const { to } = transfer;
  if (core.office.progress.get(to)?.matchIndex !== core.last.index) return;
  transfer.call = core.nextCall();
  core.emit({ type: 'timeoutNow', call: transfer.call, to, term: core.term });
}

/**
 * If nobody can have been asked to campaign, there is nothing to wait for. Else the target may win
 * although its answer was lost: only a newer term or the time tells, and it is asked again with the
 * next answer to an append. Repeating that does no harm: who campaigns has left the term.
 */
export function onTimeoutNowUnanswered(
  core: CoreState,
  { call, hadNoEffect }: Extract<Event, { type: 'unanswered' }>,
): void {
  const transfer = core.leadership?.transfer;
  if (transfer?.call !== call) return;
  transfer.call = undefined;
  if (hadNoEffect !== true) transfer.mayHaveAsked = true;
  if (transfer.mayHaveAsked) return;
  failTransfer(core, `${transfer.to} could not be asked to take over`);
}

/** Gives a transfer up that has taken too long. */
export function watchTransfer(core: CoreState): void {
  const { transfer } = core.office;
  if (transfer === undefined || core.now < transfer.endsAt) return;
  const { max } = core.options.electionTimeoutMs;
  const state = isTargetAsked(transfer)
    ? 'was asked to take over and was not elected'
    : 'did not catch up';
  failTransfer(core, `${transfer.to} ${state} within ${max} ms`);
}

/** Answers that the transfer did not come about, as far as that is known. */
export function refuseTransfer(core: CoreState, transfer: Transfer, reason: string): void {
  const isUnknown = isTargetAsked(transfer);
  core.refuse(transfer.request, { type: 'transferFailed', reason, isUnknown });
}

/** Whether the target may campaign, at any time until the term is over. */
function isTargetAsked({ call, mayHaveAsked }: Transfer): boolean {
  return call !== undefined || mayHaveAsked;
}

/** What came in now would have to wait for a leader that may never come: it is refused at once. */
export function isRefusedByTransfer(core: CoreState, request: RequestId): boolean {
  const transfer = core.leadership?.transfer;
  if (transfer === undefined) return false;
  core.refuse(request, { type: 'transferring', to: transfer.to });
  return true;
}

function failTransfer(core: CoreState, reason: string): void {
  const { transfer } = core.office;
  if (transfer === undefined) return;
  refuseTransfer(core, transfer, reason);
  core.office.transfer = undefined;
}

/** Returns what stands against handing over to `to`, or `undefined`. */
function faultOfTransfer(core: CoreState, to: NodeId | undefined): string | undefined {
  const { membership, id } = core;
  const under = core.office.transfer;
  if (under !== undefined) return `a transfer to ${under.to} is under way`;
  const others = candidates(core);
  if (others.length === 0) return `${id} is the only voter`;
  const recently = `within the last ${core.options.electionTimeoutMs.min} ms`;
  if (to === undefined) return `none of ${others.join(', ')} has answered ${recently}`;
  if (to === id) return `${id} leads already`;
  if (!isMember(membership, to)) return `${to} is not a member`;
  if (!others.includes(to)) {
    return `${to} is not among the voters that stay (${others.join(', ')}, and ${id} leads)`;
  }
  return hasAnswered(core, to) ? undefined : `${to} has not answered ${recently}`;
}

/** Of the voters that answer, the one that has the most of the log; the first of equals. */
function furthestVoter(core: CoreState): NodeId | undefined {
  let furthest: NodeId | undefined;
  let highest = -1;
  for (const id of candidates(core)) {
    const match = core.office.progress.get(id)?.matchIndex ?? 0;
    if (match <= highest || !hasAnswered(core, id)) continue;
    furthest = id;
    highest = match;
  }
  return furthest;
}

/** Who may take over: the other voters, without those that a change under way removes. */
function candidates(core: CoreState): readonly NodeId[] {
  return (core.membership.voters.at(-1) ?? []).filter((id) => id !== core.id);
}

function hasAnswered(core: CoreState, id: NodeId): boolean {
  const answeredAt = core.office.progress.get(id)?.lastAckAt ?? -Infinity;
  return core.now - answeredAt <= core.options.electionTimeoutMs.min;
}
