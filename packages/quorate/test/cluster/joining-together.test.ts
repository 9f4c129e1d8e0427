import { expect, test } from 'vitest';
import { keepWriting, wrongsIn } from './chaos-kit.ts';
import { Cluster, quick, type TestNode } from './kit.ts';
import { writeTo } from './members.ts';

const three = ['a', 'b', 'c'];
const six = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Ends who leads, in the middle of whatever it does, and starts it again once another leads. */
async function replaceLeader(cluster: Cluster): Promise<string> {
  const { id } = await cluster.awaitLeader();
  await cluster.stop(id);
  await cluster.awaitLeader();
  await cluster.start(id);
  return id;
}

function votersOf({ metrics }: TestNode): readonly string[] {
  return [...new Set(metrics.membership.voters.flat())].sort();
}

test('nodes that join while one leader after another restarts all get in, and lack nothing (row 87)', async () => {
  await using cluster = await Cluster.of(three, { config: quick });
  const signal = AbortSignal.timeout(25_000);
  let isOver = false;
  const writing = keepWriting(cluster, 'meanwhile', () => isOver);

  const joining = Promise.all(['d', 'e', 'f'].map((id) => cluster.join(id, three, { signal })));
  const replaced: string[] = [];
  for (let round = 0; round < 3; round += 1) replaced.push(await replaceLeader(cluster));
  await joining;
  isOver = true;
  const written = await writing;
  await writeTo(cluster, six);

  for (const node of cluster.all) expect(votersOf(node)).toEqual(six);
  const wrongs = wrongsIn(cluster, [written]);
  expect({ replaced, wrongs }).toEqual({ replaced, wrongs: [] });
});

test.each(['is a learner', 'is to be a voter'])(
  'a node that ends as soon as it %s joins with the next try (row 87)',
  async (point) => {
    await using cluster = await Cluster.of(three, { config: quick });
    await cluster.write('before');
    const leader = await cluster.awaitLeader();
    // Its disk stays over both tries.
    await cluster.start('d');
    await cluster.stop('d');
    const controller = new AbortController();

    const first = cluster.join('d', three, { signal: controller.signal });
    const over = first.catch((error: unknown) => error);
    await leader.waitFor(({ membership }) =>
      point === 'is a learner' ? 'd' in membership.nodes : membership.voters.flat().includes('d'),
    );
    controller.abort(new Error('enough'));
    if (!((await over) instanceof Error)) await cluster.stop('d');
    const joined = await cluster.join('d', three);
    await writeTo(cluster, ['a', 'b', 'c', 'd']);

    expect(joined.machine.commands).toEqual(['before', 'end']);
    expect(votersOf(joined)).toEqual(['a', 'b', 'c', 'd']);
  },
);
