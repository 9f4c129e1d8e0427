import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';

import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';
import {
  FileSnapshotStore,
  type FileSnapshotStoreOptions,
} from '../../src/storage/snapshots/file-snapshot-store.ts';
import type { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { collect, metaOf, wholeOf } from '../../src/testing/snapshot-store/new-store.ts';

export const snapshotDirectory = '/data/snapshots';

/** Blocks and pieces so small that a short workload has several of both. */
const small: Partial<FileSnapshotStoreOptions> = {
  blockBytes: 300,
  pieceBytes: 700,
  syncBytes: 1500,
};

export function openSnapshots(
  files: SimFs,
  options: Partial<FileSnapshotStoreOptions> = small,
): Promise<FileSnapshotStore> {
  return FileSnapshotStore.open({
    directory: snapshotDirectory,
    files,
    unsafeNoSync: false,
    ...options,
  });
}

/** What a process that dies leaves: the power stays on, so the page cache is written one day. */
export function killed(files: SimFs): SimFs {
  const unsettled = files.unsettled();
  return files.crash(unsettled, { versions: unsettled.items.map(({ count }) => count - 1) });
}

export async function snapshotFiles(files: SimFs): Promise<string[]> {
  return (await files.readDirectory(snapshotDirectory)).map(
    (name) => `${snapshotDirectory}/${name}`,
  );
}

/** `size` bytes that no other snapshot has. */
export function contentFor(index: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + index * 7 + (at >> 8) + 1) % 251);
}

/** A snapshot to be saved or received. */
export interface Planned {
  readonly index: number;
  readonly size: number;
  /** How it comes. Default: 250 bytes at a time. */
  readonly chunkBytes?: number;
}

export async function* chunksOf({
  index,
  size,
  chunkBytes = 250,
}: Planned): AsyncGenerator<Uint8Array> {
  const content = contentFor(index, size);
  for (let at = 0; at < size; at += chunkBytes) yield content.subarray(at, at + chunkBytes);
}

export function metaFor({ index }: Planned): SnapshotMeta {
  return metaOf(`snapshot ../${index}/\u0000?`, index);
}

export type Step =
  | ({ readonly type: 'save' } & Planned)
  /** Receives from where the store is, up to `to` or the end; finishes at the end. */
  | ({ readonly type: 'receive'; readonly to?: number } & Planned)
  /** Receives all, and is told another checksum. */
  | ({ readonly type: 'receiveWrong' } & Planned)
  | ({ readonly type: 'discard' } & Planned);

/** What was acknowledged, and what may have happened besides. */
export class SnapshotProgress {
  current: Planned | undefined;
  pending: Planned | undefined;
  /** By index: the most that the store may have of a part. */
  readonly received = new Map<number, number>();

  async run(store: SnapshotStore, steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#runOne(store, step);
  }

  async #runOne(store: SnapshotStore, step: Step): Promise<void> {
    if (step.type === 'save') {
      this.pending = step;
      await store.save(metaFor(step), chunksOf(step));
      this.#acknowledge(step);
      return;
    }
    const content = contentFor(step.index, step.size);
    const receiver = await store.receive(metaFor(step));
    assert.ok(receiver.offset <= (this.received.get(step.index) ?? 0));
    if (step.type === 'discard') return receiver.discard();
    const to = step.type === 'receive' ? (step.to ?? step.size) : step.size;
    const { chunkBytes = 250 } = step;
    for (let at = receiver.offset; at < to; at = receiver.offset) {
      const end = Math.min(to, at + chunkBytes);
      this.received.set(step.index, end);
      await receiver.write(content.subarray(at, end));
    }
    if (step.type === 'receiveWrong') {
      await assert.rejects(receiver.finish(wholeOf('other')), { code: 'RAFT_DAMAGED' });
      this.received.set(step.index, step.size);
    } else if (to === step.size) {
      this.pending = step;
      await receiver.finish(wholeOf(content));
      this.#acknowledge(step);
    }
  }

  #acknowledge(step: Planned): void {
    this.pending = undefined;
    if (step.index >= (this.current?.index ?? 0)) this.current = step;
  }

  /** Fails unless the current snapshot is the acknowledged one or the one under way, and whole. */
  async assertPossible(store: SnapshotStore): Promise<Planned | undefined> {
    const snapshot = await store.current();
    if (snapshot === undefined) {
      assert.equal(this.current, undefined, 'The acknowledged snapshot is gone.');
      return undefined;
    }
    const { size, meta } = snapshot;
    const { index } = meta.lastLogId;
    const possible = [this.current, this.pending].find(
      (one) => one?.index === index && one.size === size,
    );
    assert.ok(possible, `Snapshot ${index} is current, which was neither saved nor under way.`);
    const content = contentFor(possible.index, possible.size);
    assert.deepEqual(meta, metaFor(possible));
    assert.equal(snapshot.checksum, crc32(content));
    assert.ok((await collect(snapshot.chunks())).equals(content), 'It has another content.');
    return possible;
  }

  /**
   * What is left of parts can be gone on with, and new snapshots are taken and kept. Returns how
   * many bytes of parts were left.
   */
  async assertGoesOn(store: SnapshotStore, files: SimFs): Promise<number> {
    let kept = 0;
    for (const [index, most] of this.received) {
      const part = { index, size: most + 500 };
      const content = contentFor(index, part.size);
      const receiver = await store.receive(metaFor(part));
      assert.ok(receiver.offset <= most, `${receiver.offset} bytes are kept of ${most}.`);
      kept += receiver.offset;
      await receiver.write(content.subarray(receiver.offset));
      await receiver.finish(wholeOf(content));
    }
    const next = { index: 1000, size: 1000 };
    await store.save(metaFor(next), chunksOf(next));
    const progress = new SnapshotProgress();
    progress.current = next;
    await progress.assertPossible(store);
    assert.equal((await snapshotFiles(files)).length, 1, 'Something is left beside it.');
    const again = await openSnapshots(files.crash());
    await progress.assertPossible(again);
    await again[Symbol.asyncDispose]();
    return kept;
  }
}

/** Content that stops in the middle until it is told to go on. */
export function halting(text: string): { chunks: AsyncGenerator<Uint8Array>; goOn: () => void } {
  let goOn = (): void => {};
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const chunks = (async function* () {
    yield Buffer.from(text);
    await told;
    yield Buffer.from(text);
  })();
  return { chunks, goOn: () => goOn() };
}

export async function rejectionOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('It did not reject.');
}
