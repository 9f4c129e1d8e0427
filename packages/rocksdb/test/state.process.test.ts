import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  RocksState,
  type StateChange,
  type StateMoment,
  type StatePageOptions,
} from '../src/index.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'quorate-rocks-state-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function change(key: string, value?: string): StateChange {
  return { key: Buffer.from(key), value: value === undefined ? undefined : Buffer.from(value) };
}

const all = { from: Buffer.of(1), to: Buffer.of(255) };

async function textOf(
  moment: StateMoment,
  options: StatePageOptions,
  range: { from: Buffer; to: Buffer } = all,
): Promise<string[]> {
  const entries = await moment.page(range, options);
  return entries.map(
    ([key, value]) => `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`,
  );
}

async function recordsOf(state: RocksState): Promise<string[]> {
  const records: string[] = [];
  for await (const { key, value } of state.libraryRecords()) {
    records.push(`${key}=${Buffer.from(value ?? []).toString()}`);
  }
  return records;
}

test('a moment is read in pages from either end, and many keys at once', async () => {
  await using state = await RocksState.open(folder);
  await state.write(['a', 'b', 'c', 'd', 'e'].map((key) => change(key, key.toUpperCase())));
  const moment = state.freeze();

  expect(await textOf(moment, { limit: 2 })).toEqual(['a=A', 'b=B']);
  expect(await textOf(moment, { limit: 2, isDown: true })).toEqual(['e=E', 'd=D']);
  expect(await textOf(moment, { limit: 9, keysOnly: true })).toEqual([
    'a=',
    'b=',
    'c=',
    'd=',
    'e=',
  ]);
  const range = { from: Buffer.from('b'), to: Buffer.from('d') };
  expect(await textOf(moment, { limit: 9 }, range)).toEqual(['b=B', 'c=C']);
  expect(await textOf(moment, { limit: 9 }, { from: range.to, to: range.from })).toEqual([]);
  expect(await textOf(moment, { limit: 0 })).toEqual([]);
  expect(await textOf(moment, { limit: 9, mostBytes: 3 })).toEqual(['a=A', 'b=B']);
  const found = await moment.getMany([Buffer.from('d'), Buffer.from('x'), Buffer.from('a')]);
  expect(found.map((value) => value?.toString())).toEqual(['D', undefined, 'A']);
  await moment.release();
});

test('a moment stays as it was, and what is written is there after another opening', async () => {
  const state = await RocksState.open(folder);
  await state.write(
    [change('a', '1'), change('b', '2')],
    [{ key: 'applied', value: Buffer.from('1') }],
  );
  const moment = state.freeze();
  await state.write([change('a', '3'), change('b')], [{ key: 'applied', value: Buffer.from('2') }]);

  expect(await textOf(moment, { limit: 9 })).toEqual(['a=1', 'b=2']);
  await state.close();
  await expect(moment.getMany([Buffer.from('a')])).rejects.toMatchObject({ code: 'RAFT_STOPPED' });

  await using again = await RocksState.open(folder);
  expect(await textOf(again.freeze(), { limit: 9 })).toEqual(['a=3']);
  expect(await recordsOf(again)).toEqual(['applied=2']);
});

test('a replacement is seen whole or not at all, and ends the moments of what it replaces', async () => {
  await using state = await RocksState.open(folder);
  await state.write([change('old', 'state')], [{ key: 'applied', value: Buffer.from('1') }]);
  const old = state.freeze();

  const failed = state.replace(async (next) => {
    next.put(Buffer.from('half'), Buffer.from('state'));
    await next.moment();
    throw new Error('no more came');
  }, []);
  await expect(failed).rejects.toThrow('no more came');
  expect(await textOf(old, { limit: 9 })).toEqual(['old=state']);

  const result = await state.replace(
    async (next) => {
      next.put(Buffer.from('new'), Buffer.from('state'));
      await next.writeIfFull();
      const moment = await next.moment();
      const text = await textOf(moment, { limit: 9 });
      await moment.release();
      return text;
    },
    [{ key: 'applied', value: Buffer.from('7') }],
  );

  expect(result).toEqual(['new=state']);
  await expect(old.page(all, { limit: 9 })).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
  expect(await textOf(state.freeze(), { limit: 9 })).toEqual(['new=state']);
  expect(await recordsOf(state)).toEqual(['applied=7']);
});

test('a key that could be one of the library is refused, and nothing is written', async () => {
  await using state = await RocksState.open(folder);
  const changes = [change('a', '1'), { key: Buffer.of(0, 97), value: Buffer.from('2') }];

  await expect(state.write(changes)).rejects.toThrow('must begin with a byte above 0');
  await expect(state.write([{ key: Buffer.alloc(0), value: undefined }])).rejects.toThrow(
    RangeError,
  );

  expect(await textOf(state.freeze(), { limit: 9 })).toEqual([]);
  await expect(RocksState.open(folder)).rejects.toMatchObject({ code: 'RAFT_LOCKED' });
  await expect(RocksState.open('')).rejects.toThrow(TypeError);
  await expect(RocksState.open(folder, { writeBufferBytes: 1 })).rejects.toThrow(RangeError);
});
