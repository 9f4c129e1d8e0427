import type { NodeId } from '../core/types.ts';
import { type NotLeaderError, type RaftError, UnreachableError } from '../errors.ts';
import { isRaftError } from './error-codes.ts';

/** What became of a call to another node that brought no answer. */
export interface FarRefusal {
  /** For the caller on this node. */
  readonly error: Error;
  /** Nothing was done, and the same or another node may do it later. */
  readonly mayRepeat: boolean;
  /** Whom the other node takes for leader, if it says so. */
  readonly leader: NodeId | undefined;
}

/** Who refuses so has done nothing, and will not: another may, or the same one later. */
const repeatable: ReadonlySet<unknown> = new Set([
  'RAFT_NOT_LEADER',
  'RAFT_UNREACHABLE',
  'RAFT_WRONG_TARGET',
  'RAFT_STOPPED',
  'RAFT_FATAL',
]);

/** Reads what a call to node `from` rejected with. */
export function readRefusal(reason: unknown, from: NodeId): FarRefusal {
  if (!isRaftError(reason)) {
    // Not an error of ours: whatever went wrong on the way, nobody knows how far the call came.
    const text = reason instanceof Error ? reason.message : String(reason);
    const message = `The call to node ${from} failed: ${text}`;
    const error = new UnreachableError(message, { cause: reason, maybeApplied: true });
    return { error, mayRepeat: false, leader: undefined };
  }
  const { code, maybeApplied } = reason;
  return {
    error: hasEnded(reason) ? ended(reason, from) : reason,
    mayRepeat: !maybeApplied && repeatable.has(code),
    leader: code === 'RAFT_NOT_LEADER' ? (reason as NotLeaderError).leader?.id : undefined,
  };
}

/** Whether a call that rejected so certainly did nothing, and will do nothing later. */
export function hadNoEffect(reason: unknown, from: NodeId): boolean {
  // An overloaded node is not asked again at once, but it has not begun either.
  const isRefusal = isRaftError(reason) && reason.code === 'RAFT_OVERLOADED';
  return readRefusal(reason, from).mayRepeat || (isRefusal && !reason.maybeApplied);
}

function hasEnded({ code }: RaftError): boolean {
  return code === 'RAFT_STOPPED' || code === 'RAFT_FATAL';
}

/** These two say of a node that it has ended; the caller must not take it for its own. */
function ended(cause: RaftError, from: NodeId): Error {
  const { maybeApplied } = cause;
  const message = `Node ${from} stopped before it answered: ${cause.message}`;
  return new UnreachableError(message, { cause, maybeApplied });
}
