import { describe, expect, test } from 'vitest';
import type { Committed } from '../../src/contract/state-machine.ts';
import { noLogId } from '../../src/core/log-shape.ts';
import { noMembership } from '../../src/core/membership.ts';
import { Applier } from '../../src/node/applier.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { Histogram } from '../../src/node/histogram.ts';
import { LogTail } from '../../src/node/log-tail.ts';
import { Machine } from '../../src/node/machine.ts';
import { TurnClock } from '../../src/node/turn-clock.ts';
import { commandRun } from './entries.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const entryCount = 5000;

/** Time goes on only while the state machine works. */
class WorkingRuntime extends VirtualRuntime {
  #now = 0;
  readonly #waiting: (() => void)[] = [];

  override now(): number {
    return this.#now;
  }

  work(ms: number): void {
    this.#now += ms;
  }

  override yieldToIo(run: () => void): void {
    this.#waiting.push(run);
  }

  /** The event loop's turn; `false` if nobody waits for one. */
  turn(): boolean {
    const run = this.#waiting.shift();
    run?.();
    return run !== undefined;
  }
}

interface Setup {
  readonly msEach: number;
  readonly slowReads?: boolean;
  readonly answersLater?: boolean;
  /** Where the time goes. */
  readonly in?: 'apply' | 'onApplied';
}

/** Applies many entries. Returns how long the event loop waited for each of its turns. */
async function stretchesOf({
  msEach,
  slowReads = false,
  answersLater = false,
  in: place = 'apply',
}: Setup): Promise<{ stretches: number[]; batches: number[]; applied: number }> {
  const runtime = new WorkingRuntime();
  const batches: number[] = [];
  const apply = (batch: readonly Committed<unknown>[]): unknown[] => {
    batches.push(batch.length);
    if (place === 'apply') runtime.work(batch.length * msEach);
    return batch.map(({ command }) => command);
  };
  const tail = new LogTail(1);
  tail.append(commandRun(1, 1, entryCount + 1));
  const applier = new Applier({
    machine: new Machine({
      apply: answersLater
        ? async (batch) => {
            await Promise.resolve();
            return apply(batch);
          }
        : apply,
      snapshot: async () => [],
      restore: async () => {},
    }),
    codec: jsonCodec,
    responseCodec: jsonCodec,
    log: {
      read: (from, to, maxBytes) => {
        const read = [...tail.read(from, to, maxBytes)];
        return slowReads ? Promise.resolve(read) : read;
      },
    },
    applied: noLogId,
    membership: noMembership,
    maxBatchBytes: 1024 * 1024,
    timing: { clock: new TurnClock(runtime), record: new Histogram() },
    onApplied: ({ count }) => {
      if (place === 'onApplied') runtime.work(count * msEach);
    },
    onFailure: (cause) => expect(cause).toBe(undefined),
  });
  const stretches: number[] = [];
  let from = runtime.now();
  applier.applyUpTo(entryCount);
  do {
    await settle();
    stretches.push(runtime.now() - from);
    from = runtime.now();
  } while (runtime.turn());
  return { stretches, batches, applied: applier.applied.index };
}

describe('a state machine that takes its time', () => {
  test.each([
    ['with the log in memory', {}],
    ['with the log on the disk', { slowReads: true }],
    ['with callers that are slow to be told', { in: 'onApplied' }],
  ] as const)('%s lets the event loop have its turns while it applies', async (_name, how) => {
    const { stretches, applied } = await stretchesOf({ msEach: 2, ...how });

    expect(applied).toBe(entryCount);
    // The first batch is larger: only it can tell how slow the state machine is.
    expect(stretches.filter((ms) => ms > 20).length).toBeLessThanOrEqual(2);
    expect(Math.max(...stretches)).toBeLessThanOrEqual(80);
    expect(stretches.length).toBeGreaterThan((entryCount * 2) / 20 / 2);
  });

  test('may answer later and work then: its batches become as small as that wants', async () => {
    const { stretches, batches } = await stretchesOf({ msEach: 2, answersLater: true });

    // 30 ms, of which nobody knows how much it has waited.
    expect(batches.every((count) => count <= 32)).toBe(true);
    expect(Math.max(...stretches)).toBeLessThanOrEqual(2 * 32);
  });

  test('is given one command at a time if each takes longer than a turn should', async () => {
    const { batches } = await stretchesOf({ msEach: 50 });

    expect(batches.slice(1).every((count) => count === 1)).toBe(true);
  });

  test('gets all there is at once if it is quick, after a few batches', async () => {
    const { stretches, batches } = await stretchesOf({ msEach: 0 });

    expect(stretches).toEqual([0]);
    expect(batches).toEqual([32, 64, 128, 256, 512, 1024, 2048, 936]);
  });
});
