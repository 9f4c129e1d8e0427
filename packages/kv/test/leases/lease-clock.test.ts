import { describe, expect, it } from 'vitest';
import { isKvErrorCode, type KvError } from '../../src/errors.ts';
import { ClockKit, leading } from './kit.ts';

describe('Leases on the leader', () => {
  it('a lease is revoked when its time is over, and not before', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(7, 5);

    await runtime.pass(4999);
    expect(calls).toEqual([]);
    expect(clock.remaining(7)).toBeCloseTo(0.001);
    await runtime.pass(1);

    expect(calls.map(({ ids }) => ids)).toEqual([[7]]);
    expect(clock.remaining(7)).toBe(0);
    calls[0]?.succeed();
    expect(clock.remaining(7)).toBeUndefined();
  });

  it('keeping a lease alive gives it its whole time again', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(7, 5);

    for (let times = 0; times < 10; times += 1) {
      await runtime.pass(4900);
      expect(clock.keepAlive(7)).toEqual({ ttl: 5 });
      expect(clock.remaining(7)).toBe(5);
    }
    await runtime.pass(4999);
    expect(calls).toEqual([]);
    await runtime.pass(1);

    expect(calls.map(({ ids }) => ids)).toEqual([[7]]);
  });

  it('a lease that does not exist cannot be kept alive, nor one that is being revoked', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(7, 1);

    expect(codeOf(() => clock.keepAlive(8))).toBe('KV_LEASE_NOT_FOUND');
    await runtime.pass(1000);
    expect(codeOf(() => clock.keepAlive(7))).toBe('KV_LEASE_NOT_FOUND');
    calls[0]?.fail();
    await runtime.turns();

    // The revocation may be in the log although it failed.
    expect(codeOf(() => clock.keepAlive(7))).toBe('KV_LEASE_NOT_FOUND');
  });

  it('only the leader keeps leases alive', () => {
    const { clock, store } = new ClockKit();
    store.set(7, 5);

    expect(codeOf(() => clock.keepAlive(7))).toBe('KV_NO_LEADER');
    expect(clock.remaining(7)).toBeUndefined();
    clock.lead();
    expect(clock.keepAlive(7)).toEqual({ ttl: 5 });
    clock.follow();
    expect(codeOf(() => clock.keepAlive(7))).toBe('KV_NO_LEADER');
  });

  it('a new leader gives every lease its whole time', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(7, 5);

    await runtime.pass(4000);
    clock.follow();
    await runtime.pass(60_000);
    clock.lead();
    await runtime.pass(4999);
    expect(calls).toEqual([]);
    await runtime.pass(1);

    expect(calls.map(({ ids }) => ids)).toEqual([[7]]);
  });

  it('a lease that was revoked by somebody is forgotten', async () => {
    const { runtime, calls, grant, revoke } = leading();
    grant(7, 1);
    grant(8, 2);

    revoke(7);
    await runtime.pass(2000);

    expect(calls.map(({ ids }) => ids)).toEqual([[8]]);
  });

  it('an id that is granted again is a new lease, even while the old one is revoked', async () => {
    const { runtime, clock, calls, grant, store } = leading();
    grant(7, 1);
    await runtime.pass(1000);

    store.delete(7);
    grant(7, 3);

    expect(clock.keepAlive(7)).toEqual({ ttl: 3 });
    calls[0]?.fail();
    await runtime.pass(2999);
    expect(calls).toHaveLength(1);
    await runtime.pass(1);
    expect(calls.map(({ ids }) => ids)).toEqual([[7], [7]]);
  });

  it('whose id is granted again in the log before its revocation leaves the new one alone', async () => {
    const { runtime, clock, calls, grant, store } = leading();
    grant(7, 1);
    const first = store.lease(7);
    await runtime.pass(1000);

    store.delete(7);
    grant(7, 3);
    calls[0]?.succeed();
    await runtime.turns();

    expect(calls.map(({ leases }) => leases)).toMatchObject([[{ id: 7, ttl: 1, ...first }]]);
    expect(store.lease(7)).toMatchObject({ ttl: 3 });
    expect(clock.remaining(7)).toBe(3);
  });

  it('a snapshot takes leases away and brings others, and leaves what it finds', async () => {
    const { runtime, clock, store, grant } = leading();
    grant(1, 10);
    grant(2, 10);
    await runtime.pass(4000);

    store.delete(1);
    store.set(3, 10);
    clock.applied({ leases: [], restored: true });

    expect([1, 2, 3].map((id) => clock.remaining(id))).toEqual([undefined, 6, 10]);
  });
});

