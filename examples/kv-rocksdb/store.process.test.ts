import { cpSync } from 'node:fs';
import path from 'node:path';
import { stateMachineSuite } from 'quorate/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FrozenContent } from '../kv-memstore/frozen-values.ts';
import type { Command, CommandResponse } from '../kv-memstore/store.ts';
import { TemporaryFolder } from '../kv-memstore/test-support/temporary-folder.ts';
import { openRocksStore, type RocksStore, readable } from './store.ts';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await TemporaryFolder.make();
});
afterAll(() => folder[Symbol.asyncDispose]());

const places = new WeakMap<object, string>();
let opened = 0;

async function openIn(place: string): Promise<RocksStore> {
  const store = await openRocksStore(place);
  places.set(store, place);
  return store;
}

function newPlace(): string {
  opened += 1;
  return path.join(folder.path, `store-${opened}`);
}

function placeOf(store: object): string {
  return places.get(store) ?? '';
}

const commands: readonly Command[] = [
  { type: 'set', key: 'a', value: 'one' },
  { type: 'compare-and-set', key: 'a', expectedVersion: 1, value: 'two' },
  { type: 'compare-and-set', key: 'a', expectedVersion: 1, value: 'three' },
  { type: 'set', key: 'ключ', value: 'значение' },
  { type: 'compare-and-set', key: 'b', expectedVersion: 0, value: 'four' },
  { type: 'set', key: '', value: '' },
];

describe('the store of the example in RocksDB', () => {
  stateMachineSuite<Command, CommandResponse>({
    test,
    commands,
    open: () => openIn(newPlace()),
    durable: {
      reopen: async (store) => {
        await (store as RocksStore).close();
        return openIn(placeOf(store));
      },
      afterCrash: async (store) => {
        const copy = newPlace();
        cpSync(placeOf(store), copy, { recursive: true });
        return openIn(copy);
      },
    },
  });
});

test('what was written is read with its version, and counted', async () => {
  await using store = await openIn(newPlace());
  const batch = commands.map((command, at) => ({ logId: { term: 1, index: at + 1 }, command }));

  const responses = await store.apply(batch, () => []);

  const reads = readable(store);
  expect(responses[1]).toEqual({ value: 'two', version: 2 });
  expect(responses[2]).toBeUndefined();
  expect(await reads.get('a')).toEqual({ value: 'two', version: 2 });
  expect(await reads.get('ключ')).toEqual({ value: 'значение', version: 4 });
  expect(await reads.get('')).toEqual({ value: '', version: 6 });
  expect(await reads.get('b')).toBeUndefined();
  expect(await digestOf(reads.freeze())).toMatchObject({ count: 3 });
});

/** Reads it with `between` after the first chunk. */
async function digestOf(
  { chunks, count }: FrozenContent,
  between: () => Promise<unknown> = async () => undefined,
): Promise<{ bytes: string; count: number }> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    if (parts.length === 0) await between();
    parts.push(chunk);
  }
  return { bytes: Buffer.concat(parts).toString('hex'), count: count() };
}

test('what is frozen to be looked at is of one moment, with its count', async () => {
  await using store = await openIn(newPlace());
  const apply = async (command: Command, index: number): Promise<unknown> =>
    store.apply([{ logId: { term: 1, index }, command }], () => []);
  for (const [at, command] of commands.entries()) await apply(command, at + 1);
  const reads = readable(store);
  const wanted = await digestOf(reads.freeze());

  const found = await digestOf(reads.freeze(), () =>
    apply({ type: 'set', key: 'zzz', value: 'late' }, 7),
  );

  expect(found).toEqual(wanted);
  const after = await digestOf(reads.freeze());
  expect([after.count, after.bytes === wanted.bytes]).toEqual([4, false]);
});
