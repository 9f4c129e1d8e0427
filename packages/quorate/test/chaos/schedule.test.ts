import { expect, test } from 'vitest';
import { readChaosOptions } from './options.ts';
import { planSchedule } from './schedule.ts';

const slots = ['a', 'b', 'c', 'd', 'e'];

test('a seed gives the same faults at the same times, and another one gives others', () => {
  const plan = planSchedule('one', { seconds: 60, slots });

  expect(planSchedule('one', { seconds: 60, slots })).toEqual(plan);
  expect(planSchedule('two', { seconds: 60, slots })).not.toEqual(plan);
  expect(planSchedule('one', { seconds: 30, slots })).toEqual(plan.filter(({ at }) => at < 30_000));
});

test('half a minute has every kind of fault, whatever the seed', () => {
  const kinds = 'cut demote kill kill-all pause replace reset slow snapshot split transfer';
  for (let seed = 0; seed < 200; seed += 1) {
    const plan = planSchedule(`${seed}`, { seconds: 30, slots });

    const found = new Set(plan.map(({ fault }) => fault.type));
    expect([...found].sort().join(' ')).toBe(kinds);
  }
});

test('every split has both its groups, and everybody is somewhere', () => {
  for (const { fault } of planSchedule('splits', { seconds: 3600, slots })) {
    if (fault.type !== 'split') continue;
    const bridge = fault.bridge === undefined ? [] : [fault.bridge];

    expect(fault.groups.every((group) => group.length > 0)).toBe(true);
    expect([...fault.groups.flat(), ...bridge].sort()).toEqual(slots);
  }
});

test('options have defaults, and a wrong one is named', () => {
  const counts = { seconds: 30, nodes: 5, clients: 8 };
  const defaults = { ...counts, network: 'tcp', seed: 'fresh', keep: undefined };

  expect(readChaosOptions([], 'fresh')).toEqual(defaults);
  expect(readChaosOptions(['--seconds', '1_000', '--seed', 'x'], 'fresh')).toEqual({
    ...defaults,
    seconds: 1000,
    seed: 'x',
  });
  expect(() => readChaosOptions(['--seconds', 'ten'], 'fresh')).toThrow(
    '--seconds must be a whole number from 1 to 14400, not "ten".',
  );
  expect(readChaosOptions(['--network', 'http'], 'fresh').network).toBe('http');
  expect(() => readChaosOptions(['--network', 'udp'], 'fresh')).toThrow(
    '--network must be one of tcp, http, not "udp".',
  );
  expect(() => readChaosOptions(['--keep', ''], 'fresh')).toThrow('--keep must name a folder.');
  expect(() => readChaosOptions(['--node', '3'], 'fresh')).toThrow("'--node'");
});
