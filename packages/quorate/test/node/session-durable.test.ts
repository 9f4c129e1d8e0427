import { describe, expect, test } from 'vitest';
import { noLogId } from '../../src/core/log-shape.ts';
import { Machine } from '../../src/node/machine.ts';
import { Applying, command, DurableSum, open } from './applying-sessions.ts';
import { settle } from './virtual-runtime.ts';

describe('a durable state machine', () => {
  test('keeps a session together with the effect of its writes, in one atomic write', async () => {
    const state = new DurableSum();
    const entries = [open(1), command(2, 5, [1, 1]), command(3, 5, [1, 1])];
    const first = new Applying(state, entries.slice(0, 2));
    first.applier.applyUpTo(2);
    expect(state.seals).toBe(1);

    const machine = new Machine(state);
    const applied = await machine.readApplied();
    const again = new Applying(state, entries, { applied: applied ?? noLogId, machine });
    again.applier.applyUpTo(3);

    expect(applied).toEqual({ term: 1, index: 2 });
    expect(state.sum).toBe(5);
    expect(again.answers.get(3)).toBe(5);
  });

  test('knows of sessions before a snapshot is taken, though no command was applied', async () => {
    const state = new DurableSum();
    const { applier, machine } = new Applying(state, [open(1)]);
    applier.applyUpTo(1);
    expect(state.seals).toBe(0);

    const frozen = await applier.freeze();
    await frozen.close();

    expect(state.seals).toBe(1);
    const reopened = new Machine(state);
    expect(await reopened.readApplied()).toEqual({ term: 1, index: 1 });
    expect([...reopened.sessions.freeze()]).toEqual([...machine.sessions.freeze()]);
  });

  test('is given records also where sessions only come and go, so that they do not pile up', () => {
    const state = new DurableSum();
    const entries = Array.from({ length: 5000 }, (_, place) => open(place + 1));
    const { applier, machine } = new Applying(state, entries, { maxBatchBytes: 1 });

    applier.applyUpTo(5000);

    expect(machine.sessions.changeCount).toBeLessThan(1000);
    expect(state.seals).toBeGreaterThanOrEqual(4);
    expect(state.batches.flat()).toEqual([]);
  });

  test('that does not seal a batch is told so, and the node stops', async () => {
    for (const isAsync of [false, true]) {
      const state = new DurableSum();
      state.apply = () => (isAsync ? (Promise.resolve([5]) as unknown as unknown[]) : [5]);
      const { applier, failures } = new Applying(state, [command(1, 5)]);

      applier.applyUpTo(1);
      await settle();

      expect(String(failures[0])).toContain('must call seal(responses)');
      expect(applier.applied).toEqual(noLogId);
    }
  });

  test('that gives seal too few responses is told so before any is kept', () => {
    const state = new DurableSum();
    const apply = state.apply.bind(state);
    state.apply = (batch, seal) => apply(batch, () => seal?.([]) ?? []);
    const { applier, failures } = new Applying(state, [open(1), command(2, 5, [1, 1])]);

    applier.applyUpTo(2);

    expect(String(failures[0])).toContain('one response for each of 1 commands; it returned 0');
    expect(state.records.size).toBe(0);
  });
});
