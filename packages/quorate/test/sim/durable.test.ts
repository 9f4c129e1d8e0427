import { expect, test } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.ts';
import { commands } from '../../src/testing/log-store/entries.ts';
import { DurableModel, recordingStorage, type StoredChange } from './durable.ts';

test('what a process that is gone never heard of was not acknowledged', async () => {
  const model = new DurableModel();
  const told: StoredChange[] = [];
  let isGone = false;
  const { log, snapshots } = recordingStorage(memoryStorage(), {
    model,
    isGone: () => isGone,
    onStored: (change) => told.push(change),
    onSnapshot: () => {},
  });
  const last = { term: 1, index: 2 };
  const membership = { cluster: 'c', voters: [['a']], nodes: { a: {} }, logId: last };

  await log.append(commands(1, 3));
  isGone = true;
  await log.append(commands(3, 5));
  await snapshots.save({ id: 's', lastLogId: last, membership }, emptyContent());

  expect(model.entries.map(({ logId }) => logId.index)).toEqual([1, 2]);
  expect(model.snapshot).toBeUndefined();
  expect(told).toHaveLength(1);
});

async function* emptyContent(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1);
}
