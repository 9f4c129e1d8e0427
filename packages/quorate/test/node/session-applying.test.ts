import { describe, expect, test } from 'vitest';
import type { Committed } from '../../src/contract/state-machine.ts';
import { noLogId } from '../../src/core/log-shape.ts';
import type { Entry, LogIndex } from '../../src/core/types.ts';
import { Machine } from '../../src/node/machine.ts';
import { SeededRandom } from '../../src/testing/sim-fs/random.ts';
import {
  Applying,
  at,
  bounds,
  close,
  command,
  DurableSum,
  open,
  Sum,
} from './applying-sessions.ts';
import { collect, memberOf, metaAt, Stream } from './snapshots.ts';

describe('a command of a session', () => {
  test('takes effect once, and each repetition gets the first response', () => {
    const state = new Sum();
    const entries = [
      open(1),
      command(2, 5, [1, 1]),
      command(3, 5, [1, 1]),
      command(4, 100),
      command(5, 5, [1, 1]),
      command(6, 7, [1, 2]),
    ];
    const { applier, answers } = new Applying(state, entries);

    applier.applyUpTo(3);
    applier.applyUpTo(6);

    expect(state.batches).toEqual([[2], [4, 6]]);
    expect([...answers]).toEqual([
      [1, undefined],
      [2, 5],
      [3, 5],
      [4, 105],
      [5, 5],
      [6, 112],
    ]);
  });

  test('is refused when its session is over, and the refusal says what may have been', () => {
    const state = new Sum();
    const entries = [
      open(1),
      command(2, 1, [1, 1]),
      command(3, 1, [1, 9]),
      command(4, 1, [1, 1]),
      close(5, 1),
      command(6, 1, [1, 10]),
      command(7, 1, [3, 1]),
    ];
    const { applier, answers } = new Applying(state, entries);

    applier.applyUpTo(7);

    expect(state.sum).toBe(2);
    const refused = { code: 'RAFT_SESSION_EXPIRED' };
    expect(answers.get(4)).toMatchObject({ ...refused, maybeApplied: true });
    expect(answers.get(6)).toMatchObject({ ...refused, maybeApplied: false });
    expect(answers.get(7)).toMatchObject({ ...refused, maybeApplied: false });
  });

  test('is answered alike at the first try and later, by what the response codec keeps', () => {
    const date = { at: new Date(0) };
    class Dated extends Sum {
      override apply(batch: readonly Committed<unknown>[]): unknown[] {
        return batch.map(({ command: given }) => (given === 'date' ? date : undefined));
      }
    }
    const entries = [
      open(1),
      command(2, 'date', [1, 1]),
      command(3, 'date', [1, 1]),
      command(4, 'nothing', [1, 2]),
      command(5, 'nothing', [1, 2]),
      command(6, 'date'),
    ];
    const { applier, answers } = new Applying(new Dated(), entries);

    applier.applyUpTo(6);

    const kept = { at: '1970-01-01T00:00:00.000Z' };
    expect([...answers.values()].slice(1)).toEqual([kept, kept, undefined, undefined, date]);
  });

  test('with a response that the codec cannot encode stops no node; its writer is told', () => {
    class Circular extends Sum {
      override apply(batch: readonly Committed<unknown>[]): unknown[] {
        return batch.map(() => 1n);
      }
    }
    const entries = [open(1), command(2, 1, [1, 1]), command(3, 1, [1, 1])];
    const { applier, answers, failures } = new Applying(new Circular(), entries);

    applier.applyUpTo(3);

    expect(failures).toEqual([]);
    expect(answers.get(2)).toMatchObject({ code: 'RAFT_UNSUPPORTED', maybeApplied: true });
    expect(answers.get(3)).toEqual(answers.get(2));
  });

  test('of another version stops the node instead of being passed over', () => {
    const unknown = at(1, { type: 'session', data: Buffer.from('{"type":"pause"}') });
    const { applier, failures } = new Applying(new Sum(), [unknown]);

    applier.applyUpTo(1);

    expect(failures).toMatchObject([{ code: 'RAFT_UNSUPPORTED' }]);
    expect(applier.applied).toEqual(noLogId);
  });
});

/** A log in which everything happens that can happen to sessions. */
function randomLog(random: SeededRandom, length: number): Entry[] {
  const ids: LogIndex[] = [1];
  const entries: Entry[] = [open(1)];
  for (let index = 2; index <= length; index += 1) {
    const id = ids[random.below(ids.length)] ?? 1;
    const choice = random.below(20);
    if (choice === 0) ids.push(index);
    entries.push(
      choice === 0
        ? open(index, { ...bounds, window: 1 + random.below(6) })
        : choice === 1
          ? close(index, id)
          : choice === 2
            ? at(index, { type: 'blank' })
            : choice < 6
              ? command(index, index)
              : choice < 8
                ? command(index, 'x'.repeat(random.below(600)), [id, 1 + random.below(30)])
                : command(index, index, [id, 1 + random.below(30)]),
    );
  }
  return entries;
}

function tableOf({ machine }: Applying): [string, string][] {
  const records = [...machine.sessions.freeze()];
  return records.map(({ key, value }) => [key, Buffer.from(value).toString()]);
}

function byKey([one]: [string, string], [other]: [string, string]): number {
  return one < other ? -1 : 1;
}

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  'seed %i: however batches fall, and wherever a node starts again, all tell and keep the same',
  async (seed) => {
    const random = new SeededRandom(`session applying ${seed}`);
    const length = 400;
    const entries = randomLog(random, length);
    const one = new Applying(new Sum(), entries, { maxBatchBytes: 1 });
    one.applier.applyUpTo(length);

    const whole = new Applying(new Sum(), entries);
    whole.applier.applyUpTo(length);
    const durable = new DurableSum();
    let pieces = new Applying(durable, entries);
    const answers = new Map<LogIndex, unknown>();
    for (let index = 0; index < length; ) {
      index = Math.min(length, index + 1 + random.below(90));
      pieces.applier.applyUpTo(index);
      for (const [place, answer] of pieces.answers) answers.set(place, answer);
      const how = random.below(3);
      if (how === 0) continue;
      const machine = new Machine(durable);
      if (how === 1) {
        // By a snapshot of its own, as one that was received.
        const { chunks } = await pieces.machine.snapshot(memberOf(['a']));
        await machine.restore(new Stream(await collect(chunks)), metaAt(index));
      }
      // What was applied since the last batch with a command is applied again.
      const applied = (await machine.readApplied()) ?? noLogId;
      pieces = new Applying(durable, entries, { applied, machine });
      if (applied.index < index) pieces.applier.applyUpTo(index);
    }

    expect([one.failures, whole.failures, pieces.failures]).toEqual([[], [], []]);
    expect([...whole.answers]).toEqual([...one.answers]);
    expect(answers).toEqual(one.answers);
    expect(tableOf(whole)).toEqual(tableOf(one));
    expect(tableOf(pieces).toSorted(byKey)).toEqual(tableOf(one).toSorted(byKey));
    const kinds = new Set([...one.answers.values()].map((told) => String(told).slice(0, 20)));
    expect(kinds.size).toBeGreaterThan(3);
  },
);
