import { expect, test } from 'vitest';
import { kindsIn, planOf } from './plan.ts';
import { slotsFor } from './run.ts';

const slots = slotsFor(5);
const kinds = [
  ...['backup', 'cut', 'full stop', 'grow and shrink', 'kill', 'kill-all', 'low disk'],
  ...['low disks', 'pause', 'replace', 'reset', 'restart', 'restore', 'rolling restart', 'slow'],
  ...['split', 'transfer'],
];

test('a seed gives the same plan, and another one gives another', () => {
  const plan = planOf('one', { seconds: 60, slots });

  expect(planOf('one', { seconds: 60, slots })).toEqual(plan);
  expect(planOf('two', { seconds: 60, slots })).not.toEqual(plan);
});

test('ten minutes have every kind of fault and operation, whatever the seed', () => {
  for (let seed = 0; seed < 100; seed += 1) {
    const planned = kindsIn(planOf(`${seed}`, { seconds: 600, slots }));

    expect([...planned.keys()].sort()).toEqual(kinds);
  }
});

test('a lane is planned in the order of time, and within it', () => {
  const { lanes } = planOf('lanes', { seconds: 120, slots });

  for (const plan of Object.values(lanes)) {
    const times = plan.map(({ at }) => at);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(times.at(-1)).toBeLessThan(120_000);
  }
});
