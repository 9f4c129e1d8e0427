import assert from 'node:assert/strict';
import type { EffectiveMembership, LogId } from '../../core/types.ts';
import { sealEnvelope } from '../../node/snapshot-envelope.ts';
import { at, commandEntry, memberEntry, membershipOf } from './entries.ts';
import { DurableCommandList, piecesOf } from './machines.ts';
import type { RecoverySuiteOptions } from './options.ts';
import { inTime, type Place, quick, until, untilLeader, withPlace } from './place.ts';

/** What a node makes of a snapshot and a log that it finds. */
export function snapshotCases(options: RecoverySuiteOptions): void {
  ownCases(options);
  foundCases(options);
  refusedCases(options);
}

function ownCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  for (const kind of ['in memory', 'with a disk of its own'] as const) {
    test(`a state machine ${kind} begins with the snapshot and goes on with the log`, () =>
      withPlace(options, async (place) => {
        if (kind === 'with a disk of its own') place.machine = new DurableCommandList();
        const config = { ...quick, keepBytes: 0 };
        const written: string[] = [];
        let raft = await place.start('a', config);
        await raft.initialize({ a: {} });
        for (let round = 0; round < 4; round += 1) {
          await untilLeader(raft);
          for (const word of ['one', 'two', 'three']) {
            written.push(`${word} of ${round}`);
            const { response } = await raft.write(`${word} of ${round}`);
            assert.equal(response, written.length);
            if (word === 'two') await inTime((wait) => raft.takeSnapshot(wait));
          }
          await until(raft, ({ purged }) => purged.index > 0);
          const { applied } = raft.metrics;
          // Also what was not flushed may be lost, and comes again from the log.
          await place.crash({ losesUnflushed: round % 2 === 0 });
          raft = await place.start('a', config);
          await until(raft, (metrics) => metrics.applied.index >= applied.index);

          assert.deepEqual(place.machine.commands, written);
          assert.ok(raft.metrics.snapshot.index >= raft.metrics.purged.index);
        }
      }));
  }
}

function foundCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  test('a snapshot ahead of the log takes its place, with its membership', () =>
    withPlace(options, async (place) => {
      await fill(place);
      await save(place, at(2, 9), ['nine'], member(7, ['a', 'z']));
      await place.crash();

      const { metrics } = await place.start('a');

      assert.deepEqual(ends(metrics), { purged: at(2, 9), last: at(2, 9) });
      assert.deepEqual(metrics.applied, at(2, 9));
      assert.deepEqual(metrics.membership, member(7, ['a', 'z']));
      assert.deepEqual(await place.log.state(), { purged: at(2, 9), last: at(2, 9) });
      assert.deepEqual(place.machine.commands, ['nine']);
    }));

  test('a snapshot that the log contradicts takes its place', () =>
    withPlace(options, async (place) => {
      await fill(place);
      await save(place, at(2, 3), ['three'], member(1, ['a', 'b', 'c']));
      await place.crash();

      const { metrics } = await place.start('a');

      assert.deepEqual(ends(metrics), { purged: at(2, 3), last: at(2, 3) });
      assert.deepEqual(await place.log.state(), { purged: at(2, 3), last: at(2, 3) });
    }));

  test('a snapshot that the log agrees with leaves the entries after it', () =>
    withPlace(options, async (place) => {
      await fill(place);
      await save(place, at(1, 3), ['three'], member(1, ['a', 'b', 'c']));
      await place.crash();

      const { metrics } = await place.start('a');

      assert.deepEqual(metrics.last, at(1, 5));
      assert.deepEqual(metrics.snapshot, at(1, 3));
      assert.deepEqual(metrics.applied, at(1, 3));
    }));

  test('the membership is that of the snapshot, or a newer one of the log', () =>
    withPlace(options, async (place) => {
      await fill(place);
      await place.log.append([memberEntry(1, 6, [['a', 'z']])]);
      await save(place, at(1, 4), ['four'], member(1, ['a', 'b', 'c']));
      await place.log.purge(at(1, 4));
      await place.crash();
      const { membership } = (await place.start('a')).metrics;
      assert.deepEqual(membership.voters, [['a', 'z']]);

      await place.crash();
      await place.log.truncate(5);
      await place.crash();

      const older = (await place.start('a')).metrics.membership;
      assert.deepEqual(older, member(1, ['a', 'b', 'c']));
    }));
}

function refusedCases(options: RecoverySuiteOptions): void {
  const { test } = options;

  test('a purged log without its snapshot is refused', () =>
    withPlace(options, async (place) => {
      await fill(place);
      await place.log.purge(at(1, 3));
      await place.crash();

      await assert.rejects(place.start('a'), { code: 'RAFT_FATAL' });
    }));

  test('a purged log with a snapshot that ends before it is refused', () =>
    withPlace(options, async (place) => {
      await fill(place);
      await save(place, at(1, 2), ['two'], member(1, ['a', 'b', 'c']));
      await place.log.purge(at(1, 3));
      await place.crash();

      await assert.rejects(place.start('a'), { code: 'RAFT_FATAL' });
    }));
}

/** Entries 1 to 5 of term 1: the membership and commands; the vote is of term 3. */
async function fill({ log }: Place): Promise<void> {
  await log.saveVote({ term: 3, votedFor: undefined });
  await log.append([
    memberEntry(1, 1, [['a', 'b', 'c']]),
    ...[2, 3, 4, 5].map((index) => commandEntry(1, index)),
  ]);
}

async function save(
  { snapshots }: Place,
  lastLogId: LogId,
  commands: readonly string[],
  membership: EffectiveMembership,
): Promise<void> {
  const meta = { id: `snapshot-${lastLogId.index}`, lastLogId, membership };
  await snapshots.save(meta, sealEnvelope([], piecesOf(commands)));
}

function member(index: number, voters: readonly string[]): EffectiveMembership {
  return { ...membershipOf([[...voters]]), logId: at(1, index) };
}

function ends({ purged, last }: { purged: LogId; last: LogId }): { purged: LogId; last: LogId } {
  return { purged, last };
}
