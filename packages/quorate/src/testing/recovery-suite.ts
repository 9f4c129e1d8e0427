import assert from 'node:assert/strict';
import { MemoryNetwork } from '../network/memory.ts';
import { commandEntry, memberEntry } from './recovery/entries.ts';
import type { RecoverySuiteOptions } from './recovery/options.ts';
import { inTime, Place, quick, until, untilLeader, withPlace } from './recovery/place.ts';
import { powerCutCases } from './recovery/power-cut-cases.ts';
import { sessionCases } from './recovery/session-cases.ts';
import { snapshotCases } from './recovery/snapshot-cases.ts';

/**
 * Registers tests that start real nodes on the storage, again and again, with log and snapshots,
 * and end them at every step of what they do to their disk.
 */
export function recoverySuite(options: RecoverySuiteOptions): void {
  promiseCases(options);
  membershipCases(options);
  refusalCases(options);
  commandCases(options);
  snapshotCases(options);
  sessionCases(options);
  powerCutCases(options);
}

function promiseCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  test('a node on an empty storage has no vote, no log and no membership, and waits', () =>
    withPlace(options, async (place) => {
      const { metrics } = await place.start('a');

      assert.equal(metrics.term, 0);
      assert.deepEqual(metrics.last, { term: 0, index: 0 });
      assert.deepEqual(metrics.membership.voters.flat(), []);
      assert.notEqual(metrics.role, 'leader');
    }));

  test('each start is counted, and the incarnation stays', () =>
    withPlace(options, async (place) => {
      await place.start('a');
      const first = await place.log.readIdentity();
      for (let starts = 2; starts <= 4; starts += 1) {
        await place.crash();
        await place.start('a');

        assert.deepEqual(await place.log.readIdentity(), { ...first, starts });
      }
      assert.equal(first?.starts, 1);
    }));

  test('the cluster is remembered', () =>
    withPlace(options, async (place) => {
      const raft = await place.start('a');
      await raft.initialize({ a: {} });
      await untilLeader(raft);
      const { identity } = await raft.rpc.identify();

      await place.crash();
      const again = await place.start('a');

      assert.ok(identity.cluster !== undefined);
      assert.equal((await again.rpc.identify()).identity.cluster, identity.cluster);
    }));

  test('a vote that was given is not given to another after a restart', () =>
    withPlace(options, async (place) => {
      await place.log.saveVote({ term: 7, votedFor: 'b' });
      await place.log.append([memberEntry(1, 1, [['a', 'b', 'c']])]);
      await place.crash();
      const raft = await place.start('a');
      const from = { cluster: 'cluster-1', node: 'c', incarnation: 'disk-c', starts: 1 };
      const lastLogId = { term: 6, index: 9 };

      const answer = await raft.rpc.requestVote(
        { term: 7, candidate: 'c', lastLogId, preVote: false, transfer: true },
        { from, to: { node: 'a' } },
      );

      assert.equal(raft.metrics.term, 7);
      assert.equal(answer.granted, false);
      assert.deepEqual(await place.log.readVote(), { term: 7, votedFor: 'b' });
    }));
}

function membershipCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  test('of two memberships in the log the newer one is in force', () =>
    withPlace(options, async (place) => {
      await place.log.saveVote({ term: 2, votedFor: undefined });
      await place.log.append([
        memberEntry(1, 1, [['a', 'b', 'c']]),
        commandEntry(1, 2),
        memberEntry(2, 3, [['a', 'b', 'c'], ['b']]),
        commandEntry(2, 4),
      ]);
      await place.crash();

      const { membership, last } = (await place.start('a')).metrics;

      assert.deepEqual(membership.voters, [['a', 'b', 'c'], ['b']]);
      assert.deepEqual(membership.logId, { term: 2, index: 3 });
      assert.deepEqual(last, { term: 2, index: 4 });
    }));

  test('when the newest membership is truncated, the one before it is in force', () =>
    withPlace(options, async (place) => {
      await place.log.saveVote({ term: 3, votedFor: undefined });
      await place.log.append([
        memberEntry(1, 1, [['a', 'b']]),
        memberEntry(2, 2, [['a', 'b', 'c']]),
        memberEntry(2, 3, [['c']]),
      ]);
      await place.log.truncate(1);
      await place.log.append([commandEntry(3, 2)]);
      await place.crash();

      const { membership, last } = (await place.start('a')).metrics;

      assert.deepEqual(membership.voters, [['a', 'b']]);
      assert.deepEqual(last, { term: 3, index: 2 });
    }));
}

function refusalCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  test('the storage of another node is refused, and both are named', () =>
    withPlace(options, async (place) => {
      await place.start('a');
      await place.crash();

      await assert.rejects(place.start('b'), (error) => /\ba\b.*\bb\b/.test(String(error)));
    }));

  test('a log that ends in a later term than the vote is refused', () =>
    withPlace(options, async (place) => {
      await place.log.saveVote({ term: 2, votedFor: 'a' });
      await place.log.append([memberEntry(1, 1, [['a']]), commandEntry(5, 2)]);
      await place.crash();

      await assert.rejects(place.start('a'), { code: 'RAFT_FATAL' });
    }));

  test('a log in which terms fall is refused, by its store or by the node', () =>
    withPlace(options, async (place) => {
      await place.log.saveVote({ term: 9, votedFor: 'a' });

      await assert.rejects(async () => {
        await place.log.append([memberEntry(1, 1, [['a']]), commandEntry(5, 2)]);
        await place.log.append([commandEntry(4, 3), commandEntry(5, 4)]);
        await place.start('a');
      });
    }));
}

function commandCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  test('a node that starts again applies every command once more, each once and in order', () =>
    withPlace(options, async (place) => {
      const written: string[] = [];
      let raft = await place.start('a', quick);
      await raft.initialize({ a: {} });
      for (let round = 0; round < 4; round += 1) {
        await untilLeader(raft);
        for (const word of ['one', 'two', 'three']) {
          written.push(`${word} of ${round}`);
          const { response } = await raft.write(`${word} of ${round}`);
          assert.equal(response, written.length);
        }
        const { applied } = raft.metrics;
        await place.crash();
        raft = await place.start('a', quick);
        await until(raft, (metrics) => metrics.applied.index >= applied.index);

        assert.deepEqual(place.machine.commands, written);
      }
    }));

  test('three nodes that crash at once come back with every write that was acknowledged', async () => {
    const network = new MemoryNetwork();
    const places = new Map<string, Place>();
    try {
      for (const id of ['a', 'b', 'c']) places.set(id, await Place.open(options, network));
      const nodes = await startAll(places);
      await nodes[0]?.initialize({ a: {}, b: {}, c: {} });
      const leader = await leaderOf(nodes);
      const words = Array.from({ length: 50 }, (_, count) => `word ${count}`);
      await Promise.all(words.map((word) => leader.write(word)));

      for (const place of places.values()) await place.crash();
      const again = await leaderOf(await startAll(places));
      const { logId } = await inTime((wait) => again.write('last', wait));

      const commands = places.get(again.id)?.machine.commands;
      assert.deepEqual(commands, [...words, 'last']);
      assert.ok(logId.index > words.length);
    } finally {
      for (const place of places.values()) await place[Symbol.asyncDispose]();
    }
  });
}

type Node = Awaited<ReturnType<Place['start']>>;

async function startAll(places: ReadonlyMap<string, Place>): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const [id, place] of places) nodes.push(await place.start(id, quick));
  return nodes;
}

/** The node that all take for their leader. */
async function leaderOf(nodes: readonly Node[]): Promise<Node> {
  const [first] = nodes;
  assert.ok(first);
  for (;;) {
    const { leader } = await until(first, (metrics) => metrics.leader !== undefined);
    const node = nodes.find(({ id }) => id === leader);
    if (node?.metrics.role === 'leader') return node;
    const term = first.metrics.term;
    await until(first, (metrics) => metrics.leader !== leader || metrics.term !== term);
  }
}
