import { RaftError } from '../../src/errors.ts';
import { type Cluster, turns } from './kit.ts';

/** A generator of its own, so that a failing round can be drawn again from its seed. */
export function drawFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What became of the commands of one writer; the rest may or may not have taken effect. */
interface Written {
  readonly acknowledged: string[];
  readonly refused: string[];
}

/** Writes numbered commands through whoever it takes for leader, until told to stop. */
export async function keepWriting(
  cluster: Cluster,
  name: string,
  isOver: () => boolean,
): Promise<Written> {
  const acknowledged: string[] = [];
  const refused: string[] = [];
  for (let at = 0; !isOver(); at += 1) {
    const command = `${name} ${at}`;
    const leader = cluster.running.find(({ metrics }) => metrics.role === 'leader');
    try {
      await leader?.raft.write(command, { signal: AbortSignal.timeout(20_000) });
      if (leader !== undefined) acknowledged.push(command);
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
      if (!error.maybeApplied) refused.push(command);
    }
    await turns(1);
  }
  return { acknowledged, refused };
}

/** What must not be: on which node what is missing, came though it was refused, or went wrong. */
export function wrongsIn(cluster: Cluster, outcomes: readonly Written[]): readonly string[] {
  const acknowledged = outcomes.flatMap((written) => written.acknowledged);
  const refused = outcomes.flatMap((written) => written.refused);
  if (acknowledged.length === 0) return ['nothing was acknowledged'];
  return cluster.all.flatMap(({ id, metrics: { fatal, quarantine }, machine: { commands } }) => {
    const applied = new Set(commands);
    return [
      ...acknowledged.filter((one) => !applied.has(one)).map((one) => `${id} lacks ${one}`),
      ...refused.filter((one) => applied.has(one)).map((one) => `${id} has ${one}, refused`),
      ...(fatal === undefined ? [] : [`${id} stopped: ${fatal.message}`]),
      ...(quarantine === undefined ? [] : [`${id} is in quarantine: ${quarantine}`]),
    ];
  });
}
