/**
 * Opening a log of a million entries of 256 bytes, and reading it in ranges, beside reading the
 * same files in pieces of the same size, as they are and with a checksum of each piece. The log
 * verifies what it reads and makes entries of it.
 *
 *     npm run bench -- log-read [--entries 1000000] [--rounds 5]
 */
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import { type WalStorage, walStorage } from 'quorate/storage/wal';
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

async function compare(rangeEntries: number): Promise<Row> {
  const rounds: { ms: number; mebibytes: number; wal: number; raw: number; checked: number }[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const { storage, ...opened } = await openMeasured();
    const wal = await readWal(storage, rangeEntries);
    const raw = await readRaw(rangeEntries, { checks: false });
    const checked = await readRaw(rangeEntries, { checks: true });
    rounds.push({ ...opened, wal, raw, checked });
    await storage[Symbol.asyncDispose]();
  }
  const middle = (pick: (round: (typeof rounds)[number]) => number): number =>
    median(rounds.map(pick));
  return {
    entries: count,
    'open ms': Math.round(middle(({ ms }) => ms)),
    'memory MiB': Math.round(middle(({ mebibytes }) => mebibytes)),
    range: rangeEntries,
    'WAL MB/s': Math.round(middle(({ wal }) => wal)),
    'raw MB/s': Math.round(middle(({ raw }) => raw)),
    'of raw': Number(middle(({ wal, raw }) => wal / raw).toFixed(2)),
    'of raw with checksum': Number(middle(({ wal, checked }) => wal / checked).toFixed(2)),
  };
}

/** In batches of a hundred, as a busy cluster writes them. */
async function fillLog(): Promise<void> {
  await using storage = await walStorage(folder);
  const bytes = new Uint8Array(entryBytes).fill(7);
  for (let first = 1; first <= count; first += 100) {
    const length = Math.min(100, count - first + 1);
    await storage.log.append(entriesOf(first, length, bytes));
  }
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

async function readRaw(rangeEntries: number, { checks }: { checks: boolean }): Promise<number> {
  const directory = path.join(folder, 'log');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.wal'));
  const piece = new Uint8Array(rangeEntries * entryBytes);
  const start = performance.now();
  let bytes = 0;
  for (const name of names) {
    const file = await open(path.join(directory, name));
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
