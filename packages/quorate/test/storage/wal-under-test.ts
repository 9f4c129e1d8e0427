import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';

import type { LogStore, LogWrite } from '../../src/contract/log-store.ts';
import { nodeRuntime, type Runtime } from '../../src/platform/runtime.ts';
import { WalLogStore } from '../../src/storage/wal/wal-log-store.ts';
import { at, command } from '../../src/testing/log-store/entries.ts';
import {
  after,
  contentOf,
  contentsDuring,
  emptyContent,
  type LogContent,
  lastOf,
  perform,
  type StoreWrite,
  singlesOf,
} from '../../src/testing/log-store/model.ts';
import { SeededRandom } from '../../src/testing/sim-fs/random.ts';
import type { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';

export const walDirectory = '/data/log';
export const defaultSegmentBytes: number = 16 * 1024;

/** Opens a write-ahead log with segments so small that a short workload fills several. */
export function openWal(
  files: SimFs,
  { segmentBytes = defaultSegmentBytes }: { segmentBytes?: number } = {},
): Promise<WalLogStore> {
  return WalLogStore.open({
    directory: walDirectory,
    files,
    runtime: drawnRuntime(files.digest()),
    segmentBytes,
    minFreeBytes: segmentBytes,
    preallocate: true,
    unsafeNoSync: false,
    blockingWrites: true,
  });
}

/** Draws the same for the same seed. Its timers never run: no acknowledgement needs one. */
function drawnRuntime(seed: string): Runtime {
  const random = new SeededRandom(seed);
  return {
    ...nodeRuntime,
    random: () => random.uint32() / 2 ** 32,
    setTimer: () => ({ cancel: () => {} }),
  };
}

/** The paths of the segments, in order. */
export async function walFiles(files: SimFs): Promise<string[]> {
  const names = await files.readDirectory(walDirectory);
  return names.filter((name) => name.endsWith('.wal')).map((name) => `${walDirectory}/${name}`);
}

/** What was acknowledged, and the write that is under way. */
export class Progress {
  content: LogContent = emptyContent;
  pending: StoreWrite | undefined;

  /** Performs the writes, and notes each as acknowledged at the moment it is. */
  async run(store: LogStore, writes: Iterable<StoreWrite>): Promise<void> {
    for (const write of writes) {
      this.pending = write;
      await perform(store, write);
      this.content = after(this.content, write);
      this.pending = undefined;
    }
  }

  /** Fails unless the log is the old one, the new one, or what a start of the write leaves. */
  assertPossible(found: LogContent): void {
    const { content, pending } = this;
    const possible = pending === undefined ? [content] : contentsDuring(content, pending);
    if (possible.some((one) => isDeepStrictEqual(one, found))) return;
    const [holds, acknowledged] = [found, content].map(summary);
    assert.fail(
      `The log holds ${holds}; acknowledged was ${acknowledged}; under way was ${summaryOf(pending)}.`,
    );
  }
}

/** The log that a power cut left takes writes, and these survive the next one, as all before. */
export async function assertGoesOn(
  store: LogStore,
  files: SimFs,
  found: LogContent,
): Promise<void> {
  const progress = new Progress();
  progress.content = found;
  const { index } = lastOf(found);
  await progress.run(store, [
    { type: 'saveVote', vote: { term: 90, votedFor: 'c' } },
    { type: 'append', entries: [command(index + 1, 90), command(index + 2, 90)] },
  ]);
  await using again = await openWal(files.crash());
  progress.assertPossible(await contentOf(again));
}

/** An entry whose bytes tell where it belongs and what its length should be. */
export function sizedCommand(index: number, term: number, size: number): LogContent['entries'][0] {
  const bytes = new Uint8Array(size);
  for (let position = 0; position < size; position += 1) {
    bytes[position] = (index * 31 + term * 7 + position * 13 + 1) % 251;
  }
  return command(index, term, bytes);
}

/** An append of entries of these sizes. */
export function append(from: number, term: number, sizes: readonly number[]): StoreWrite {
  const entries = sizes.map((size, position) => sizedCommand(from + position, term, size));
  return { type: 'append', entries };
}

export function vote(term: number, votedFor?: string): StoreWrite {
  return { type: 'saveVote', vote: { term, votedFor } };
}

export function truncate(index: number): StoreWrite {
  return { type: 'truncate', index };
}

/** A write of several parts. */
export function together(...singles: readonly StoreWrite[]): StoreWrite {
  const write: { -readonly [Name in keyof LogWrite]: LogWrite[Name] } = {};
  for (const single of singles) {
    if (single.type === 'saveIdentity') write.identity = single.identity;
    else if (single.type === 'saveVote') write.vote = single.vote;
    else if (single.type === 'truncate') write.truncate = single.index;
    else if (single.type === 'append') write.append = single.entries;
    else throw new TypeError(`A ${single.type} is no part of a write.`);
  }
  return { type: 'write', write };
}

export function purge(term: number, index: number): StoreWrite {
  return { type: 'purge', logId: at(term, index) };
}

function summary({ identity, vote: saved, purged, entries }: LogContent): string {
  const listed = entries.map(({ logId }) => `${logId.term}.${logId.index}`).join(' ');
  return inspect({ identity, vote: saved, purged, listed }, { breakLength: Infinity });
}

function summaryOf(write: StoreWrite | undefined): string {
  if (write?.type === 'write') return singlesOf(write.write).map(summaryOf).join(', ');
  if (write?.type !== 'append') return inspect(write, { breakLength: Infinity });
  const sizes = write.entries.map(({ logId, payload }) =>
    payload.type === 'command'
      ? `${logId.index} (${payload.data.bytes.length} bytes)`
      : payload.type,
  );
  return `an append of ${sizes.join(', ')}`;
}
