import { expect, test } from 'vitest';
import { nodeRuntime } from '../../src/platform/runtime.ts';

test('time does not go back, and a timer runs once, about when it should', async () => {
  const before = nodeRuntime.now();
  let count = 0;

  await new Promise<void>((resolve) => {
    nodeRuntime.setTimer(() => {
      count += 1;
      resolve();
    }, 5);
  });

  expect(count).toBe(1);
  // Node rounds to whole milliseconds, so a timer may be a fraction early.
  expect(nodeRuntime.now() - before).toBeGreaterThanOrEqual(4);
});

test('a cancelled timer does not run, and cancelling again is fine', async () => {
  const ran: string[] = [];
  const timer = nodeRuntime.setTimer(() => ran.push('cancelled'), 1);

  timer.cancel();
  timer.cancel();
  await new Promise<void>((resolve) => {
    nodeRuntime.setTimer(resolve, 5);
  });

  expect(ran).toEqual([]);
});

test('a timer longer than Node can wait is not run at once', async () => {
  const ran: number[] = [];
  const timers = [2 ** 31, Number.POSITIVE_INFINITY].map((ms) =>
    nodeRuntime.setTimer(() => ran.push(ms), ms),
  );

  await new Promise<void>((resolve) => {
    nodeRuntime.setTimer(resolve, 5);
  });
  for (const timer of timers) timer.cancel();

  expect(ran).toEqual([]);
});

test('a timer keeps the process alive until it is cancelled', () => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();

  const timer = nodeRuntime.setTimer(() => {}, 60_000);
  expect(timers()).toBe(before + 1);
  timer.cancel();

  expect(timers()).toBe(before);
});

test('a timer whose time is over runs soon, and nobody is warned of it', async () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', onWarning);
  let count = 0;

  await new Promise<void>((resolve) => {
    nodeRuntime.setTimer(() => {
      count += 1;
      resolve();
    }, -3);
  });
  await new Promise<void>((resolve) => void setImmediate(resolve));
  process.off('warning', onWarning);

  expect(count).toBe(1);
  expect(warnings).toEqual([]);
});

test('a timer without a time is refused', () => {
  expect(() => nodeRuntime.setTimer(() => {}, Number.NaN)).toThrow(RangeError);
});

test('chance is from 0 to 1, and ids differ', () => {
  const numbers = Array.from({ length: 100 }, () => nodeRuntime.random());
  const ids = new Set(Array.from({ length: 100 }, () => nodeRuntime.randomId()));

  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  expect(ids.size).toBe(100);
});

test('yielding lets promises and input go first', async () => {
  const order: string[] = [];

  await new Promise<void>((resolve) => {
    nodeRuntime.yieldToIo(() => {
      order.push('yielded');
      resolve();
    });
    void Promise.resolve().then(() => order.push('promise'));
  });

  expect(order).toEqual(['promise', 'yielded']);
});
