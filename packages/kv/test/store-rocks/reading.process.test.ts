import { expect, test } from 'vitest';
import type { Operation } from '../../src/types.ts';
import { bytes } from '../store/kit.ts';
import { pastEvents, RocksKit } from './kit.ts';

const everything = { key: bytes('\0'), end: bytes('\0') };

function puts(from: number, to: number, value: (at: number) => string): Operation[] {
  return Array.from({ length: to - from }, (_, at) => ({
    type: 'put',
    key: bytes(`key ${String(from + at).padStart(6, '0')}`),
    value: bytes(value(from + at)),
  }));
}

test('a range that takes many pages sees one moment, whatever is written meanwhile', async () => {
  await using kit = await RocksKit.open();
  await kit.apply(puts(0, 3000, (at) => `old ${at}`));
  const { revision } = kit.store;

  const reads = [
    kit.store.range(everything),
    kit.store.range({ ...everything, sort: { target: 'key', order: 'descend' } }),
    kit.store.range({ ...everything, limit: 5 }),
    kit.store.range({ ...everything, countOnly: true }),
  ];
  for (let round = 0; round < 5; round += 1) {
    await kit.apply(puts(0, 3000, (at) => `new ${at} ${round}`));
    await kit.apply([{ type: 'delete', key: bytes('key 000'), end: bytes('key 001') }]);
    await kit.apply([{ type: 'compact', revision: kit.store.revision }]);
  }

  const [up, down, few, count] = await Promise.all(reads);
  expect(up?.kvs.map(({ value }) => value.toString())).toEqual(
    Array.from({ length: 3000 }, (_, at) => `old ${at}`),
  );
  expect(down?.kvs.map(({ key }) => key)).toEqual(up?.kvs.map(({ key }) => key).toReversed());
  expect(few).toMatchObject({ more: true, count: 3000 });
  expect([up, down, few, count].map((one) => one?.revision)).toEqual(Array(4).fill(revision));
  expect(count?.count).toBe(3000);
});

test('a revision can be read while it is compacted, and after that no more', async () => {
  await using kit = await RocksKit.open();
  await kit.apply(puts(0, 2000, () => 'old'));
  const old = kit.store.revision;
  await kit.apply(puts(0, 2000, () => 'new'));

  const read = kit.store.range({ ...everything, revision: old });
  await kit.apply([{ type: 'compact', revision: kit.store.revision }]);
  await kit.store.trimmed();

  const { kvs, count } = await read;
  expect(count).toBe(2000);
  expect(new Set(kvs.map(({ value }) => value.toString()))).toEqual(new Set(['old']));
  expect(() => kit.store.range({ ...everything, revision: old })).toThrow(
    expect.objectContaining({ code: 'KV_COMPACTED' }),
  );
});

test('the keys of any range are counted as they are, however they came and went', async () => {
  await using kit = await RocksKit.open();
  const live = new Set<number>();
  let seed = 7;
  const draw = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  for (let round = 0; round < 40; round += 1) {
    const from = draw(6000);
    const to = from + draw(1500);
    const name = (at: number): Buffer => bytes(`key ${String(at).padStart(6, '0')}`);
    const isDelete = round > 5 && draw(3) === 0;
    if (isDelete) await kit.apply([{ type: 'delete', key: name(from), end: name(to) }]);
    else await kit.apply(puts(from, to, (at) => `${at}`));
    for (let at = from; at < to; at += 1) {
      if (isDelete) live.delete(at);
      else live.add(at);
    }
    if (round % 10 === 9) await kit.reopen();
    expect(kit.store.keyCount).toBe(live.size);
    for (let question = 0; question < 5; question += 1) {
      const low = draw(7000);
      const high = low + draw(4000);
      const wanted = [...live].filter((at) => at >= low && at < high).length;
      const request = { key: name(low), end: name(high) };
      const { count } = await kit.store.range({ ...request, countOnly: true });
      expect(count).toBe(high === low ? 0 : wanted);
      const few = await kit.store.range({ ...request, limit: 3 });
      expect(few.count).toBe(count);
    }
  }
});

test('what is compacted goes from the disk: no row of an old version is left', async () => {
  await using kit = await RocksKit.open();
  for (let round = 0; round < 4; round += 1) await kit.apply(puts(0, 700, () => `${round}`));
  await kit.apply([{ type: 'delete', key: bytes('key 0000'), end: bytes('key 0001') }]);
  await kit.apply([{ type: 'compact', revision: kit.store.revision }]);
  await kit.store.trimmed();

  const rows = await rowsOf(kit);

  expect(rows).toEqual({ k: 600, b: expect.any(Number) as number, m: 1, t: 1 });
});

test('a revision of many changes is removed in pieces, and told whole before that', async () => {
  await using kit = await RocksKit.open();
  await kit.apply(puts(0, 2000, () => 'a'));
  await kit.apply([{ type: 'delete', key: bytes('key 0'), end: bytes('key 1') }]);
  await kit.apply(puts(0, 3, () => 'b'));
  await kit.apply([{ type: 'compact', revision: 2001 }]);
  await kit.store.trimmed();

  const events = await pastEvents(kit.store);
  expect(events.map((some) => some.length)).toEqual([2000, 1, 1, 1]);
  expect(events[0]?.every(({ previous }) => previous?.value.toString() === 'a')).toBe(true);

  await kit.apply([{ type: 'compact', revision: kit.store.revision }]);
  await kit.store.trimmed();
  expect(await rowsOf(kit)).toEqual({ k: 3, b: expect.any(Number) as number, m: 1, t: 1 });
});

/** How many rows of each kind there are. */
async function rowsOf(kit: RocksKit): Promise<Record<string, number>> {
  const { RocksState } = await import('@quorate/rocksdb');
  await kit.close();
  const counts: Record<string, number> = {};
  await using state = await RocksState.open(kit.folder);
  const moment = state.freeze();
  const range = { from: Buffer.of(1), to: Buffer.of(255) };
  for (const [key] of await moment.page(range, { limit: 100_000 })) {
    const kind = String.fromCharCode(key[0] as number);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  await moment.release();
  await state.close();
  await kit.reopen();
  return counts;
}

test('changes that are compacted are refused, though their rows are gone', async () => {
  await using kit = await RocksKit.open();
  await kit.apply(puts(0, 100, (at) => `${at}`));
  await kit.apply([{ type: 'compact', revision: 50 }]);
  await kit.store.trimmed();
  await kit.apply(puts(0, 1, () => 'later'));

  const past = kit.store.readPast();
  try {
    await expect(past.changes(50, kit.store.revision, 10)).rejects.toMatchObject({
      code: 'KV_COMPACTED',
    });
    expect((await past.changes(51, kit.store.revision, 10)).changes).toHaveLength(10);
  } finally {
    await past.done();
  }
});

test('large values come in small pages, whatever was expected', async () => {
  await using kit = await RocksKit.open();
  const large = 'x'.repeat(500_000);
  for (let from = 0; from < 60; from += 3) await kit.apply(puts(from, from + 3, () => large));

  const { kvs } = await kit.store.range({ ...everything, limit: 50 });
  expect(kvs.map(({ value }) => value.length)).toEqual(Array(50).fill(500_000));
  const names = await kit.store.range({ ...everything, keysOnly: true });
  expect(names.kvs).toHaveLength(60);
  expect(names.kvs.every(({ value }) => value.length === 0)).toBe(true);
});
