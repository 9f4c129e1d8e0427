import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { disposing } from '../disposing.ts';
import { median } from '../percentile.ts';
import { ProcessCluster } from '../process-cluster.ts';
import type { Row } from '../row.ts';
import { tryAgain } from '../try-again.ts';
import { type ScaleOptions, writers } from './scale-options.ts';

const valueBytes = 256;

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
  readonly memberMiB: number;
}

/** Clusters of more and more members, each in a process of its own, in turns. */
export async function measureMembers(options: ScaleOptions): Promise<Row[]> {
  const rounds = new Map<number, Round[]>(options.members.map((members) => [members, []]));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [members, all] of rounds) all.push(await tryAgain(() => measure(members, options)));
  }
  return [...rounds].map(([members, all]) => {
    const middle = (pick: (round: Round) => number, digits = 0): number =>
      Number(median(all.map(pick)).toFixed(digits));
    return {
      members,
      'writes/s': middle((one) => one.perSecond),
      'p50 ms': middle((one) => one.p50Ms, 3),
      'p99 ms': middle((one) => one.p99Ms, 3),
      'CPU µs/write': middle((one) => one.cpuMicros, 1),
      'MiB a member': middle((one) => one.memberMiB),
    };
  });
}

async function measure(members: number, { folder, wire, seconds }: ScaleOptions): Promise<Round> {
  const start = { folder: await mkdtemp(path.join(folder, `members-${members}-`)), wire } as const;
  const started = ProcessCluster.start(members, { ...start, program: 'writer-node.ts' });
  return disposing(started, (cluster) => measureOne(cluster, seconds));
}

async function measureOne(cluster: ProcessCluster, seconds: number): Promise<Round> {
  const leader = await cluster.leader();
  await leader.load({ writers, valueBytes, seconds: seconds / 2 }); // Warms up.
  const before = await cluster.pictures();
  const { perSecond, p50Ms, p99Ms, count } = await leader.load({ writers, valueBytes, seconds });
  const after = await cluster.pictures();
  const cpuOf = (pictures: typeof after): number =>
    pictures.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
  const cpuMicros = (cpuOf(after) - cpuOf(before)) / count;
  const memberMiB = after.reduce((sum, { rssMiB }) => sum + rssMiB, 0) / after.length;
  return { perSecond, p50Ms, p99Ms, cpuMicros, memberMiB };
}
