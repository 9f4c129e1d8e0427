import { expect, test } from 'vitest';
import { RaftError } from '../../src/errors.ts';
import { Cluster, quick, type TestNode, turns } from './kit.ts';

const five = ['a', 'b', 'c', 'd', 'e'];

/** A generator of its own, so that a failing round can be drawn again from its seed. */
function drawFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What happens to a cluster; each undoes itself before it ends. */
const troubles: Readonly<Record<string, (cluster: Cluster, node: TestNode) => Promise<void>>> = {
  restart: async (cluster, { id }) => void (await cluster.restart(id)),
  isolate: async (cluster, node) => {
    cluster.isolate(node.id);
    await cluster.awaitLeader(cluster.others(node));
    cluster.wires.heal();
  },
  slowDisk: async (_cluster, { store }) => {
    store.hold();
    await turns(50);
    store.release();
  },
  crash: async (cluster, { id, store }) => {
    store.hold();
    await turns(3);
    const stopped = cluster.stop(id);
    store.release();
    await stopped;
    await cluster.awaitLeader();
    await cluster.start(id);
  },
};

/** Writes numbered commands through whoever it takes for leader, until told to stop. */
async function keepWriting(
  cluster: Cluster,
  name: string,
  isOver: () => boolean,
): Promise<{ acknowledged: string[]; refused: string[] }> {
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

test('whatever happens, acknowledged writes stay, refused ones never come, and nobody waits for ever', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const draw = drawFrom(seed);
  const history: string[] = [];
  await using cluster = await Cluster.of(five, { config: quick });
  let isOver = false;
  const writers = five.map((_, at) => keepWriting(cluster, `writer ${at}`, () => isOver));

  for (let round = 0; round < 25; round += 1) {
    const names = Object.keys(troubles);
    const name = names[draw(names.length)] ?? '';
    const node = cluster.node(five[draw(five.length)] ?? '');
    history.push(`${name} ${node.id} (${node.metrics.role})`);
    await troubles[name]?.(cluster, node);
  }
  isOver = true;
  const outcomes = await Promise.all(writers);
  const { logId } = await cluster.write('end');
  await cluster.awaitApplied(logId.index);

  // Everything that must be empty, with what leads there again.
  const story = `seed ${seed}: ${history.join(', ')}`;
  for (const { metrics, machine } of cluster.all) {
    const applied = new Set(machine.commands);
    const missing = outcomes.flatMap(({ acknowledged }) =>
      acknowledged.filter((command) => !applied.has(command)),
    );
    const unexpected = outcomes.flatMap(({ refused }) =>
      refused.filter((command) => applied.has(command)),
    );
    const { fatal } = metrics;
    expect({ story, fatal, missing, unexpected }).toEqual({
      story,
      fatal: undefined,
      missing: [],
      unexpected: [],
    });
  }
  expect(outcomes.flatMap(({ acknowledged }) => acknowledged)).not.toEqual([]);
});
