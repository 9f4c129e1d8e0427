import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { Entry, Identity, LogId, Payload } from '../../core/types.ts';

export const identity: Identity = {
  cluster: 'cluster-1',
  node: 'a',
  incarnation: 'disk-a',
  starts: 1,
};

export function at(term: number, index: number): LogId {
  return { term, index };
}

export function command(
  index: number,
  term: number = 1,
  bytes: Uint8Array = new Uint8Array([index % 256]),
): Entry {
  return {
    logId: at(term, index),
    payload: { type: 'command', data: { bytes, value: undefined } },
  };
}

/** Commands with indexes from `from` (in) to `to` (out). */
export function commands(from: number, to: number, term: number = 1): Entry[] {
  return Array.from({ length: to - from }, (_, count) => command(from + count, term));
}

/** Fails unless the entries are equal. A store may return its bytes in a `Buffer`. */
export function assertEntries(found: readonly Entry[], wanted: readonly Entry[]): void {
  if (isDeepStrictEqual(found.map(plainEntry), wanted.map(plainEntry))) return;
  const isWrong = (entry: Entry, position: number): boolean =>
    !isDeepStrictEqual(plainEntry(entry), plainOrNothing(found[position]));
  const position = wanted.findIndex(isWrong);
  if (position === -1) {
    assert.fail(
      `${wanted.length} entries were wanted; got ${found.length}, the first of them right.`,
    );
  }
  assert.fail(
    `The entry at place ${position} is ${show(found[position])}; wanted was ${show(wanted[position])}.`,
  );
}

function plainOrNothing(entry: Entry | undefined): Entry | undefined {
  return entry === undefined ? undefined : plainEntry(entry);
}

/** Of megabytes, the first few bytes. */
function show(entry: Entry | undefined): string {
  return inspect(entry, { depth: 6, maxArrayLength: 8 });
}

export function assertMissing(read: Promise<unknown>): Promise<void> {
  return assert.rejects(read, { code: 'RAFT_ENTRY_NOT_FOUND' });
}

/** The entry with its bytes in a plain array of its own, so that equal entries compare equal. */
export function plainEntry({ logId, payload }: Entry): Entry {
  return { logId, payload: plainPayload(payload) };
}

function plainPayload(payload: Payload): Payload {
  switch (payload.type) {
    case 'command': {
      const bytes = new Uint8Array(payload.data.bytes);
      return { type: 'command', data: { ...payload.data, bytes } };
    }
    case 'session':
      return { type: 'session', data: new Uint8Array(payload.data) };
    case 'membership':
    case 'blank':
      return payload;
  }
}
