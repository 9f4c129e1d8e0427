import { expect, test, vi } from 'vitest';
import { nodeRuntime } from '../../src/platform/runtime.ts';
import { Pauses } from '../../src/storage/wal/pauses.ts';
import { fill } from '../../src/storage/wal/spare.ts';
import { WalLogStore } from '../../src/storage/wal/wal-log-store.ts';
import { command } from '../../src/testing/log-store/entries.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { settle } from '../node/virtual-runtime.ts';
import { walDirectory } from './wal-under-test.ts';

const kibibyte = 1024;
const segmentBytes = 2048 * kibibyte;

/** A log that makes its next segment, and how many bytes of zeroes each write to that one had. */
class Preparing {
  /** What the writes to the log wait for, and those to its next segment. */
  readonly logWrites: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly zeroWrites: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly zeroes: number[] = [];
  #hasFirstSegment = false;
  #isOpen = false;

  async open(): Promise<WalLogStore> {
    const files = new SimFs({
      hold: async (operation) => {
        if (operation.type === 'rename') this.#hasFirstSegment = true;
        if (!this.#hasFirstSegment || operation.type !== 'write') return;
        const { path, length = 0 } = operation;
        if (path.endsWith('.wal') && this.#isOpen) await this.logWrites.promise;
        if (!path.endsWith('spare.tmp')) return;
        this.zeroes.push(length);
        await this.zeroWrites.promise;
      },
    });
    const store = await WalLogStore.open({
      directory: walDirectory,
      files,
      runtime: nodeRuntime,
      segmentBytes,
      minFreeBytes: segmentBytes,
      preallocate: true,
      unsafeNoSync: false,
      blockingWrites: true,
    });
    this.#isOpen = true;
    return store;
  }
}

async function manyTurns(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await settle();
}

test('the next segment is made while the log does not write', async () => {
  const log = new Preparing();
  await using store = await log.open();
  await vi.waitFor(() => expect(log.zeroes.length).toBe(1));

  const append = store.append([command(1, 1, new Uint8Array(300 * kibibyte))]);
  log.zeroWrites.resolve();
  await manyTurns();
  expect(log.zeroes.length).toBe(1);

  log.logWrites.resolve();
  await append;
  // As much as the log has used up in between, so that the next segment comes in time.
  await vi.waitFor(() => expect(log.zeroes[1]).toBe(384 * kibibyte));
  await vi.waitFor(() => expect(log.zeroes.reduce((sum, one) => sum + one, 0)).toBe(segmentBytes));
});

test('a write that fails ends, and whoever waits for a pause goes on', async () => {
  const log = new Preparing();
  await using store = await log.open();
  await vi.waitFor(() => expect(log.zeroes.length).toBe(1));

  const append = store.append([command(1, 1, new Uint8Array(10))]);
  log.logWrites.reject(new Error('EIO: the disk says no'));
  log.zeroWrites.resolve();

  await expect(append).rejects.toMatchObject({ code: 'RAFT_FATAL' });
  await vi.waitFor(() => expect(log.zeroes.reduce((sum, one) => sum + one, 0)).toBe(segmentBytes));
});

test('the first zeroes of a segment are few, whatever the log wrote before they were begun', async () => {
  const pauses = new Pauses();
  const lengths: number[] = [];
  const files = new SimFs({
    hold: async ({ type, length = 0 }) => {
      if (type === 'write') lengths.push(length);
    },
  });
  await files.makeDirectory('/data');
  for (let at = 0; at < 1000; at += 1) await pauses.during(4096, async () => undefined);

  const { file } = await fill(
    { files, durableWrites: true, mayBlock: true, pauses },
    '/data/spare',
    segmentBytes,
  );
  await file.close();

  expect(lengths[0]).toBe(128 * kibibyte);
});
