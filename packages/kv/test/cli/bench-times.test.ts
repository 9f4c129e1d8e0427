import { expect, test } from 'vitest';

import { Times } from '../../src/cli/commands/bench-times.ts';

test('the share of calls that took no longer is off by 3% at most', () => {
  const times = new Times();
  for (let ms = 1; ms <= 1000; ms += 1) times.record(ms);

  for (const [share, exact] of [
    [0.5, 500],
    [0.9, 900],
    [0.99, 990],
  ] as const) {
    expect(times.percentile(share)).toBeGreaterThanOrEqual(exact);
    expect(times.percentile(share)).toBeLessThan(exact * 1.03);
  }
  expect(times.percentile(1)).toBe(1000);
  expect(times).toMatchObject({ count: 1000, longestMs: 1000 });
});

test('nothing took no time, and what took years is counted all the same', () => {
  const times = new Times();
  expect(times.percentile(0.5)).toBe(0);

  times.record(0);
  times.record(1e12);

  expect(times.percentile(0.5)).toBeLessThan(0.01);
  expect(times).toMatchObject({ count: 2, longestMs: 1e12 });
});
