import { expect, test } from 'vitest';
import { bytesOf } from '../../src/bytes.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { KvStore } from '../../src/store/store.ts';
import type { Operation, RangeRequest } from '../../src/types.ts';
import { Chronicle } from './chronicle.ts';
import { checkReads, type SeenRead } from './past-states.ts';

const everything = { key: Buffer.of(0), end: Buffer.of(0) };

function put(key: string, value: string): Operation {
  return { type: 'put', key: bytesOf(key), value: bytesOf(value) };
}

/** A store in which this happened, and its chronicle. */
function lived(...operations: readonly Operation[]): { store: KvStore; chronicle: Chronicle } {
  const store = new KvStore();
  const chronicle = new Chronicle({ onChange: () => undefined });
  store.apply(encodeCommand(operations));
  chronicle.look('a', store, 1);
  return { store, chronicle };
}

const history = [
  put('a', '1'),
  put('b', '2'),
  put('a', '3'),
  { type: 'delete', key: bytesOf('b') },
] as const;

test('reads that show the store as it was at their revision are right, in whatever order', () => {
  const { store, chronicle } = lived(...history);
  const requests: readonly RangeRequest[] = [
    everything,
    { ...everything, revision: 4, limit: 1 },
    { key: bytesOf('b'), revision: 3 },
    { ...everything, revision: 1, countOnly: true },
  ];
  const reads = requests.map((request): SeenRead => {
    return { client: 'x', request, response: store.range(request) };
  });

  expect(checkReads(reads, chronicle.changes)).toEqual([]);
});

test('a read that lacks a change, or shows one too early, is found', () => {
  const { store, chronicle } = lived(...history);
  const now = store.range(everything);
  const before = store.range({ ...everything, revision: 4 });
  const late: SeenRead = {
    client: 'x',
    request: everything,
    response: { ...before, revision: now.revision },
  };
  const early: SeenRead = {
    client: 'y',
    request: { ...everything, revision: 4 },
    response: now,
  };

  expect(checkReads([late, early], chronicle.changes)).toEqual([
    expect.stringMatching(/^At revision 4 client y was to find 2 keys: .* and found 1 keys: /),
    expect.stringMatching(/^At revision 5 client x was to find 1 keys: .* and found 2 keys: /),
  ]);
});

test('a read at a revision that never was is found', () => {
  const { store, chronicle } = lived(put('a', '1'));
  const response = { ...store.range(everything), revision: 9 };

  expect(checkReads([{ client: 'x', request: everything, response }], chronicle.changes)).toEqual([
    'x read at 9, which never was.',
  ]);
});

test('a member that has applied something else is found, and one that only lags is not', () => {
  const { chronicle } = lived(...history);
  const lagging = lived(...history.slice(0, 2)).store;
  const other = lived(put('a', '1'), put('b', 'wrong')).store;

  expect(chronicle.look('b', lagging, 1)).toBe(3);
  expect(() => chronicle.look('c', other, 1)).toThrow(
    'At revision 3 member c has put b=wrong (3/3 version 1 lease 0); another has put b=2',
  );
  expect(() => chronicle.look('b', lagging, 4)).toThrow('Member b went back from 4 to 3.');
});

test('what a store has compacted before anybody saw it is found', () => {
  const { store } = lived(...history);
  store.apply(encodeCommand([{ type: 'compact', revision: 4 }]));
  const late = new Chronicle({ onChange: () => undefined });

  expect(() => late.look('a', store, 1)).toThrow('Member a has compacted revisions 2 to 4');
});
