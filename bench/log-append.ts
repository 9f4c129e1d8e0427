/**
 * Durable appends of 256-byte entries to the write-ahead log by concurrent proposers, beside the
 * least that a durable log can do: group commit by O_DSYNC writes to a file of zeroes. The two take
 * turns, round by round, so that a slow moment of the disk meets both.
 *
 *     npm run bench -- log-append [--rounds 7] [--seconds 1]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { walStorage } from 'quorate/storage/wal';
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
  },
});
const command = new Uint8Array(256).fill(7);
const mebibyte = 1024 * 1024;
const folder = await mkdtemp(path.join(tmpdir(), 'quorate-log-append-'));
const rows: Row[] = [];
try {
  for (const proposers of [1, 64, 512]) rows.push(await compare(proposers));
} finally {
  await rm(folder, { recursive: true });
}
report('log-append', rows);

async function compare(proposers: number): Promise<Row> {
  const rounds: { wal: Round; raw: Round }[] = [];
  for (let at = 0; at <= Number(values.rounds); at += 1) {
    const wal = await measureWal(path.join(folder, `wal-${proposers}-${at}`), proposers);
    const raw = await measureRaw(path.join(folder, `raw-${proposers}-${at}`), proposers);
    if (at > 0) rounds.push({ wal, raw }); // The first warms up.
  }
  const middle = (pick: (round: { wal: Round; raw: Round }) => number): number =>
    median(rounds.map(pick));
  return {
    proposers,
    'WAL entries/s': Math.round(middle(({ wal }) => wal.perSecond)),
    'raw entries/s': Math.round(middle(({ raw }) => raw.perSecond)),
    'ratio of rates': Number(middle(({ wal, raw }) => wal.perSecond / raw.perSecond).toFixed(2)),
    'WAL p50 ms': Number(middle(({ wal }) => wal.p50Ms).toFixed(3)),
    'raw p50 ms': Number(middle(({ raw }) => raw.p50Ms).toFixed(3)),
    'ratio of p50': Number(middle(({ wal, raw }) => wal.p50Ms / raw.p50Ms).toFixed(2)),
  };
}

async function measureWal(directory: string, proposers: number): Promise<Round> {
  const storage = await walStorage(
    directory,
    process.env['NOSPARE'] ? { segmentBytes: 400 << 20 } : {},
  );
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
  const raw = await RawLog.create(file, 512 * mebibyte);
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
