import { expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { decodeResults } from '../../src/protocol/results.ts';
import { KvStore } from '../../src/store/store.ts';
import type { Operation, TxnOperation } from '../../src/types.ts';
import { apply, bytes, codeOf, run } from '../store/kit.ts';

// What a command answers is kept for its session and goes out as one frame, so it must not be
// longer than that, however short the command.

const mebibyte = 1024 ** 2;
const frameBytes = 64 * mebibyte;
const all = { key: bytes('\0'), end: bytes('\0') } as const;
const none = new Uint8Array();

/** A store with so many pairs of a mebibyte. */
function fullStore(count: number): KvStore {
  const store = new KvStore();
  for (let at = 0; at < count; at += 1) {
    const key = bytes(`k${String(at).padStart(3, '0')}`);
    run(store, { type: 'put', key, value: new Uint8Array(mebibyte).fill(at) });
  }
  return store;
}

// oxlint-disable-next-line unicorn/no-thenable -- It is data.
const txn = (...then: TxnOperation[]): Operation => ({ type: 'txn', compare: [], then, else: [] });

test('many puts in one command that answer with long pairs stay within a frame', () => {
  const store = fullStore(1);
  const put = { key: bytes('k000'), value: none, ignoreValue: true, previous: true } as const;
  const command = encodeCommand(Array.from({ length: 100 }, () => ({ type: 'put', ...put })));

  const answer = store.apply(command);

  const results = decodeResults(answer);
  const refused = results.filter((result) => result.type === 'error');
  expect(answer.length).toBeLessThan(frameBytes);
  expect(results).toHaveLength(100);
  expect(refused.length).toBeGreaterThan(60);
  expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['KV_TOO_LARGE']));
  // What was refused has changed nothing.
  expect(store.revision).toBe(2 + results.length - refused.length);
});

test('a transaction or a delete whose answer would be too long changes nothing', () => {
  const store = fullStore(40);
  const before = store.hash();
  const range = { type: 'range', ...all } as const;
  const inner = { type: 'txn', compare: [], then: [range], else: [] } as const;
  const putIn: TxnOperation = { type: 'put', key: bytes('new'), value: bytes('1') };
  const refused: readonly Operation[] = [
    txn(putIn, range),
    txn(putIn, inner),
    txn(putIn, { ...range, limit: 20 }, { ...range, limit: 20 }),
    txn({ type: 'delete', ...all, previous: true }),
    { type: 'delete', ...all, previous: true },
  ];

  for (const operation of refused) {
    expect(codeOf(() => run(store, operation))).toBe('KV_TOO_LARGE');
    expect(store.hash()).toBe(before);
  }
  expect(run(store, txn(putIn, { ...range, limit: 20 })).type).toBe('txn');
  expect(
    run(store, txn({ ...range, keysOnly: true }, { ...range, countOnly: true })),
  ).toBeDefined();
  expect(run(store, { type: 'delete', ...all })).toMatchObject({ deleted: 41 });
});

test('what a transaction puts counts where it reads it', () => {
  const store = new KvStore();
  const value = new Uint8Array(mebibyte);
  const range = { type: 'range', key: bytes('k') } as const;
  const reads = Array.from({ length: 40 }, () => range);
  const other = reads.map(() => ({ ...range, key: bytes('l') }));
  const put = { type: 'put', key: bytes('k'), value } as const;

  expect(codeOf(() => run(store, txn(put, ...reads)))).toBe('KV_TOO_LARGE');
  expect(store.revision).toBe(1);
  const [result] = apply(store, txn(put, range, ...other));
  expect(result).toMatchObject({ type: 'txn', revision: 2 });
});
