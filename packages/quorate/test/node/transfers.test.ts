import { describe, expect, test } from 'vitest';
import { Transfers } from '../../src/node/transfers.ts';
import { settle } from './virtual-runtime.ts';

function open({ atOnce }: { atOnce: number }): { transfers: Transfers } {
  return { transfers: new Transfers({ maxSnapshotTransfers: atOnce }) };
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
