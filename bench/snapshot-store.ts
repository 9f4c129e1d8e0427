/**
 * Saving a snapshot of 1 GiB, receiving one, and reading one, beside a raw copy of as much: a file
 * read in pieces of 1 MiB, one after the other, each written to another file that is synced at the
 * end. What is saved and received is made of pieces in memory, of 64 KiB as a network brings them.
 * The memory is what the process has more at its peak than before.
 *
 *     npm run bench -- snapshot-store [--mebibytes 1024] [--rounds 3]
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import type { SnapshotMeta, SnapshotStore } from 'quorate';
import { walStorage } from 'quorate/storage/wal';
import { median } from './lib/percentile.ts';
import { report } from './lib/report.ts';

const { values } = parseArgs({
  options: {
    mebibytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
  },
});
const mebibyte = 1024 * 1024;
const size = Number(values.mebibytes) * mebibyte;
const chunk: Uint8Array = Uint8Array.from({ length: 64 * 1024 }, (_, at) => (at * 31) % 251);

/** Known to a receiver from the leader. */
const checksum = checksumOfContent();

/** One pass over the content. */
interface Pass {
  readonly megabytesPerSecond: number;
  readonly extraMebibytes: number;
}

type Round = Readonly<Record<'raw' | 'save' | 'receive' | 'read', Pass>>;

const folder = await mkdtemp(path.join(tmpdir(), 'quorate-snapshot-store-'));
try {
  await makeSource();
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) rounds.push(await runRound(round));
  const middle = (name: keyof Round, of: keyof Pass): number =>
    median(rounds.map((round) => round[name][of]));
  const names = ['raw', 'save', 'receive', 'read'] as const;
  report(
    'snapshot-store',
    names.map((name) => ({
      what: name === 'raw' ? 'raw copy' : name,
      MiB: size / mebibyte,
      'MB/s': Math.round(middle(name, 'megabytesPerSecond')),
      'of raw copy': Number(
        median(
          rounds.map((round) => round[name].megabytesPerSecond / round.raw.megabytesPerSecond),
        ).toFixed(2),
      ),
      'extra MiB': Math.round(Math.max(...rounds.map((round) => round[name].extraMebibytes))),
    })),
  );
} finally {
  await rm(folder, { recursive: true });
}

async function runRound(round: number): Promise<Round> {
  const raw = await measured(rawCopy);
  await rm(rawTarget());
  const receive = await onNewStore(`receive-${round}`, (store) =>
    measured(() => receiveAll(store)),
  );
  return onNewStore(`save-${round}`, async (store) => {
    const save = await measured(() => store.save(metaOf(1), content()));
    const read = await measured(() => readAll(store));
    return { raw, receive, save, read };
  });
}

async function onNewStore<Result>(
  name: string,
  body: (store: SnapshotStore) => Promise<Result>,
): Promise<Result> {
  const directory = path.join(folder, name);
  const storage = await walStorage(directory);
  const result = await body(storage.snapshots);
  await storage[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
  return result;
}

async function measured(run: () => Promise<void>): Promise<Pass> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const start = performance.now();
  await run();
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  peak = Math.max(peak, process.memoryUsage().rss);
  return { megabytesPerSecond: size / 1e6 / seconds, extraMebibytes: (peak - before) / mebibyte };
}

async function makeSource(): Promise<void> {
  const file = await open(path.join(folder, 'source'), 'w');
  for await (const piece of content()) await file.write(piece);
  await file.sync();
  await file.close();
}

function rawTarget(): string {
  return path.join(folder, 'copy');
}

async function rawCopy(): Promise<void> {
  const source = await open(path.join(folder, 'source'));
  const target = await open(rawTarget(), 'w');
  const piece = new Uint8Array(mebibyte);
  for (;;) {
    const { bytesRead } = await source.read(piece, 0, piece.length);
    if (bytesRead === 0) break;
    await target.write(piece, 0, bytesRead);
  }
  await target.sync();
  await target.close();
  await source.close();
}

function checksumOfContent(): number {
  let sum = 0;
  for (let at = 0; at < size; at += chunk.length) sum = crc32(chunk, sum);
  return sum;
}

async function* content(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += chunk.length) yield chunk;
}

async function readAll(store: SnapshotStore): Promise<void> {
  const snapshot = await store.current();
  let bytes = 0;
  for await (const piece of snapshot?.chunks() ?? []) bytes += piece.length;
  if (bytes !== size) throw new Error(`The snapshot has ${bytes} bytes; it should have ${size}.`);
}

async function receiveAll(store: SnapshotStore): Promise<void> {
  const receiver = await store.receive(metaOf(2));
  for (let at = 0; at < size; at += chunk.length) await receiver.write(chunk);
  await receiver.finish({ size, checksum });
}

function metaOf(index: number): SnapshotMeta {
  return {
    id: `snapshot-${index}`,
    lastLogId: { term: 1, index },
    membership: {
      cluster: 'bench',
      voters: [['a']],
      nodes: { a: {} },
      logId: { term: 1, index: 1 },
    },
  };
}
