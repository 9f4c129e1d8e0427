import { expect, test } from 'vitest';
import type { NodeId } from '../../src/core/types.ts';
import { RaftError } from '../../src/errors.ts';
import { drawFrom, keepWriting, wrongsIn } from './chaos-kit.ts';
import { Cluster, outcomeOf, quick, soon, type TestNode, turns } from './kit.ts';

const five = ['a', 'b', 'c', 'd', 'e'];
const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const roundCount = isFull ? 300 : 25;
const timeout = isFull ? 300_000 : 60_000;

type Undo = () => Promise<void> | void;

/** What may be wrong with one node while the membership changes; each returns what ends it. */
const troubles: Readonly<Record<string, (cluster: Cluster, node: TestNode) => Promise<Undo>>> = {
  nothing: async () => () => undefined,
  isDown: async (cluster, { id }) => {
    await cluster.stop(id);
    return async () => void (await cluster.start(id));
  },
  isCutOff: async (cluster, { id }) => {
    cluster.isolate(id);
    return () => cluster.wires.heal();
  },
  hearsNobody: async (cluster, node) => {
    for (const other of cluster.others(node)) cluster.wires.cut(other.id, node.id);
    return () => cluster.wires.heal();
  },
  isHeardByNobody: async (cluster, node) => {
    for (const other of cluster.others(node)) cluster.wires.cut(node.id, other.id);
    return () => cluster.wires.heal();
  },
  isCutOffWithAnother: async (cluster, node) => {
    const [other, ...rest] = cluster.others(node);
    for (const here of [node, other]) {
      for (const there of rest) {
        cluster.wires.cut(here?.id ?? '', there.id);
        cluster.wires.cut(there.id, here?.id ?? '');
      }
    }
    return () => cluster.wires.heal();
  },
  hasAHungDisk: async (_cluster, { store }) => {
    store.hold();
    return () => store.release();
  },
  restarts: async (cluster, { id }) => {
    const restarted = turns(5).then(() => cluster.restart(id));
    return async () => void (await restarted);
  },
};

/** Asks everybody who takes itself for a leader, and waits for what became of each call. */
async function askLeaders(
  cluster: Cluster,
  ask: (node: TestNode) => Promise<unknown>,
): Promise<unknown[]> {
  const leaders = cluster.running.filter(({ metrics }) => metrics.role === 'leader');
  return Promise.all(leaders.map((node) => outcomeOf(ask(node))));
}

/** None of the calls has a signal; one that never ends fails the test with what led there. */
async function inTime<Result>(calls: Promise<Result>, story: () => string): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const fail = (): void => late.reject(new Error(`A call does not end: ${story()}`));
  const { signal } = soon();
  signal.addEventListener('abort', fail, { once: true });
  try {
    return await Promise.race([calls, late.promise]);
  } finally {
    signal.removeEventListener('abort', fail);
  }
}

test('whatever happens while voters come and go, nothing is lost, and every call ends (rows 70, 83, 87)', {
  timeout,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const draw = drawFrom(seed);
  const drawn = <Item>(items: readonly Item[]): Item => items[draw(items.length)] as Item;
  const history: string[] = [];
  const config = { ...quick, catchUpTimeoutMs: 200 };
  await using cluster = await Cluster.of(five, { config });
  let isOver = false;
  const writers = ['one', 'two'].map((name) => keepWriting(cluster, name, () => isOver));
  let changeCount = 0;
  const story = (): string => `seed ${seed}: ${history.join('; ')}`;

  for (let round = 0; round < roundCount; round += 1) {
    const voters = five.filter(() => draw(3) > 0);
    const node = cluster.node(drawn(five));
    const name = drawn(Object.keys(troubles));
    const target: NodeId | undefined = drawn([undefined, ...five]);
    history.push(`${node.id} (${node.metrics.role}) ${name}, voters ${voters.join('')}`);

    const undo = await troubles[name]?.(cluster, node);
    const changed = askLeaders(cluster, ({ raft }) =>
      raft.changeVoters(voters.length > 0 ? voters : five, { keepRemoved: true }),
    );
    await turns(draw(30));
    const handed = askLeaders(cluster, ({ raft }) => raft.transferLeadership(target));
    // A disk that hangs holds up what waits for it, however long.
    if (name === 'hasAHungDisk') await turns(50);
    else await inTime(changed, story);
    await undo?.();
    const ended = await inTime(Promise.all([changed, handed]), story);
    for (const outcome of ended.flat()) {
      if (outcome instanceof Error && !(outcome instanceof RaftError)) throw outcome;
    }
    changeCount += ended[0].filter((outcome) => !(outcome instanceof Error)).length;
    await inTime(cluster.awaitLeader(), story);
  }
  isOver = true;
  const outcomes = await inTime(Promise.all(writers), story);
  await cluster.write('end');
  const { logId } = await cluster.write('last');
  await cluster.awaitApplied(logId.index);

  const wrongs = wrongsIn(cluster, outcomes);
  expect({ story: story(), wrongs }).toEqual({ story: story(), wrongs: [] });
  const memberships = cluster.all.map(({ metrics }) => metrics.membership);
  const same = five.map(() => memberships[0]);
  expect({ story: story(), memberships }).toEqual({ story: story(), memberships: same });
  expect(changeCount).toBeGreaterThan(0);
});
