import type { Committed } from '../contract/state-machine.ts';
import type { LogId, Payload } from '../core/types.ts';
import type { SessionBatch } from './session-batch.ts';

/** Room that is made at once for the commands of a batch. */
export const expectedBatch = 1024;

/** What is to be applied together. */
export interface Batch {
  readonly last: LogId;
  readonly bytes: number;
  /** What goes to the state machine. */
  readonly commands: readonly Committed<unknown>[];
  /** Set if there are entries of sessions among its entries. */
  readonly sessions: SessionBatch | undefined;
}

export function isOfSession(payload: Payload): boolean {
  return (
    payload.type === 'session' || (payload.type === 'command' && payload.data.session !== undefined)
  );
}

export function demandResponses(responses: unknown, count: number): void {
  if (Array.isArray(responses) && responses.length === count) return;
  const came = Array.isArray(responses) ? `${responses.length}` : String(responses);
  throw new TypeError(
    `apply() must return one response for each of ${count} commands; it returned ${came}.`,
  );
}