describe('Revoking leases', () => {
  it('takes them in the order in which they end, at most so many at once', async () => {
    const { runtime, clock, calls, grant, store } = leading({ maxRevokes: 3 });
    for (const [id, ttl] of [5, 3, 1, 2, 4, 2].entries()) grant(id, ttl);
    clock.keepAlive(2);

    // All end while the first revocation is under way.
    await runtime.pass(1000);
    await runtime.pass(9000);
    expect(calls.map(({ ids }) => ids)).toEqual([[2]]);
    for (let at = 0; at < calls.length; at += 1) {
      calls[at]?.succeed();
      await runtime.turns();
    }

    expect(calls.map(({ ids }) => ids)).toEqual([[2], [3, 5, 1], [4, 0]]);
    expect(store.count).toBe(0);
  });

  it('is tried again after a pause, with the same leases and those that ended meanwhile', async () => {
    const { runtime, calls, grant } = leading({ retryPauseMs: 500 });
    grant(1, 1);
    grant(2, 2);
    await runtime.pass(1600);

    calls[0]?.fail();
    await runtime.pass(499);
    expect(calls).toHaveLength(1);
    await runtime.pass(1);

    expect(calls.map(({ ids }) => ids)).toEqual([[1], [1, 2]]);
  });

  it('is tried again if the leases are still there', async () => {
    const { runtime, calls, grant, store } = leading();
    grant(1, 1);
    await runtime.pass(1000);

    calls[0]?.succeed();
    store.set(1, 1);
    await runtime.pass(60_000);

    expect(calls.map(({ ids }) => ids)).toEqual([[1]]);
  });

  it('that throws at once is tried again as well', async () => {
    let tries = 0;
    const kit = new ClockKit({
      revoke: () => {
        tries += 1;
        throw new Error('The queue is full.');
      },
    });
    kit.clock.lead();
    kit.grant(1, 1);

    await kit.runtime.pass(3100);

    expect(tries).toBe(5);
  });

  it('stops with the leadership, and what comes of it later does nothing', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 1);
    await runtime.pass(1000);

    clock.follow();
    expect(calls[0]?.signal.aborted).toBe(true);
    clock.lead();
    calls[0]?.fail();
    await runtime.pass(999);
    expect(calls).toHaveLength(1);
    await runtime.pass(1);

    expect(calls[1]?.signal.aborted).toBe(false);
  });

  it('of an earlier leadership that ends late leaves the one under way alone', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 1);
    await runtime.pass(1000);
    clock.lead();
    grant(2, 2);
    await runtime.pass(1000);

    calls[0]?.succeed();
    await runtime.pass(5000);

    expect(calls.map(({ ids }) => ids)).toEqual([[1], [1]]);
    calls[1]?.succeed();
    await runtime.turns();
    expect(calls.map(({ ids }) => ids)).toEqual([[1], [1], [2]]);
  });

  it('of ten thousand leases leaves no more than a batch in the log at a time', async () => {
    const { runtime, calls, grant, store } = leading();
    for (let id = 1; id <= 10_000; id += 1) grant(id, 1);

    await runtime.pass(1000);
    for (let at = 0; at < calls.length; at += 1) {
      expect(calls).toHaveLength(at + 1);
      calls[at]?.succeed();
      await runtime.turns();
    }

    expect(calls).toHaveLength(100);
    expect(Math.max(...calls.map(({ ids }) => ids.length))).toBe(100);
    expect(store.count).toBe(0);
  });
});

describe('Timers of leases', () => {
  it('there is one while there are leases to look after, and none after that', async () => {
    const { runtime, clock, calls, grant, revoke } = leading();
    expect(runtime.timerCount).toBe(0);

    grant(1, 100);
    grant(2, 1);
    expect(runtime.timerCount).toBe(1);
    await runtime.pass(1000);
    expect(runtime.timerCount).toBe(1);
    calls[0]?.succeed();
    await runtime.turns();
    expect(runtime.timerCount).toBe(1);
    revoke(1);
    await runtime.pass(1000);
    expect(runtime.timerCount).toBe(0);
    grant(3, 1);
    clock.follow();

    expect(runtime.timerCount).toBe(0);
  });

  it('a clock that was closed does nothing any more', async () => {
    const { runtime, clock, calls, grant } = leading();
    grant(1, 1);

    clock.close();
    clock.close();
    expect(runtime.timerCount).toBe(0);
    clock.lead();
    grant(2, 1);
    await runtime.pass(60_000);

    expect(calls).toEqual([]);
    expect(runtime.timerCount).toBe(0);
  });

  it('options without sense are refused', () => {
    expect(() => new ClockKit({ maxRevokes: 0 })).toThrow(/maxRevokes must be 1 or more; got 0/);
    expect(() => new ClockKit({ retryPauseMs: Number.NaN })).toThrow(/retryPauseMs.*NaN/);
  });
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    const { code } = error as KvError;
    return isKvErrorCode(code) ? code : undefined;
  }
  return undefined;
}
