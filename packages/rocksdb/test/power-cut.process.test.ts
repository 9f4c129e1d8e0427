import { readdirSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { RocksStateMachine } from '@quorate/rocksdb';
import type { LibraryRecord } from 'quorate';
import { afterAll, expect, test } from 'vitest';
import { checkCounting, countingOptions } from './counting.ts';
import { contentOf, copyFolder, Machines, meta, streamOf } from './words.ts';

// The engine syncs its files of sorted pairs and not its log, so a power cut may take any part of
// the log's end, and all of it.

const machines = new Machines();
afterAll(() => machines[Symbol.asyncDispose]());

type Counting = RocksStateMachine<'count', number>;

async function count(machine: Counting, from: number, to: number): Promise<void> {
  for (let index = from; index <= to; index += 1) {
    const batch = [{ logId: { term: 1, index }, command: 'count' as const }];
    await machine.apply(batch, () => [applied(index)]);
  }
}

function applied(index: number): LibraryRecord {
  return { key: 'applied', value: Buffer.from(`${index}`) };
}

/** The newest log of the database that is current in a folder. */
function logIn(folder: string): string {
  const database = readdirSync(folder).findLast((name) => name.startsWith('state-')) ?? '';
  const logs = readdirSync(path.join(folder, database)).filter((name) => name.endsWith('.log'));
  return path.join(folder, database, logs.sort().at(-1) ?? '');
}

/** A copy of the folder as a power cut leaves it that takes the log from a byte on. */
function afterPowerCut(folder: string, keptLogBytes: number): string {
  const copy = machines.newFolder();
  copyFolder(folder, copy);
  truncateSync(logIn(copy), keptLogBytes);
  return copy;
}

test('wherever a power cut tears the log, the state is of the moment of its records', async () => {
  const folder = machines.newFolder();
  await using machine = await RocksStateMachine.open(folder, countingOptions);
  await count(machine, 1, 3);
  await machine.flush();
  await count(machine, 4, 8);
  const counts = new Set<number>();

  for (let kept = statSync(logIn(folder)).size; kept >= 0; kept -= 9) {
    counts.add((await checkCounting(afterPowerCut(folder, kept))).count);
  }

  expect([...counts]).toEqual([8, 7, 6, 5, 4, 3]);
});

test('what was flushed survives a power cut that takes the whole log', async () => {
  const folder = machines.newFolder();
  await using machine = await RocksStateMachine.open(folder, countingOptions);
  await count(machine, 1, 100);
  expect((await checkCounting(afterPowerCut(folder, 0))).count).toBe(0);

  await machine.flush();

  expect((await checkCounting(afterPowerCut(folder, 0))).count).toBe(100);
});

test('what was restored survives a power cut that takes the whole log', async () => {
  const folder = machines.newFolder();
  await using source = await RocksStateMachine.open(machines.newFolder(), countingOptions);
  await count(source, 1, 100);
  await using machine = await RocksStateMachine.open(folder, countingOptions);
  await count(machine, 1, 5);

  await machine.restore(streamOf(await contentOf(source)), meta, [applied(100)]);

  expect((await checkCounting(afterPowerCut(folder, 0))).count).toBe(100);
});
