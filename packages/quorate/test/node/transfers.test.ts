import { describe, expect, test } from 'vitest';
import { Transfers } from '../../src/node/transfers.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

function open(bounds: { atOnce?: number; perSecond?: number } = {}): {
  transfers: Transfers;
  runtime: VirtualRuntime;
} {
  const runtime = new VirtualRuntime();
  const { atOnce = 2, perSecond = Infinity } = bounds;
  const transfers = new Transfers(
    { maxSnapshotTransfers: atOnce, snapshotBytesPerSecond: perSecond },
    runtime,
  );
  return { transfers, runtime };
}

const never = new AbortController().signal;

describe('places for transfers', () => {
  test('are no more than the bound, and go to those who wait in their order', async () => {
    const { transfers } = open({ atOnce: 2 });
    const entered: number[] = [];
    const releases: (() => void)[] = [];
    for (let one = 1; one <= 5; one += 1) {
      void transfers.enter(never).then((release) => {
        entered.push(one);
        releases.push(release);
      });
    }

    await settle();
    expect(entered).toEqual([1, 2]);
    releases[1]?.();
    await settle();
    expect(entered).toEqual([1, 2, 3]);
    releases[0]?.();
    releases[2]?.();
    await settle();

    expect(entered).toEqual([1, 2, 3, 4, 5]);
  });

  test('are given back once, however often that is said', async () => {
    const { transfers } = open({ atOnce: 1 });
    const release = await transfers.enter(never);
    release();
    release();

    await transfers.enter(never);
    let isSecondIn = false;
    void transfers.enter(never).then(() => (isSecondIn = true));
    await settle();

    expect(isSecondIn).toBe(false);
  });

  test('are free for the next when one who waits gives up', async () => {
    const { transfers } = open({ atOnce: 1 });
    const release = await transfers.enter(never);
    const controller = new AbortController();
    const reason = new Error('enough');
    const given = transfers.enter(controller.signal);
    const next = transfers.enter(never);

    controller.abort(reason);
    await expect(given).rejects.toBe(reason);
    release();

    (await next)();
    (await transfers.enter(never))();
  });

  test('are not taken by one who gave up before', async () => {
    const { transfers } = open({ atOnce: 1 });

    await expect(transfers.enter(AbortSignal.abort(new Error('no')))).rejects.toThrow('no');

    await transfers.enter(never);
  });

  test('come to nobody who gives up in the moment in which one is free', async () => {
    const { transfers } = open({ atOnce: 1 });
    const release = await transfers.enter(never);
    const controller = new AbortController();
    const entered = transfers.enter(controller.signal);

    release();
    controller.abort(new Error('too late'));

    (await entered)();
    await expect(transfers.enter(never)).resolves.toBeTypeOf('function');
  });
});

describe('the bandwidth', () => {
  test('is without a bound unless one is set', async () => {
    const { transfers, runtime } = open();

    for (let at = 0; at < 100; at += 1) await transfers.pace(2 ** 30, never);

    expect(runtime.timerCount).toBe(0);
  });

  test('is shared by all that send', async () => {
    const { transfers, runtime } = open({ perSecond: 1000 });
    const sent: [string, number][] = [];
    const send = async (name: string): Promise<void> => {
      for (let at = 0; at < 3; at += 1) {
        await transfers.pace(500, never);
        sent.push([name, runtime.now()]);
      }
    };

    const both = Promise.all([send('a'), send('b')]);
    await runtime.advance(10_000);
    await both;

    expect(sent).toEqual([
      ['a', 0],
      ['b', 500],
      ['a', 1000],
      ['b', 1500],
      ['a', 2000],
      ['b', 2500],
    ]);
  });

  test('is not saved up while nobody sends', async () => {
    const { transfers, runtime } = open({ perSecond: 1000 });
    await transfers.pace(1000, never);
    await runtime.advance(60_000);

    await transfers.pace(1000, never);
    let isSent = false;
    void transfers.pace(1, never).then(() => (isSent = true));
    await runtime.advance(999);
    expect(isSent).toBe(false);
    await runtime.advance(1);

    expect(isSent).toBe(true);
  });

  test('leaves no timer behind one who gives up while waiting', async () => {
    const { transfers, runtime } = open({ perSecond: 1 });
    await transfers.pace(1000, never);
    const controller = new AbortController();
    const waiting = transfers.pace(1, controller.signal);

    controller.abort(new Error('enough'));

    await expect(waiting).rejects.toThrow('enough');
    expect(runtime.timerCount).toBe(0);
    await expect(transfers.pace(1, AbortSignal.abort(new Error('before')))).rejects.toThrow(
      'before',
    );
    expect(runtime.timerCount).toBe(0);
  });

  test('is not owed for what was never sent', async () => {
    const { transfers, runtime } = open({ perSecond: 1000 });
    await transfers.pace(1000, never);
    for (let one = 0; one < 100; one += 1) {
      const gone = new AbortController();
      const waiting = transfers.pace(1000, gone.signal);
      gone.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
    }

    let isSent = false;
    void transfers.pace(1000, never).then(() => (isSent = true));
    await runtime.advance(999);
    expect(isSent).toBe(false);
    await runtime.advance(1);

    expect(isSent).toBe(true);
  });

  test('cuts chunks into pieces of a twentieth of a second, and leaves small ones whole', () => {
    const chunk = Uint8Array.from({ length: 105 }, (_, at) => at);
    const cut = (perSecond: number): Uint8Array[] => [
      ...open({ perSecond }).transfers.pieces(chunk),
    ];

    expect(cut(1000).map(({ length }) => length)).toEqual([50, 50, 5]);
    expect(Buffer.concat(cut(1000))).toEqual(Buffer.from(chunk));
    expect(cut(1)).toHaveLength(105);
    expect(cut(2100)).toEqual([chunk]);
    expect(cut(Infinity)[0]).toBe(chunk);
  });
});
