import type { Refusal } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import type { CoreState } from '../core/state.ts';
import type { Membership, NodeId, Term } from '../core/types.ts';
import {
  AlreadyInitializedError,
  BehindError,
  ChangeInProgressError,
  InvalidMembershipError,
  NotLeaderError,
  type RaftError,
  TransferError,
} from '../errors.ts';

/** Turns the core's refusal, which is plain data, into the error that the caller gets. */
export function errorOf(refusal: Refusal, self: NodeId, membership: Membership): RaftError {
  switch (refusal.type) {
    case 'notLeader':
      return notLeader(self, refusal.leader, membership);
    case 'changeInProgress': {
      const { logId } = refusal;
      const message = `Another membership change has to be committed first, up to entry ${logId.index} of term ${logId.term}. Try again after that.`;
      return new ChangeInProgressError(message, { logId });
    }
    case 'invalidMembership':
      return new InvalidMembershipError(`The membership cannot be changed so: ${refusal.reason}.`);
    case 'alreadyInitialized':
      return new AlreadyInitializedError(
        `Node ${self} has a log or a vote already; a cluster is initialized once in its life.`,
      );
    case 'transferring':
      return new TransferError(
        `Node ${self} is handing the leadership over to ${refusal.to} and takes nothing new. Try again shortly.`,
      );
    case 'invalidTransfer':
      return new TransferError(`The leadership cannot be handed over: ${refusal.reason}.`);
    case 'transferFailed':
      return notHandedOver(refusal);
    default:
      return assertNever(refusal);
  }
}

function notHandedOver({
  reason,
  isUnknown,
}: Extract<Refusal, { type: 'transferFailed' }>): TransferError {
  if (!isUnknown) return new TransferError(`The leadership was not handed over: ${reason}.`);
  const message = `It is not known whether the leadership is handed over: ${reason}. That may still come; wait for a leader, and look who it is.`;
  return new TransferError(message, { maybeApplied: true });
}

/** A node in quarantine confirms nothing, so it is sent no more, and gets no further. */
export function noReadInQuarantine(self: NodeId, quarantine: string): BehindError {
  return new BehindError(
    `Node ${self} is in quarantine, so its state does not get to where a read needs it. Read on another node. ${quarantine}`,
  );
}

export function notLeader(
  self: NodeId,
  leader: NodeId | undefined,
  membership: Membership,
): NotLeaderError {
  if (leader === undefined || leader === self) {
    const message = `Node ${self} does not lead, and knows of no leader now. Try again, or ask another node.`;
    return new NotLeaderError(message);
  }
  const { incarnation: _, ...info } = membership.nodes[leader] ?? {};
  const where = info.address === undefined ? '' : ` at ${info.address}`;
  const message = `Node ${self} does not lead; ask node ${leader}${where}.`;
  return new NotLeaderError(message, { leader: { id: leader, info } });
}

/** For a write that was bound to one term. */
export function otherTerm(
  self: NodeId,
  wanted: Term,
  { term, leader, membership }: Pick<CoreState, 'term' | 'leader' | 'membership'>,
): NotLeaderError {
  const message = `The write was for term ${wanted} alone, and node ${self} is in term ${term}.`;
  const { leader: hint } = notLeader(self, leader, membership);
  return new NotLeaderError(message, { leader: hint });
}
