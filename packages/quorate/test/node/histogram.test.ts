import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../src/node/histogram.ts';

function histogramOf(samples: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const sample of samples) histogram.record(sample);
  return histogram;
}

/** The sample that so many of a hundred do not exceed, straight from the definition. */
function exactly(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.ceil(samples.length * share) - 1] ?? 0;
}

test('a histogram without a sample says nothing but zeros', () => {
  const { picture } = new Histogram();

  expect(picture).toEqual({ count: 0, totalMs: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
});

test('percentiles are off by at most a sixteenth, or a quarter of a microsecond', () => {
  const sample = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 400_000, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 300 }), (samples) => {
      const { p50Ms, p99Ms } = histogramOf(samples).picture;

      for (const [share, found] of [[0.5, p50Ms] as const, [0.99, p99Ms] as const]) {
        const exact = exactly(samples, share);
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.max(exact / 16, 0.000_25));
      }
    }),
  );
});

test('count, total, mean and maximum are exact', () => {
  const { picture } = histogramOf([1, 2, 6, 0.5]);

  expect(picture).toMatchObject({ count: 4, totalMs: 9.5, meanMs: 2.375, maxMs: 6 });
});

test('one sample is every percentile, never above the maximum', () => {
  for (const sample of [0, 0.0001, 0.004, 0.0041, 0.3, 17, 1023.9, 536_000]) {
    const { p50Ms, p99Ms, maxMs } = histogramOf([sample]).picture;

    expect(maxMs).toBe(sample);
    expect(p50Ms).toBeLessThanOrEqual(sample);
    expect(p99Ms).toBe(p50Ms);
  }
});

test('what is longer than any bucket is the maximum, and a clock that went back is zero', () => {
  expect(histogramOf([1e9, Infinity]).picture).toMatchObject({ p50Ms: Infinity, maxMs: Infinity });
  expect(histogramOf([-5]).picture).toMatchObject({ count: 1, p99Ms: 0, maxMs: 0 });
});

test('a picture is drawn when somebody looks and never changes', () => {
  const histogram = histogramOf([1]);
  const before = histogram.picture;

  expect(histogram.picture).toBe(before);
  histogram.record(9);

  expect(before).toMatchObject({ count: 1, maxMs: 1 });
  expect(histogram.picture).toMatchObject({ count: 2, maxMs: 9 });
});
