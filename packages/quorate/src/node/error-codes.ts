import { RaftError } from '../errors.ts';

/** By its code: a network may use a second copy of the package, with classes of its own. */
export function isRaftError(error: unknown): error is RaftError {
  if (error instanceof RaftError) return true;
  return codeOf(error)?.startsWith('RAFT_') === true;
}

/** The code of an error, if it is one and has one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
