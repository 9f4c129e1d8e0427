/**
 * Opening a log of a million entries of 256 bytes, and reading it in ranges, beside reading the
 * same files in pieces of the same size: from the disk, and from the page cache, there also
 * with a checksum of each piece. The log verifies what it reads and makes entries of it. The page
 * cache is emptied of these files by `dd`, as any user may.
 *
 *     npm run bench -- log-read [--entries 1000000] [--rounds 5]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { type WalStorage, walStorage } from 'quorate/storage/wal';
import { disposing } from './lib/disposing.ts';
import { entriesOf } from './lib/entries.ts';
import { median } from './lib/percentile.ts';
import { type Row, report } from './lib/report.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
  },
});
const count = Number(values.entries);
const entryBytes = 256;
const ranges = [256, 4096];
const mebibyte = 1024 * 1024;

const folder = await mkdtemp(path.join(tmpdir(), 'quorate-log-read-'));
try {
  await fillLog();
  const rows: Row[] = [];
  for (const entries of ranges) rows.push(await compare(entries));
  report('log-read', rows);
} finally {
  await rm(folder, { recursive: true });
}

/** Megabytes per second, of one round. */
interface Round {
  readonly ms: number;
  readonly mebibytes: number;
  readonly disk: number;
  readonly rawDisk: number;
  readonly cache: number;
  readonly rawCache: number;
  readonly checked: number;
}

async function compare(rangeEntries: number): Promise<Row> {
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const { storage, ...opened } = await openMeasured();
    await leaveCache();
    const disk = await readWal(storage, rangeEntries);
    await leaveCache();
    const rawDisk = await readRaw(rangeEntries, { checks: false });
    const cache = await readWal(storage, rangeEntries);
    const rawCache = await readRaw(rangeEntries, { checks: false });
    const checked = await readRaw(rangeEntries, { checks: true });
    rounds.push({ ...opened, disk, rawDisk, cache, rawCache, checked });
    await storage[Symbol.asyncDispose]();
  }
  const middle = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const ratio = (pick: (round: Round) => number): number => Number(middle(pick).toFixed(2));
  return {
    entries: count,
    'open ms': Math.round(middle(({ ms }) => ms)),
    'memory MiB': Math.round(middle(({ mebibytes }) => mebibytes)),
    range: rangeEntries,
    'disk MB/s': Math.round(middle(({ disk }) => disk)),
    'of raw disk': ratio(({ disk, rawDisk }) => disk / rawDisk),
    'cache MB/s': Math.round(middle(({ cache }) => cache)),
    'of raw cache': ratio(({ cache, rawCache }) => cache / rawCache),
    'of raw cache with checksum': ratio(({ cache, checked }) => cache / checked),
  };
}

/** In batches of a hundred, as a busy cluster writes them. */
async function fillLog(): Promise<void> {
  const bytes = new Uint8Array(entryBytes).fill(7);
  await disposing(walStorage(folder), async ({ log }) => {
    for (let first = 1; first <= count; first += 100) {
      const length = Math.min(100, count - first + 1);
      await log.append(entriesOf(first, length, bytes));
    }
  });
}

async function openMeasured(): Promise<{ storage: WalStorage; ms: number; mebibytes: number }> {
  const start = performance.now();
  const storage = await walStorage(folder);
  const ms = performance.now() - start;
  return { storage, ms, mebibytes: process.memoryUsage().rss / mebibyte };
}

async function readWal(storage: WalStorage, rangeEntries: number): Promise<number> {
  const start = performance.now();
  for (let from = 1; from <= count; from += rangeEntries) {
    await storage.log.read(from, Math.min(from + rangeEntries, count + 1));
  }
  return perSecond(count * entryBytes, start);
}

/** Empties the page cache of the log's files, so that they are read from the disk. */
async function leaveCache(): Promise<void> {
  for (const file of await segments()) {
    await promisify(execFile)('dd', [
      `of=${file}`,
      'oflag=nocache',
      'conv=notrunc,fdatasync',
      'count=0',
    ]);
  }
}

async function segments(): Promise<string[]> {
  const directory = path.join(folder, 'log');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.wal'));
  return names.map((name) => path.join(directory, name));
}

async function readRaw(rangeEntries: number, { checks }: { checks: boolean }): Promise<number> {
  const names = await segments();
  const piece = new Uint8Array(rangeEntries * entryBytes);
  const start = performance.now();
  let bytes = 0;
  for (const name of names) {
    const file = await open(name);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) break;
      bytes += bytesRead;
      if (checks) crc32(piece);
    }
    await file.close();
  }
  return perSecond(bytes, start);
}

function perSecond(bytes: number, start: number): number {
  return bytes / 1e6 / ((performance.now() - start) / 1000);
}
