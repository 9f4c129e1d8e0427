import type { Refusal } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import type { Membership, NodeId } from '../core/types.ts';
import {
  AlreadyInitializedError,
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
      return new TransferError(`The leadership was not handed over: ${refusal.reason}.`);
    default:
      return assertNever(refusal);
  }
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
