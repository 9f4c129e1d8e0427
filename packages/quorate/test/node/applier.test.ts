import { describe, expect, test } from 'vitest';
import type { Committed, StateMachine } from '../../src/contract/state-machine.ts';
import { noLogId } from '../../src/core/log-shape.ts';
import { noMembership } from '../../src/core/membership.ts';
import type { Entry, LogIndex } from '../../src/core/types.ts';
import { Applier } from '../../src/node/applier.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { LogTail } from '../../src/node/log-tail.ts';
import { Machine } from '../../src/node/machine.ts';
import { commandRun } from './entries.ts';
import { settle } from './virtual-runtime.ts';

type Apply = StateMachine<unknown, unknown>['apply'];

interface Setup {
  readonly entries: readonly Entry[];
  readonly apply?: Apply;
  readonly maxBatchBytes?: number;
  /** Reads come as promises, as from a store. */
  readonly slowReads?: boolean;
}

class ApplierUnderTest {
  readonly applier: Applier;
  /** The indexes of each batch that reached the state machine. */
  readonly batches: LogIndex[][] = [];
  readonly applied: LogIndex[] = [];
  readonly failures: unknown[] = [];

  constructor({ entries, apply, maxBatchBytes = 1024 * 1024, slowReads = false }: Setup) {
    const tail = new LogTail(1);
    tail.append(entries);
    const answer: Apply = apply ?? ((batch) => batch.map(({ command }) => command));
    this.applier = new Applier({
      machine: new Machine({
        apply: (batch: readonly Committed<unknown>[]) => {
          this.batches.push(batch.map(({ logId }) => logId.index));
          return answer(batch);
        },
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
      maxBatchBytes,
      onApplied: ({ last }) => this.applied.push(last.index),
      onFailure: (cause) => this.failures.push(cause),
    });
  }
}

const blank: Entry = { logId: { term: 1, index: 3 }, payload: { type: 'blank' } };
const withBlank: readonly Entry[] = [...commandRun(1, 1, 3), blank, ...commandRun(1, 4, 6)];

describe('applying', () => {
  test('is done at once where log and state machine answer at once', () => {
    const under = new ApplierUnderTest({ entries: withBlank });

    under.applier.applyUpTo(5);

    expect(under.batches).toEqual([[1, 2, 4, 5]]);
    expect(under.applied).toEqual([5]);
  });

  test('never shows a blank entry to the state machine, also when there is nothing else', () => {
    const under = new ApplierUnderTest({ entries: withBlank });

    under.applier.applyUpTo(2);
    under.applier.applyUpTo(3);

    expect(under.batches).toEqual([[1, 2]]);
    expect(under.applied).toEqual([2, 3]);
  });

  test('takes batches of the bound, one after another', async () => {
    for (const slowReads of [false, true]) {
      const under = new ApplierUnderTest({
        entries: commandRun(1, 1, 6, 36),
        maxBatchBytes: 200,
        slowReads,
      });

      under.applier.applyUpTo(5);
      await settle();

      expect(under.batches).toEqual([[1, 2], [3, 4], [5]]);
      expect(under.applied).toEqual([2, 4, 5]);
    }
  });

  test('waits for a batch before it begins the next, which has all that was committed meanwhile', async () => {
    const first = Promise.withResolvers<void>();
    const under = new ApplierUnderTest({
      entries: commandRun(1, 1, 6),
      apply: async (batch) => {
        await first.promise;
        return batch.map(() => undefined);
      },
    });

    under.applier.applyUpTo(1);
    under.applier.applyUpTo(2);
    under.applier.applyUpTo(5);
    await settle();
    expect(under.batches).toEqual([[1]]);
    first.resolve();
    await settle();

    expect(under.batches).toEqual([[1], [2, 3, 4, 5]]);
    expect(under.applied).toEqual([1, 5]);
  });

  test('goes through twenty thousand batches without growing the stack', () => {
    const entries = commandRun(1, 1, 20_001);
    const under = new ApplierUnderTest({ entries, maxBatchBytes: 1 });

    under.applier.applyUpTo(20_000);

    expect(under.applied.at(-1)).toBe(20_000);
    expect(under.batches).toHaveLength(20_000);
  });

  test('must not be told to go back', () => {
    const under = new ApplierUnderTest({ entries: withBlank });
    under.applier.applyUpTo(3);

    expect(() => under.applier.applyUpTo(2)).toThrow('apply must not go back from 3 to 2');
  });
});

describe('closing', () => {
  test('waits for the batch under way and begins no other', async () => {
    const first = Promise.withResolvers<readonly unknown[]>();
    const under = new ApplierUnderTest({
      entries: commandRun(1, 1, 6),
      apply: () => first.promise,
      maxBatchBytes: 1,
    });
    under.applier.applyUpTo(5);
    let isClosed = false;

    const closing = under.applier.close().then(() => (isClosed = true));
    await settle();
    expect(isClosed).toBe(false);
    first.resolve([undefined]);
    await closing;
    under.applier.applyUpTo(5);

    expect(under.batches).toEqual([[1]]);
  });

  test('in the middle of a synchronous run ends it', async () => {
    const under: ApplierUnderTest = new ApplierUnderTest({
      entries: commandRun(1, 1, 6),
      maxBatchBytes: 1,
      apply: (batch) => {
        void under.applier.close();
        return batch.map(() => undefined);
      },
    });

    under.applier.applyUpTo(5);
    await under.applier.close();

    expect(under.batches).toEqual([[1]]);
  });
});

describe('a failure', () => {
  const broken = new Error('no');
  test.each<[string, Apply]>([
    [
      'a throw',
      () => {
        throw broken;
      },
    ],
    ['a rejection', () => Promise.reject(broken)],
  ])('by %s is reported once, and nothing is applied after it', async (_name, apply) => {
    const under = new ApplierUnderTest({ entries: commandRun(1, 1, 6), apply, maxBatchBytes: 1 });

    under.applier.applyUpTo(3);
    await settle();
    under.applier.applyUpTo(5);
    await settle();

    expect(under.failures).toEqual([broken]);
    expect(under.batches).toEqual([[1]]);
    expect(under.applied).toEqual([]);
    await under.applier.close();
  });

  test.each<[string, unknown, string]>([
    ['too few', [1], 'for each of 2 commands; it returned 1.'],
    ['too many', [1, 2, 3], 'for each of 2 commands; it returned 3.'],
    ['nothing', undefined, 'for each of 2 commands; it returned undefined.'],
  ])('is reported for %s responses', async (_name, responses, message) => {
    for (const isAsync of [false, true]) {
      const apply = (): unknown => (isAsync ? Promise.resolve(responses) : responses);
      const under = new ApplierUnderTest({
        entries: commandRun(1, 1, 3),
        apply: apply as Apply,
      });

      under.applier.applyUpTo(2);
      await settle();

      expect(under.failures).toMatchObject([{ name: 'TypeError' }]);
      expect(String(under.failures[0])).toContain(message);
    }
  });
});
