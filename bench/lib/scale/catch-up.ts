import { disposing } from '../disposing.ts';
import { ProcessCluster } from '../process-cluster.ts';
import type { Row } from '../row.ts';
import { tryAgain } from '../try-again.ts';
import { largestWriters, type ScaleOptions, snapshotsOnDemand, writers } from './scale-options.ts';

const valueBytes = 256;

/** A follower that was away while much was written, and the leader's throughput meanwhile. */
export async function measureCatchUp(options: ScaleOptions): Promise<Row[]> {
  const { folder, wire } = options;
  const config = snapshotsOnDemand;
  const start = { folder: `${folder}/catch-up`, wire, program: 'writer-node.ts', config } as const;
  return disposing(ProcessCluster.start(3, start), (cluster) => measure(cluster, options));
}

async function measure(
  cluster: ProcessCluster,
  { seconds, missed, rounds }: ScaleOptions,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const row = await tryAgain(async () => {
      // One that a failed try has left ended.
      await cluster.startMissing();
      return catchUp(cluster, { seconds, missed });
    });
    if (round > 0) rows.push(row); // The first warms up.
  }
  return rows;
}

async function catchUp(
  cluster: ProcessCluster,
  { seconds, missed }: Pick<ScaleOptions, 'seconds' | 'missed'>,
): Promise<Row> {
  const leader = await cluster.leader();
  const follower = cluster.nodes.find(({ id }) => id !== leader.id);
  if (follower === undefined) throw new Error('There is no follower.');
  const before = await leader.load({ writers, valueBytes, seconds });
  await cluster.kill(follower.id);
  await leader.load({ writers: largestWriters, valueBytes, count: missed });
  const { last } = await leader.picture();
  const meanwhile = leader.load({ writers, valueBytes });
  // What comes first decides; a load that fails is not left without anybody who hears of it.
  const took = await Promise.race([timeOf(cluster, follower.id, last), meanwhile.then(endless)]);
  await leader.stop();
  const during = await meanwhile;
  return {
    'missed entries': missed,
    'start s': Number(took.startSeconds.toFixed(2)),
    'catch up s': Number(took.catchUpSeconds.toFixed(2)),
    'entries/s': Math.round(missed / took.catchUpSeconds),
    'leader before/s': Math.round(before.perSecond),
    'leader meanwhile/s': Math.round(during.perSecond),
    'of before': Number((during.perSecond / before.perSecond).toFixed(2)),
    'p99 before ms': Number(before.p99Ms.toFixed(2)),
    'p99 meanwhile ms': Number(during.p99Ms.toFixed(2)),
    'leader MiB': (await leader.picture()).rssMiB,
    'follower MiB': (await cluster.node(follower.id)?.picture())?.rssMiB ?? 0,
  };
}

interface Took {
  /** Until its process answers, which has read its own log then. */
  readonly startSeconds: number;
  readonly catchUpSeconds: number;
}

async function timeOf(cluster: ProcessCluster, id: string, last: number): Promise<Took> {
  const began = performance.now();
  const again = await cluster.startNode(id);
  const started = performance.now();
  await again.awaitApplied(last);
  const startSeconds = (started - began) / 1000;
  return { startSeconds, catchUpSeconds: (performance.now() - started) / 1000 };
}

function endless(): never {
  throw new Error('The load ended before it was stopped.');
}
