import { disposing } from '../disposing.ts';
import { median } from '../percentile.ts';
import { ProcessCluster } from '../process-cluster.ts';
import type { Row } from '../row.ts';
import { tryAgain } from '../try-again.ts';
import { largestWriters, type ScaleOptions, snapshotsOnDemand, writers } from './scale-options.ts';

const valueBytes = 256;
const firstEntries = 10_000;

interface Point {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly leaderMiB: number;
  readonly followerMiB: number;
}

/** A node that was ended, until it has applied again what the others have. */
interface Restart {
  readonly startMs: number;
  readonly appliedMs: number;
}

/**
 * Throughput while the log grows tenfold from point to point, with nothing purged meanwhile. Each
 * round begins with a log that a snapshot has emptied, in the same processes, so what differs
 * between the points is the length of the log.
 */
export async function measureLogGrowth(options: ScaleOptions): Promise<Row[]> {
  const { folder, wire } = options;
  const config = { ...snapshotsOnDemand, keepBytes: 0 };
  const start = { folder: `${folder}/log`, wire, program: 'writer-node.ts', config } as const;
  return disposing(ProcessCluster.start(3, start), (cluster) => measure(cluster, options));
}

async function measure(cluster: ProcessCluster, options: ScaleOptions): Promise<Row[]> {
  const { rounds, measured } = options;
  const entries: number[] = [];
  for (let at = firstEntries; at <= options.entries; at *= 10) entries.push(at);
  await fill(cluster, { upTo: measured * 4, writers }); // Warms up.
  const all: Point[][] = [];
  const restarts: Restart[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const node of cluster.nodes) await node.takeSnapshot();
    const points: Point[] = [];
    const { last: base } = await (await cluster.leader()).picture();
    for (const target of entries) {
      await fill(cluster, { upTo: base + target, writers: largestWriters });
      points.push(await tryAgain(() => pointAt(cluster, measured)));
      if (round === rounds - 1) restarts.push(await restart(cluster));
    }
    all.push(points);
  }
  return entries.map((count, at) => {
    const points = all.map((one) => one[at] as Point); // One for each.
    const restarted = restarts[at] as Restart;
    const middle = (pick: (point: Point) => number): number => median(points.map(pick));
    const ofFirst = median(
      all.map((one) => (one[at]?.perSecond ?? 0) / (one[0]?.perSecond ?? Number.NaN)),
    );
    return {
      entries: count,
      'writes/s': Math.round(middle((point) => point.perSecond)),
      'of first': Number(ofFirst.toFixed(2)),
      'p99 ms': Number(middle((point) => point.p99Ms).toFixed(2)),
      'leader MiB': middle((point) => point.leaderMiB),
      'follower MiB': middle((point) => point.followerMiB),
      'restart ms': Math.round(restarted.startMs),
      'until all is applied ms': Math.round(restarted.appliedMs),
    };
  });
}

/** Goes on with the next leader, should this one lose the leadership: much is written here. */
async function fill(
  cluster: ProcessCluster,
  { upTo, writers: count }: { readonly upTo: number; readonly writers: number },
): Promise<void> {
  await tryAgain(async () => {
    const leader = await cluster.leader();
    const missing = upTo - (await leader.picture()).last;
    if (missing > 0) await leader.load({ writers: count, valueBytes, count: missing });
  });
}

async function pointAt(cluster: ProcessCluster, measured: number): Promise<Point> {
  const leader = await cluster.leader();
  const { perSecond, p99Ms } = await leader.load({ writers, valueBytes, count: measured });
  const pictures = await cluster.pictures();
  const followers = pictures.filter(({ role }) => role !== 'leader').map(({ rssMiB }) => rssMiB);
  return {
    perSecond,
    p99Ms,
    leaderMiB: (await leader.picture()).rssMiB,
    followerMiB: Math.max(...followers),
  };
}

async function restart(cluster: ProcessCluster): Promise<Restart> {
  const leader = await cluster.leader();
  const follower = cluster.nodes.find(({ id }) => id !== leader.id);
  if (follower === undefined) throw new Error('There is no follower.');
  const { last } = await leader.picture();
  await cluster.kill(follower.id);
  const began = performance.now();
  const again = await cluster.startNode(follower.id);
  const startMs = performance.now() - began;
  await again.awaitApplied(last);
  return { startMs, appliedMs: performance.now() - began };
}
