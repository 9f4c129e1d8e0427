import { describe, expect, test } from 'vitest';
import { SendPace } from '../../src/node/send-pace.ts';
import type { Timer } from '../../src/platform/runtime.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const never = new AbortController().signal;
const megabyte = 1e6;

function open(bytesPerSecond: number): { pace: SendPace; runtime: VirtualRuntime } {
  const runtime = new VirtualRuntime();
  return { pace: new SendPace(bytesPerSecond, runtime), runtime };
}

/** Timers as they are: in whole milliseconds, never less than one, and late. */
class CoarseRuntime extends VirtualRuntime {
  readonly #lateMs: readonly number[];
  #timers = 0;

  constructor(lateMs: readonly number[]) {
    super();
    this.#lateMs = lateMs;
  }

  override setTimer(run: () => void, ms: number): Timer {
    const late = this.#lateMs[this.#timers % this.#lateMs.length] ?? 0;
    this.#timers += 1;
    return super.setTimer(run, Math.max(1, Math.floor(ms)) + late);
  }
}

/** Pays for pieces for as long as it is let; says when each went out, in milliseconds. */
function sendOn(pace: SendPace, runtime: VirtualRuntime, pieceBytes: number): { sent: number[] } {
  const sent: number[] = [];
  const run = async (): Promise<void> => {
    for (;;) {
      await pace.pay(pieceBytes, never);
      sent.push(runtime.now());
    }
  };
  void run();
  return { sent };
}

describe('the bandwidth', () => {
  test('is without a bound unless one is set', async () => {
    const { pace, runtime } = open(Infinity);

    for (let at = 0; at < 100; at += 1) await pace.pay(2 ** 30, never);

    expect(runtime.timerCount).toBe(0);
  });

  // A piece of 64 KiB takes 1 ms at 60 MB/s, and a timer of 1 ms takes 1 ms and then some.
  test.each([0.05, 1, 20, 60, 200, 1000, 4000])(
    'is used up and not exceeded at %d MB/s, though timers are coarse and late',
    async (rate) => {
      const runtime = new CoarseRuntime([0.2, 1.4, 0.7, 9, 0.1]);
      const pace = new SendPace(rate * megabyte, runtime);
      const pieceBytes = Math.min(65_536, (rate * megabyte) / 20);
      const { sent } = sendOn(pace, runtime, pieceBytes);
      const seconds = 2;

      await runtime.advance(seconds * 1000);

      const share = (sent.length * pieceBytes) / (seconds * rate * megabyte);
      expect(share).toBeGreaterThan(0.98);
      expect(share).toBeLessThan(1.06);
    },
  );

  test('is exceeded in no stretch of time by more than a burst and two pieces', async () => {
    const runtime = new CoarseRuntime([0.3, 120, 1, 45, 0.1, 30, 500]);
    const perMs = (100 * megabyte) / 1000;
    const pace = new SendPace(100 * megabyte, runtime);
    const pieceBytes = 65_536;
    const { sent } = sendOn(pace, runtime, pieceBytes);

    await runtime.advance(3000);

    const excesses = [0, 10, 100, 1000].map((ms) => mostWithin(sent, ms) * pieceBytes - ms * perMs);
    expect(sent.length).toBeGreaterThan(1000);
    expect(Math.max(...excesses)).toBeLessThanOrEqual((50 + 4) * perMs + 2 * pieceBytes);
    // What a timer was late by more than a burst is lost.
    expect(Math.max(...excesses)).toBeGreaterThan(50 * perMs);
  });

  test('is shared by all that send', async () => {
    const { pace, runtime } = open(1000);
    const sent: [string, number][] = [];
    const send = async (name: string): Promise<void> => {
      for (let at = 0; at < 3; at += 1) {
        await pace.pay(500, never);
        sent.push([name, runtime.now()]);
      }
    };
    await pace.pay(50, never);

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

  test('is not saved up while nobody sends, but for a burst', async () => {
    const { pace, runtime } = open(1000);
    await pace.pay(1000, never);
    await runtime.advance(60_000);

    await pace.pay(1000, never);
    let isSent = false;
    void pace.pay(1, never).then(() => (isSent = true));
    await runtime.advance(949);
    expect(isSent).toBe(false);
    await runtime.advance(1);

    expect(isSent).toBe(true);
  });

  test('leaves no timer behind one who gives up while waiting', async () => {
    const { pace, runtime } = open(1);
    await pace.pay(1000, never);
    const controller = new AbortController();
    const waiting = pace.pay(1, controller.signal);

    controller.abort(new Error('enough'));

    await expect(waiting).rejects.toThrow('enough');
    expect(runtime.timerCount).toBe(0);
    await expect(pace.pay(1, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(runtime.timerCount).toBe(0);
  });

  test('is not owed for what was never sent', async () => {
    const { pace, runtime } = open(1000);
    await pace.pay(1050, never);
    for (let one = 0; one < 100; one += 1) {
      const gone = new AbortController();
      const waiting = pace.pay(1000, gone.signal);
      gone.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
    }

    let isSent = false;
    void pace.pay(1000, never).then(() => (isSent = true));
    await runtime.advance(999);
    expect(isSent).toBe(false);
    await runtime.advance(1);
    await settle();

    expect(isSent).toBe(true);
  });

  test('cuts chunks into pieces of a twentieth of a second, and leaves small ones whole', () => {
    const chunk = Uint8Array.from({ length: 105 }, (_, at) => at);
    const cut = (perSecond: number): Uint8Array[] => [...open(perSecond).pace.pieces(chunk)];

    expect(cut(1000).map(({ length }) => length)).toEqual([50, 50, 5]);
    expect(Buffer.concat(cut(1000))).toEqual(Buffer.from(chunk));
    expect(cut(1)).toHaveLength(105);
    expect(cut(2100)).toEqual([chunk]);
    expect(cut(Infinity)[0]).toBe(chunk);
  });
});

/** The most that went out within so many milliseconds, both ends included. */
function mostWithin(sent: readonly number[], ms: number): number {
  let most = 0;
  let from = 0;
  for (const [at, time] of sent.entries()) {
    while ((sent[from] ?? time) < time - ms) from += 1;
    most = Math.max(most, at - from + 1);
  }
  return most;
}
