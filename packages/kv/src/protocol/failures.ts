import { isKvErrorCode, KvError, type KvErrorCode } from '../errors.ts';

/*
 * Every failure as a `KvError`: what the library throws, what a member answered over the wire, and
 * what nobody thought of. Members answer by it, and clients understand by it.
 */

/** What the library's errors mean to a client, if the call certainly took no effect. */
const meanings: Readonly<Record<string, KvErrorCode>> = {
  RAFT_NOT_LEADER: 'KV_NO_LEADER',
  RAFT_LEADERSHIP_LOST: 'KV_NO_LEADER',
  RAFT_UNREACHABLE: 'KV_NO_LEADER',
  // Whoever was asked is somebody else, or speaks another language: another member may do.
  RAFT_WRONG_TARGET: 'KV_NO_LEADER',
  RAFT_UNSUPPORTED: 'KV_NO_LEADER',
  // The state is too old for a read; that of another member may not be.
  RAFT_BEHIND: 'KV_NO_LEADER',
  RAFT_TRANSFER_FAILED: 'KV_NO_LEADER',
  RAFT_CHANGE_IN_PROGRESS: 'KV_OVERLOADED',
  RAFT_OVERLOADED: 'KV_OVERLOADED',
  RAFT_SESSION_EXPIRED: 'KV_SESSION_EXPIRED',
  RAFT_STOPPED: 'KV_STOPPING',
  RAFT_FATAL: 'KV_UNHEALTHY',
  RAFT_DAMAGED: 'KV_UNHEALTHY',
  RAFT_LOCKED: 'KV_UNHEALTHY',
  RAFT_REFUSED: 'KV_INVALID',
  RAFT_INVALID_MEMBERSHIP: 'KV_MEMBERSHIP',
  RAFT_ALREADY_INITIALIZED: 'KV_INVALID',
  RAFT_ENTRY_NOT_FOUND: 'KV_INTERNAL',
};

/** What they mean if it may have taken effect, where that is not `KV_MAYBE`. */
const openMeanings: Readonly<Record<string, KvErrorCode>> = {
  // Nobody may send it again: the cluster would not know it for a repetition.
  RAFT_SESSION_EXPIRED: 'KV_SESSION_EXPIRED',
  // Not a write: the target was asked to take over, and may still do so.
  RAFT_TRANSFER_FAILED: 'KV_TIMEOUT',
};

/** By names and codes, not classes: another copy of a package has classes of its own. */
export function errorOf(thrown: unknown): KvError {
  if (thrown instanceof KvError) return thrown;
  if (!(thrown instanceof Error)) {
    const what =
      typeof thrown === 'string' ? thrown : `something that is no error (${typeof thrown})`;
    return new KvError('KV_INTERNAL', what, { cause: thrown });
  }
  const { name, message } = thrown;
  const code = 'code' in thrown ? thrown.code : undefined;
  if (name === 'KvError' || name === 'ChannelError') return toldBy(thrown, code);
  if (typeof code === 'string' && code.startsWith('RAFT_')) return ofLibrary(thrown, code);
  if (name === 'TimeoutError' || name === 'AbortError') {
    return new KvError('KV_TIMEOUT', message, { cause: thrown });
  }
  return new KvError('KV_INTERNAL', message, { cause: thrown });
}

/** What a member has answered. */
function toldBy(thrown: Error, code: unknown): KvError {
  const given: unknown = 'details' in thrown ? thrown.details : undefined;
  const details = isRecord(given) ? given : {};
  const options = { details, cause: thrown };
  if (isKvErrorCode(code)) return new KvError(code, thrown.message, options);
  const message = `The server answered with ${String(code)}: ${thrown.message}`;
  return new KvError('KV_INTERNAL', message, options);
}

function ofLibrary(thrown: Error, code: string): KvError {
  const isOpen = 'maybeApplied' in thrown && thrown.maybeApplied === true;
  const open = isOpen ? { maybeApplied: true } : {};
  const options = { cause: thrown, details: { reason: code, ...open, ...leaderOf(thrown) } };
  const meaning = isOpen
    ? (openMeanings[code] ?? 'KV_MAYBE')
    : Object.hasOwn(meanings, code)
      ? meanings[code]
      : undefined;
  return new KvError(meaning ?? 'KV_INTERNAL', thrown.message, options);
}

function leaderOf(thrown: Error): { leader?: string } {
  const leader: unknown = 'leader' in thrown ? thrown.leader : undefined;
  return isRecord(leader) && typeof leader['id'] === 'string' ? { leader: leader['id'] } : {};
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
