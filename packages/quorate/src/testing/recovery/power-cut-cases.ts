import assert from 'node:assert/strict';
import type { EffectiveMembership } from '../../core/types.ts';
import { LeadershipLostError, NotLeaderError } from '../../errors.ts';
import type { RaftConfig } from '../../node/options.ts';
import type { Raft } from '../../node/raft.ts';
import { at, commandEntry, memberEntry, membershipOf } from './entries.ts';
import { Leader } from './leader.ts';
import { DurableCommandList } from './machines.ts';
import type { RecoverySuiteOptions } from './options.ts';
import { calm, inTime, Place, until, untilLeader } from './place.ts';

/** Who formed a cluster leads it at once, and keeps to that however slow its disk is. */
export const forming: Partial<RaftConfig> = { ...calm, keepBytes: 0 };

/** A cluster of one that finds its leader again in no time, and may lose it on a slow disk. */
export const hasty: Partial<RaftConfig> = {
  heartbeatMs: 10,
  electionTimeoutMs: { min: 25, max: 35 },
  keepBytes: 0,
};

/** More steps than any of the cases takes. */
const tooMany = 1000;

/**
 * The power is cut before each step that a node takes on its disks, and after each before it hears
 * of it; then it starts again. What it was told to be durable is there, each command once.
 */
export function powerCutCases(options: RecoverySuiteOptions): void {
  const { test } = options;
  for (const machine of ['in memory', 'with a disk of its own'] as const) {
    test(`own snapshots with a state machine ${machine}: a cut at any step loses nothing`, () =>
      cutEverywhere(options, machine, ownSnapshots));
    test(`snapshots of a leader with a state machine ${machine}: a cut at any step loses nothing`, () =>
      cutEverywhere(options, machine, leadersSnapshots));
  }
}

/** Works until the power is cut, and tells what it may rely on; then checks that on a new start. */
export type Scenario = (place: Place) => {
  readonly work: () => Promise<void>;
  readonly check: () => Promise<void>;
};

export async function cutEverywhere(
  options: RecoverySuiteOptions,
  machine: 'in memory' | 'with a disk of its own',
  scenario: Scenario,
): Promise<void> {
  for (let steps = 0; ; steps += 1) {
    assert.ok(steps < tooMany, 'the work ends');
    const place = await Place.open(options);
    try {
      if (machine === 'with a disk of its own') place.machine = new DurableCommandList();
      const { work, check } = scenario(place);
      const cut = place.cutAfter(steps);
      const worked = work();
      // A node whose snapshots fail goes on; without power, all of it ends.
      await Promise.race([worked.catch(() => undefined), cut.happens]);
      // Without a cut it has to come to its end.
      if (!cut.isCut) await worked;
      await place.crash({ losesUnflushed: steps % 2 === 1 });
      await check();
      if (!cut.isCut) return;
    } catch (cause) {
      throw new Error(`With the power cut after ${steps} steps: ${String(cause)}`, { cause });
    } finally {
      await place[Symbol.asyncDispose]();
    }
  }
}

/** A cluster of one writes, and takes a snapshot after each write. */
function ownSnapshots(place: Place): ReturnType<Scenario> {
  const words = ['one', 'two', 'three'];
  let answered = 0;
  let raft: Raft<string, number>;
  const work = async (): Promise<void> => {
    raft = await place.start('a', forming);
    await raft.initialize({ a: {} });
    await untilLeader(raft);
    for (const word of words) {
      await inTime((wait) => raft.write(word, wait));
      answered += 1;
      await inTime((wait) => raft.takeSnapshot(wait));
      await until(raft, ({ purged, snapshot }) => purged.index === snapshot.index);
    }
  };
  const check = async (): Promise<void> => {
    raft = await place.start('a', hasty);
    const { log } = place;
    if ((await log.state()).last.index === 0 && raft.metrics.term === 0) {
      assert.equal(answered, 0);
      await raft.initialize({ a: {} });
    }
    await writeAnyhow(raft, 'last');
    const written = [...place.machine.commands];
    const commands = written.filter((command) => command !== 'last');
    assert.ok(written.length > commands.length);
    assert.ok(commands.length >= answered, `${answered} writes were answered`);
    assert.deepEqual(commands, words.slice(0, commands.length));
    await inTime((wait) => raft.takeSnapshot(wait));
  };
  return { work, check };
}

/** Writes, once or more often: what leadership is lost over may be in the log all the same. */
function writeAnyhow(raft: Raft<string, number>, command: string): Promise<void> {
  return inTime(async (wait) => {
    for (;;) {
      await raft.waitFor(({ role }) => role === 'leader', wait);
      try {
        await raft.write(command, wait);
        return;
      } catch (error) {
        const isLost = error instanceof NotLeaderError || error instanceof LeadershipLostError;
        if (!isLost) throw error;
      }
    }
  });
}

const voters: EffectiveMembership = { ...membershipOf([['a', 'b', 'c']]), logId: at(1, 1) };
const expected = ['two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
const entries = [
  memberEntry(1, 1, [['a', 'b', 'c']]),
  ...expected.map((word, place) => commandEntry(1, place + 2, word)),
];

/**
 * A leader of term 2 finds entries 1 to 3 of its own history and one of another; it sends snapshots
 * up to 5 and 6, of which the second takes the place of entries that are there, and the rest.
 */
function leadersSnapshots(place: Place): ReturnType<Scenario> {
  let promised = 0;
  const send = async (raft: Raft<string, number>): Promise<void> => {
    const leader = new Leader(raft, 2);
    const promise = (match: number): void => {
      promised = Math.max(promised, match);
    };
    promise((await leader.install(at(1, 5), voters, expected.slice(0, 4))).match);
    const appended = await leader.append(at(1, 5), entries.slice(5, 7), 5);
    if (appended.accepted) promise(appended.match);
    promise((await leader.install(at(1, 6), voters, expected.slice(0, 5))).match);
    const rest = await leader.append(at(1, 7), entries.slice(7), 8);
    if (rest.accepted) promise(rest.match);
    await until(raft, ({ applied }) => applied.index === 8);
  };
  const work = async (): Promise<void> => {
    const raft = await place.start('a', calm);
    const older = new Leader(raft, 1);
    await older.append(at(0, 0), [...entries.slice(0, 3), commandEntry(1, 4, 'never')], 3);
    await send(raft);
    await inTime((wait) => raft.takeSnapshot(wait));
  };
  const check = async (): Promise<void> => {
    const raft = await place.start('a', calm);
    const { last, purged, applied, snapshot } = raft.metrics;
    assert.ok(last.index >= promised, `entries up to ${promised} were promised`);
    assert.ok(purged.index <= snapshot.index && snapshot.index <= applied.index);
    // A log that does not reach where the leader's begins gets its first entries again.
    const first = new Leader(raft, 2);
    if (last.index < 3) await first.append(at(0, 0), entries.slice(0, 3), 3);
    await send(raft);
    assert.deepEqual(place.machine.commands, expected);
    const logged = await place.log.state();
    assert.deepEqual(logged.last, at(1, 8));
  };
  return { work, check };
}
