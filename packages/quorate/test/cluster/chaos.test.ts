import { expect, test } from 'vitest';
import { drawFrom, keepWriting, wrongsIn } from './chaos-kit.ts';
import { Cluster, quick, type TestNode, turns } from './kit.ts';

const five = ['a', 'b', 'c', 'd', 'e'];

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

  const story = `seed ${seed}: ${history.join(', ')}`;
  const wrongs = wrongsIn(cluster, outcomes);
  expect({ story, wrongs }).toEqual({ story, wrongs: [] });
});
