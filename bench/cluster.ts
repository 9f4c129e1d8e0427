/**
 * Durable writes through three nodes in three processes on this machine: the log with O_DSYNC, TCP
 * between them, values of 256 bytes, closed-loop writers in the leader's process. Beside it, in
 * turns: one durable raw write and one round trip over the loopback interface, which no replicated
 * log can do without. Then larger values in MB/s, beside a raw log by itself, and three raw logs
 * that share the disk as the three nodes do.
 *
 *     npm run bench -- cluster [--rounds 5] [--seconds 3] [--writers 64] [--wire http] [--plot]
 */
import { parseArgs } from 'node:util';
import { disposing } from './lib/disposing.ts';
import { fileSystemOf, withFolder } from './lib/folder.ts';
import { median } from './lib/percentile.ts';
import { ProcessCluster } from './lib/process-cluster.ts';
import { RawReference, type RawTrip } from './lib/raw-reference.ts';
import { type Row, report } from './lib/report.ts';
import { repeatCount, tryAgain } from './lib/try-again.ts';
import { readWire } from './lib/wire.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    writers: { type: 'string', multiple: true, default: ['1', '64', '256', '1024'] },
    wire: { type: 'string', default: 'tcp' },
    folder: { type: 'string' },
    plot: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const mebibyte = 1024 * 1024;
/** Larger values, each with as many writers as keep the disk busy. */
const sizes = [
  { valueBytes: 1024, writers: 256 },
  { valueBytes: 64 * 1024, writers: 32 },
  { valueBytes: mebibyte, writers: 8 },
];

interface Round {
  readonly raw: RawTrip;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
}

interface SizeRound {
  readonly nodes: number;
  readonly raw: number;
  readonly three: number;
}

await withFolder('cluster', values.folder, async (folder) => {
  const fileSystem = await fileSystemOf(folder);
  const wire = readWire(values.wire);
  const print = (name: string, rows: readonly Row[]): void => {
    const about = { wire, fileSystem, 'measured again': String(repeatCount()) };
    report(name, rows, { about, plot: values.plot });
  };
  const started = ProcessCluster.start(3, { folder, wire, program: 'writer-node.ts' });
  await disposing(started, (cluster) =>
    disposing(RawReference.open(folder), async (raw) => {
      print('cluster', await compareWriters(cluster, raw));
      print('cluster-values', await compareSizes(cluster, raw));
    }),
  );
});

async function compareWriters(cluster: ProcessCluster, raw: RawReference): Promise<Row[]> {
  const rounds = new Map<number, Round[]>(values.writers.map((count) => [Number(count), []]));
  for (let at = 0; at <= Number(values.rounds); at += 1) {
    for (const [writers, all] of rounds) {
      const trip = await raw.trip(seconds / 3, 256);
      const round = await tryAgain(() => loaded(cluster, writers));
      if (at > 0) all.push({ raw: trip, ...round }); // The first warms up.
    }
  }
  return [...rounds].map(([writers, all]) => rowOf(writers, all));
}

async function loaded(cluster: ProcessCluster, writers: number): Promise<Omit<Round, 'raw'>> {
  const leader = await cluster.leader();
  const before = await cpuOf(cluster);
  const { perSecond, p50Ms, p99Ms, count } = await leader.load({
    writers,
    seconds,
    valueBytes: 256,
  });
  const cpuMicros = ((await cpuOf(cluster)) - before) / count;
  return { perSecond, p50Ms, p99Ms, cpuMicros };
}

async function cpuOf(cluster: ProcessCluster): Promise<number> {
  return (await cluster.pictures()).reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
}

function rowOf(writers: number, rounds: readonly Round[]): Row {
  const middle = (pick: (round: Round) => number, digits = 0): number =>
    Number(median(rounds.map(pick)).toFixed(digits));
  return {
    writers,
    'writes/s': middle((one) => one.perSecond),
    'p50 ms': middle((one) => one.p50Ms, 3),
    'p99 ms': middle((one) => one.p99Ms, 3),
    'CPU µs/write': middle((one) => one.cpuMicros, 1),
    'raw write ms': middle(({ raw }) => raw.writeMs, 3),
    'round trip ms': middle(({ raw }) => raw.tripMs, 3),
    'both ms': middle(({ raw }) => raw.bothMs, 3),
    'p50 of both': middle(({ p50Ms, raw }) => p50Ms / raw.bothMs, 2),
  };
}

async function compareSizes(cluster: ProcessCluster, raw: RawReference): Promise<Row[]> {
  const rounds = sizes.map(() => [] as SizeRound[]);
  for (let at = 0; at <= Number(values.rounds); at += 1) {
    for (const [which, { valueBytes, writers }] of sizes.entries()) {
      const load = { valueBytes, writers, seconds };
      const { perSecond } = await tryAgain(async () => (await cluster.leader()).load(load));
      const round = {
        nodes: (perSecond * valueBytes) / 1e6,
        raw: await raw.throughput(1, load),
        three: await raw.throughput(3, load),
      };
      if (at > 0) rounds[which]?.push(round); // The first warms up.
    }
  }
  return sizes.map(({ valueBytes, writers }, which) => {
    const all = rounds[which] ?? [];
    const middle = (pick: (round: SizeRound) => number, digits = 0): number =>
      Number(median(all.map(pick)).toFixed(digits));
    return {
      'value KiB': valueBytes / 1024,
      writers,
      'MB/s': middle(({ nodes }) => nodes, 1),
      'raw MB/s': middle((round) => round.raw, 1),
      'three raw, each MB/s': middle(({ three }) => three, 1),
      'of raw': middle((round) => round.nodes / round.raw, 2),
      'of three raw': middle(({ nodes, three }) => nodes / three, 2),
    };
  });
}
