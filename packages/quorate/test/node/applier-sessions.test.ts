import { expect, test } from 'vitest';
import { noLogId } from '../../src/core/log-shape.ts';
import { noMembership } from '../../src/core/membership.ts';
import type { Entry } from '../../src/core/types.ts';
import { Applier } from '../../src/node/applier.ts';
import { encodeCommand, jsonCodec } from '../../src/node/codec.ts';
import { Machine } from '../../src/node/machine.ts';
import { encodeSessionEntry } from '../../src/node/session-entries.ts';
import { settle } from './virtual-runtime.ts';

const bounds = { maxSessions: 10, maxSessionBytes: 1_000_000, window: 4096 };

/** One that opens a session, and its writes. */
function sessionEntries(count: number): Entry[] {
  const open: Entry = {
    logId: { term: 1, index: 1 },
    payload: { type: 'session', data: encodeSessionEntry({ type: 'open', bounds }) },
  };
  const writes = Array.from({ length: count }, (_, at): Entry => {
    const data = { ...encodeCommand(jsonCodec, at), session: { id: 1, sequence: at + 1 } };
    return { logId: { term: 1, index: at + 2 }, payload: { type: 'command', data } };
  });
  return [open, ...writes];
}

test.each([false, true])('writes of sessions are read once (from a store: %s)', async (isSlow) => {
  const entries = sessionEntries(1000);
  const applied: unknown[] = [];
  const failures: unknown[] = [];
  let read = 0;
  const applier = new Applier({
    machine: new Machine({
      apply: (batch) => {
        for (const { command } of batch) applied.push(command);
        return batch.map(() => 'done');
      },
      snapshot: async () => [],
      restore: async () => {},
    }),
    codec: jsonCodec,
    responseCodec: jsonCodec,
    log: {
      read: (from, to) => {
        const some = entries.slice(from - 1, to - 1);
        read += some.length;
        return isSlow ? Promise.resolve(some) : some;
      },
    },
    applied: noLogId,
    membership: noMembership,
    maxBatchBytes: 1024 * 1024,
    onApplied: () => undefined,
    onFailure: (cause) => failures.push(cause),
  });

  applier.applyUpTo(601);
  await settle();
  applier.applyUpTo(1001);
  await settle();

  expect(failures).toEqual([]);
  expect(applied).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  expect(read).toBe(1001);
});
