import type { Entry, Payload } from '../../../src/core/types.ts';
import type { FileSystem } from '../../../src/platform/file-system.ts';
import { nodeRuntime } from '../../../src/platform/runtime.ts';
import { WalLogStore } from '../../../src/storage/wal/wal-log-store.ts';

/*
 * A log that has everything in it which version 1 of the format knows, and what a reader must find
 * in it. Its files are kept beside this program: they were written by the first version, and every
 * later one must read them.
 */

export const goldenIdentity = {
  cluster: 'golden-cluster',
  node: 'nœud',
  incarnation: 'disk-1',
  starts: 3,
} as const;
export const goldenVote = { term: 7, votedFor: 'nœud' } as const;
export const goldenState = { purged: { term: 2, index: 3 }, last: { term: 7, index: 9 } } as const;

const membership = {
  cluster: 'golden-cluster',
  voters: [['nœud', 'b'], ['nœud']],
  nodes: { nœud: { address: '127.0.0.1:1', data: { zone: 'a' } }, b: {} },
  leaving: ['b'],
};

/** The entries after the purged end. */
export const goldenEntries: readonly Entry[] = [
  entry(2, 4, { type: 'membership', membership }),
  entry(5, 5, command([1, 2, 3])),
  entry(5, 6, { type: 'session', data: Uint8Array.of(9, 8, 7) }),
  entry(5, 7, command([], { session: { id: 4, sequence: 2 ** 40 } })),
  entry(7, 8, command([0, 255], { raw: true })),
  entry(7, 9, { type: 'blank' }),
];

/** Writes the log, in segments of 4 KiB. Draws no chance: the bytes are the same every time. */
export async function writeGolden(files: FileSystem, directory: string): Promise<void> {
  await using store = await openGolden(files, directory);
  await store.saveIdentity({ ...goldenIdentity, cluster: undefined, starts: 1 });
  await store.saveVote({ term: 1, votedFor: undefined });
  await store.append([entry(0, 1, { type: 'blank' }), entry(2, 2, command(filled(3000)))]);
  await store.append([entry(2, 3, command(filled(3000)))]);
  await store.append([
    goldenEntries[0] as Entry,
    entry(3, 5, command([5])),
    entry(3, 6, command([6])),
  ]);
  await store.truncate(4);
  await store.saveIdentity(goldenIdentity);
  await store.saveVote(goldenVote);
  await store.append(goldenEntries.slice(1));
  await store.purge(goldenState.purged);
}

export function openGolden(files: FileSystem, directory: string): Promise<WalLogStore> {
  const runtime = { ...nodeRuntime, random: () => 0.5 };
  const segmentBytes = 4096;
  return WalLogStore.open({
    directory,
    files,
    runtime,
    segmentBytes,
    minFreeBytes: 0,
    preallocate: true,
    unsafeNoSync: false,
    blockingWrites: true,
  });
}

function entry(term: number, index: number, payload: Payload): Entry {
  return { logId: { term, index }, payload };
}

function command(
  bytes: readonly number[],
  more: { raw?: true; session?: { id: number; sequence: number } } = {},
): Payload {
  const data = Uint8Array.from(bytes);
  return { type: 'command', data: { bytes: data, value: undefined, ...more } };
}

function filled(length: number): number[] {
  return Array.from({ length }, (_, at) => at % 251);
}
