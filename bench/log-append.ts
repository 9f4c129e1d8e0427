/**
 * Durable appends of 256-byte entries to the write-ahead log by concurrent proposers, beside the
 * least that a durable log can do: group commit by O_DSYNC writes to a file of zeroes. The two take
 * turns, round by round, so that a slow moment of the disk meets both. The log runs as it comes,
 * with its next segments made while the clock runs, and once more with all its zeroes made before,
 * as the raw file's are.
 *
 *     npm run bench -- log-append [--rounds 7] [--seconds 1]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type WalOptions, walStorage } from 'quorate/storage/wal';
import { entriesOf } from './lib/entries.ts';
import { GroupCommit } from './lib/group-commit.ts';
import { median, percentile } from './lib/percentile.ts';
import { RawLog } from './lib/raw-log.ts';
import { type Row, report } from './lib/report.ts';

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    /** Of the raw file, and of the log's whose zeroes are made first. */
    'file-mib': { type: 'string', default: '512' },
  },
});
const command = new Uint8Array(256).fill(7);
const mebibyte = 1024 * 1024;
const fileBytes = Number(values['file-mib']) * mebibyte;
/** One segment for all that is written, made when the log is opened. */
const zeroesFirst: WalOptions = { segmentBytes: fileBytes, preallocate: false };
const folder = await mkdtemp(path.join(tmpdir(), 'quorate-log-append-'));
const rows: Row[] = [];
try {
  for (const proposers of [1, 64, 512]) rows.push(await compare(proposers));
} finally {
  await rm(folder, { recursive: true });
}
report('log-append', rows);

async function compare(proposers: number): Promise<Row> {
  const rounds: Record<'wal' | 'ready' | 'raw', Round>[] = [];
  for (let at = 0; at <= Number(values.rounds); at += 1) {
    const name = path.join(folder, `${proposers}-${at}`);
    const wal = await measureWal(`${name}-wal`, proposers, {});
    const raw = await measureRaw(`${name}-raw`, proposers);
    const ready = await measureWal(`${name}-ready`, proposers, zeroesFirst);
    if (at > 0) rounds.push({ wal, raw, ready }); // The first warms up.
  }
  const middle = (pick: (round: (typeof rounds)[number]) => number): number =>
    median(rounds.map(pick));
  const ratio = (value: number): number => Number(value.toFixed(2));
  return {
    proposers,
    'WAL/s': Math.round(middle(({ wal }) => wal.perSecond)),
    'zeroes first/s': Math.round(middle(({ ready }) => ready.perSecond)),
    'raw/s': Math.round(middle(({ raw }) => raw.perSecond)),
    'WAL of raw': ratio(middle(({ wal, raw }) => wal.perSecond / raw.perSecond)),
    'zeroes first of raw': ratio(middle(({ ready, raw }) => ready.perSecond / raw.perSecond)),
    'WAL p50 ms': Number(middle(({ wal }) => wal.p50Ms).toFixed(3)),
    'raw p50 ms': Number(middle(({ raw }) => raw.p50Ms).toFixed(3)),
    'p50 of raw': ratio(middle(({ wal, raw }) => wal.p50Ms / raw.p50Ms)),
  };
}

async function measureWal(
  directory: string,
  proposers: number,
  options: WalOptions,
): Promise<Round> {
  const storage = await walStorage(directory, options);
  let next = 1;
  const log = new GroupCommit((count) => {
    next += count;
    return storage.log.append(entriesOf(next - count, count, command));
  });
  const round = await measure(log, proposers);
  await storage[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
  return round;
}

async function measureRaw(file: string, proposers: number): Promise<Round> {
  const raw = await RawLog.create(file, fileBytes);
  const log = new GroupCommit((count) => raw.append(Array.from({ length: count }, () => command)));
  const round = await measure(log, proposers);
  await raw[Symbol.asyncDispose]();
  await rm(file);
  return round;
}

/** Every proposer appends again as soon as its entry is durable, until the time is up. */
async function measure(log: GroupCommit, proposers: number): Promise<Round> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + Number(values.seconds) * 1000;
  const propose = async (): Promise<void> => {
    for (let began = start; began < end; ) {
      await log.append();
      const now = performance.now();
      latencies.push(now - began);
      began = now;
    }
  };
  await Promise.all(Array.from({ length: proposers }, propose));
  const seconds = (performance.now() - start) / 1000;
  const p50Ms = percentile(Float64Array.from(latencies), 0.5);
  return { perSecond: latencies.length / seconds, p50Ms };
}
