import { NotLeaderError, RaftError, type RaftErrorCode } from 'quorate';
import { EdgeError, WrongMethodError } from './edge-errors.ts';
import { type WireForward, wireForward } from './wire-output.ts';

/** A refusal as it goes over the wire. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly Err: WireError };
}

export interface WireError {
  readonly code: string;
  readonly message: string;
  /** `true`: a write that failed this way may still take effect. */
  readonly maybeApplied?: true;
  readonly APIError?: { readonly ForwardToLeader: WireForward };
}

/** Refusals of the protocol are answers like any other, with status 200; these are not. */
const statuses: ReadonlyMap<RaftErrorCode, number> = new Map([
  ['RAFT_INVALID_MEMBERSHIP', 400],
  ['RAFT_STOPPED', 503],
  ['RAFT_FATAL', 500],
]);

/** Turns whatever a handler threw into an answer. */
export function refusalFrom(error: unknown): Refusal {
  if (error instanceof EdgeError) {
    const headers = error instanceof WrongMethodError ? { allow: error.allowed.join(', ') } : {};
    return refusal(error.status, { code: error.code, message: error.message }, headers);
  }
  if (error instanceof NotLeaderError) {
    const forward = { APIError: { ForwardToLeader: wireForward(error.leader) } };
    return refusal(200, { ...wireError(error), ...forward });
  }
  if (error instanceof RaftError) return refusal(statuses.get(error.code) ?? 200, wireError(error));
  return unforeseen(error);
}

function wireError(error: RaftError): WireError {
  const known = { code: error.code, message: error.message };
  return error.maybeApplied ? { ...known, maybeApplied: true } : known;
}

function unforeseen(error: unknown): Refusal {
  if (error instanceof Error && error.name === 'TimeoutError') {
    const message = 'The call did not finish within the deadline of this server.';
    return refusal(504, { code: 'HTTP_DEADLINE', message, maybeApplied: true });
  }
  return refusal(500, { code: 'HTTP_INTERNAL', message: String(error), maybeApplied: true });
}

function refusal(status: number, error: WireError, headers: Refusal['headers'] = {}): Refusal {
  return { status, headers, body: { Err: error } };
}
