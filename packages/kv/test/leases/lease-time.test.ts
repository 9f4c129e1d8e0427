import { describe, expect, it } from 'vitest';
import { leading } from './kit.ts';

describe('The time of a lease', () => {
  it('does not pass while the process stands still', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 5);
    await runtime.pass(3000);

    runtime.standStill(60_000);
    await runtime.pass(0);
    expect(calls).toEqual([]);
    expect(clock.remaining(1)).toBe(2);
    await runtime.pass(2000);

    expect(calls.map(({ ids }) => ids)).toEqual([[1]]);
  });

  it('of a lease that was about to end does not pass either', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 1);
    await runtime.pass(900);
    clock.keepAlive(1);
    await runtime.pass(10);

    // The next message that would keep it alive waits in a socket.
    runtime.standStill(60_000);
    await runtime.pass(0);

    expect(calls).toEqual([]);
    expect(clock.remaining(1)).toBe(1);
    expect(clock.keepAlive(1)).toEqual({ ttl: 1 });
  });

  it('does not pass for the part that a timer is late by', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 1);
    await runtime.pass(600);

    runtime.standStill(650);
    expect(clock.remaining(1)).toBeCloseTo(0.25);
    expect(clock.remaining(1)).toBeCloseTo(0.25);
    await runtime.pass(0);

    expect(calls).toEqual([]);
    expect(clock.remaining(1)).toBeCloseTo(0.25);
  });

  it('passes at last in a process that is late always', async () => {
    const { runtime, calls, grant } = leading();
    grant(1, 5);

    for (let times = 0; times < 60; times += 1) {
      runtime.standStill(600);
      await runtime.pass(0);
    }

    expect(calls.map(({ ids }) => ids)).toEqual([[1]]);
  });

  it('does not pass either if something else than the timer wakes the process first', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 5);
    grant(2, 1);
    await runtime.pass(1000);

    runtime.standStill(60_000);
    calls[0]?.succeed();
    await runtime.pass(1000);

    expect(calls.map(({ ids }) => ids)).toEqual([[2]]);
    expect(clock.remaining(1)).toBe(3);
  });

  it('does not pass either if that is the failure of a revocation', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 5);
    grant(2, 1);
    await runtime.pass(1000);

    runtime.standStill(60_000);
    calls[0]?.fail();
    await runtime.pass(1000);

    expect(clock.remaining(1)).toBe(3);
  });

  it('is left out once, however often somebody asks', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 5);
    await runtime.pass(3000);

    runtime.standStill(60_000);
    const asked = [clock.remaining(1), clock.remaining(1), clock.remaining(1)];
    await runtime.pass(2000);

    expect(asked).toEqual([2, 2, 2]);
    expect(calls.map(({ ids }) => ids)).toEqual([[1]]);
  });

  it('passes when timers are a little late, as they always are', async () => {
    const { runtime, calls, grant } = leading();
    grant(1, 5);

    for (let times = 0; times < 100; times += 1) {
      runtime.standStill(40);
      await runtime.pass(20);
    }

    expect(calls.map(({ ids }) => ids)).toEqual([[1]]);
  });
});
