import { KvError, type KvErrorOptions } from '../errors.ts';

/** Whether the same call may help at another member, or after a moment. */
export function canRetry(error: KvError): boolean {
  // There are as many as are allowed, and that will not have changed in a moment.
  return error.kind.retry !== 'no' && error.code !== 'KV_LIMIT';
}

/** Whether it is the member's fault, so that the next try goes to another one. */
export function isMembersFault(error: KvError): boolean {
  // No other member would take a write that finds no room on the disks of most.
  const isOfAll = error.code === 'KV_OVERLOADED' || error.code === 'KV_LOW_SPACE';
  return canRetry(error) && !isOfAll;
}

export function asKvError(thrown: unknown): KvError {
  if (thrown instanceof KvError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new KvError('KV_INTERNAL', message, { cause: thrown });
}

/** Nothing came of it, and nothing was changed. `last`: what the last try failed with. */
export function unanswered(timeoutMs: number, last: KvError | undefined): KvError {
  if (last === undefined) {
    const message = `No member could be asked within ${timeoutMs} ms. Nothing was changed.`;
    return new KvError('KV_NO_LEADER', message);
  }
  // What was lost was no write, so that no fate is open.
  const code = last.maybeApplied ? 'KV_NO_LEADER' : last.code;
  const message = `It did not succeed within ${timeoutMs} ms. The last try: ${last.message}`;
  return new KvError(code, message, { cause: last, details: last.details });
}

/** The same for what changes nothing. */
export function readUnanswered(timeoutMs: number, last: KvError | undefined): KvError {
  if (last !== undefined) return unanswered(timeoutMs, last);
  return new KvError('KV_TIMEOUT', `No answer came within ${timeoutMs} ms.`);
}

/** No answer came in time, and a write may have been done. */
export function timedOut(timeoutMs: number, last: KvError | undefined): KvError {
  const before = last === undefined ? '' : ` An earlier try: ${last.message}`;
  const options: KvErrorOptions = last === undefined ? {} : { cause: last };
  return new KvError('KV_TIMEOUT', `No answer came within ${timeoutMs} ms.${before}`, options);
}

/** `isOpen`: it may have been done. */
export function closedError({ isOpen }: { readonly isOpen: boolean }): KvError {
  return isOpen
    ? new KvError('KV_MAYBE', 'The client was closed while the write was under way.')
    : new KvError('KV_STOPPING', 'The client is closed; make another one.');
}

export function overloaded(message: string): KvError {
  return new KvError('KV_OVERLOADED', `${message} Nothing was sent; try again after a moment.`);
}
