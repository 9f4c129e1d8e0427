import type { LoopRound } from '../closed-loop.ts';
import { disposing } from '../disposing.ts';
import { median } from '../percentile.ts';
import { ProcessCluster } from '../process-cluster.ts';
import type { Row } from '../row.ts';
import { tryAgain } from '../try-again.ts';
import { type ScaleOptions, writers } from './scale-options.ts';

const mebibyte = 1024 * 1024;
const sizes = [16, 256, 4096, 64 * 1024, mebibyte];
/** What all writers together have under way at most. */
const underWayBytes = 8 * mebibyte;

/** Values of more and more bytes in one cluster, in turns. */
export async function measureValues(options: ScaleOptions): Promise<Row[]> {
  const { folder, wire } = options;
  const start = { folder: `${folder}/values`, wire, program: 'writer-node.ts' } as const;
  return disposing(ProcessCluster.start(3, start), (cluster) => measure(cluster, options));
}

async function measure(cluster: ProcessCluster, options: ScaleOptions): Promise<Row[]> {
  const { seconds } = options;
  const rounds = new Map<number, LoopRound[]>(sizes.map((valueBytes) => [valueBytes, []]));
  for (let round = 0; round <= options.rounds; round += 1) {
    for (const [valueBytes, all] of rounds) {
      const load = { writers: writersOf(valueBytes), valueBytes, seconds };
      const measured = await tryAgain(async () => (await cluster.leader()).load(load));
      if (round > 0) all.push(measured); // The first warms up.
    }
  }
  const pictures = await cluster.pictures();
  return [...rounds].map(([valueBytes, all]) => {
    const middle = (pick: (round: LoopRound) => number, digits = 0): number =>
      Number(median(all.map(pick)).toFixed(digits));
    return {
      'value bytes': valueBytes,
      writers: writersOf(valueBytes),
      'writes/s': middle((one) => one.perSecond),
      'MB/s': middle((one) => (one.perSecond * valueBytes) / 1e6, 1),
      'p50 ms': middle((one) => one.p50Ms, 3),
      'p99 ms': middle((one) => one.p99Ms, 3),
      'largest process at the end MiB': Math.max(...pictures.map(({ rssMiB }) => rssMiB)),
    };
  });
}

function writersOf(valueBytes: number): number {
  return Math.min(writers, underWayBytes / valueBytes);
}
