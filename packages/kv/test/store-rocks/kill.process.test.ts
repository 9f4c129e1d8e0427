import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { RocksState } from '@quorate/rocksdb';
import { expect, test } from 'vitest';
import { KvStore } from '../../src/store/store.ts';
import { RocksKvStore } from '../../src/store-rocks/store.ts';
import { applyAt, picture } from '../store/kit.ts';
import { batchAt, lastApplied } from './kill-batches.ts';
import { appliedRecord, pictureOf, RocksKit } from './kit.ts';

const program = fileURLToPath(new URL('./kill-child.ts', import.meta.url));
const rounds = process.env['QUORATE_TEST_FULL'] === '1' ? 40 : 5;
/** A round starts a program, on a machine that may be busy. */
const timeout = 30_000 + 5000 * rounds;

/** Starts the program, kills it after so many lines, and returns the last index that it said. */
async function runAndKill(folder: string, killAfter: number): Promise<number> {
  const flags = ['--conditions=quorate-source', program, folder];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let said = 0;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    said = Number(line);
    lines += 1;
    if (lines === killAfter) child.kill('SIGKILL');
  }
  await exited;
  expect(lines).toBeGreaterThanOrEqual(killAfter);
  return said;
}

test('a state whose process is killed again and again is that of its index, and no other', {
  timeout,
}, async () => {
  await using kit = await RocksKit.open();
  const memory = new KvStore();
  let applied = 0;

  for (let round = 0; round < rounds; round += 1) {
    await kit.close();
    const said = await runAndKill(kit.folder, 20 + ((round * 53) % 60));
    await kit.reopen();
    const found = await lastApplied(kit.machine);
    expect(found).toBeGreaterThanOrEqual(said);
    for (; applied < found; applied += 1) applyAt(memory, applied + 1, batchAt(applied + 1));

    expect(kit.store.hash()).toBe(memory.hash());
    expect(await pictureOf(kit.store)).toEqual(picture(memory));
  }
});

test('what a batch changes and how far it was applied are one write', async () => {
  await using kit = await RocksKit.open();
  await kit.close();
  await using state = await RocksState.open(kit.folder);
  const writes: { rows: number; records: readonly string[] }[] = [];
  const counted = {
    freeze: () => state.freeze(),
    write(...[changes, records = []]: Parameters<RocksState['write']>) {
      writes.push({ rows: changes.length, records: records.map(({ key }) => key) });
      return state.write(changes, records);
    },
  };
  const store = await RocksKvStore.open(counted as unknown as RocksState);

  const draft = await store.draft();
  const slot = await draft.slotOf('a');
  draft.put('a', slot, { value: Buffer.from('1'), lease: 0, keyHash: 1 });
  draft.commit();
  await store.take(draft, [appliedRecord(1)]);

  // The pair, its change, the count of keys and the numbers of the state.
  expect(writes).toEqual([{ rows: 4, records: ['applied'] }]);
  expect((await store.range({ key: Buffer.from('a') })).kvs[0]?.value.toString()).toBe('1');
  await store.close();
});
