import { expect, test } from 'vitest';
import { Lanes } from './lanes.ts';
import type { KvPlan, Operation, PlannedOperation } from './plan.ts';

const backup: Operation = { type: 'backup', by: 'client', from: 'a' };
const fullStop: Operation = { type: 'full stop', forMs: 0 };
const restart: Operation = { type: 'restart', victim: 'a' };

function planFor(restarts: readonly PlannedOperation[]): KvPlan {
  const backups = [{ at: 0, operation: backup }];
  return { faults: [], lanes: { restarts, membership: [], backups, disks: [] }, lastMs: 0 };
}

function signals(over: AbortController, halt = new AbortController()) {
  return { over: over.signal, halt: halt.signal };
}

test('what was planned and did not come about is made up for, and what is in vain is told', async () => {
  const plan = planFor([
    { at: 0, operation: restart },
    { at: 1, operation: fullStop },
  ]);
  const done: string[] = [];
  const lanes = new Lanes(
    async ({ type }) => {
      done.push(type);
      return type !== 'full stop';
    },
    () => undefined,
  );
  const over = new AbortController();

  await Promise.all([
    lanes.run('restarts', plan, signals(over)),
    lanes.run('backups', plan, signals(over)),
  ]);
  over.abort();
  const inVain = await lanes.makeUp(plan, signals(over));

  // The second restart would have begun too late.
  expect(done).toEqual(['restart', 'backup', 'full stop']);
  expect(inVain).toEqual(['full stop']);
  expect(Object.fromEntries(lanes.counts)).toEqual({ backup: 1, restart: 1 });
});

test('nothing is made up for once something is found', async () => {
  const halt = new AbortController();
  halt.abort();
  const lanes = new Lanes(
    () => Promise.reject(new Error('It should not be asked.')),
    () => undefined,
  );

  expect(await lanes.makeUp(planFor([]), signals(new AbortController(), halt))).toEqual([]);
});
