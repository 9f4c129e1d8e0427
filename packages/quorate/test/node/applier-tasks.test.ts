import { describe, expect, test } from 'vitest';
import type { Committed } from '../../src/contract/state-machine.ts';
import { noLogId } from '../../src/core/log-shape.ts';
import type { Entry, LogIndex, SnapshotMeta } from '../../src/core/types.ts';
import { Applier } from '../../src/node/applier.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { Machine } from '../../src/node/machine.ts';
import { sealEnvelope } from '../../src/node/snapshot-envelope.ts';
import { commandRun } from './entries.ts';
import { memberOf } from './snapshots.ts';
import { settle } from './virtual-runtime.ts';

/** An applier over entries 1 to 9, one in each batch, with a machine that notes what it does. */
class Setup {
  /** What the state machine was asked for, in order, with `end` where a call ended later. */
  readonly steps: string[] = [];
  readonly failures: unknown[] = [];
  readonly applied: LogIndex[] = [];
  onApplied: (index: LogIndex) => void = () => undefined;
  onApply: () => void | Promise<void> = () => undefined;
  onSnapshot: () => void | Promise<void> = () => undefined;
  onRestore: () => void | Promise<void> = () => undefined;
  read: (entries: Entry[]) => readonly Entry[] | Promise<Entry[]> = (entries) => entries;
  readonly applier: Applier;

  constructor() {
    this.applier = new Applier({
      machine: new Machine({
        apply: (batch: readonly Committed<unknown>[]) => this.#apply(batch),
        snapshot: async () => {
          this.steps.push('snapshot');
          await this.onSnapshot();
          return [];
        },
        restore: async () => {
          this.steps.push('restore');
          await this.onRestore();
          this.steps.push('restored');
        },
      }),
      codec: jsonCodec,
      responseCodec: jsonCodec,
      log: { read: (from) => this.read(commandRun(1, from, from + 1)) },
      applied: noLogId,
      membership: memberOf(['a']),
      maxBatchBytes: 1,
      onApplied: ({ last }) => {
        this.applied.push(last.index);
        this.onApplied(last.index);
      },
      onFailure: (cause) => this.failures.push(cause),
    });
  }

  restore(index: LogIndex): { readonly done: Promise<void>; isDone: boolean } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const restoring = { done: promise, isDone: false };
    const meta: SnapshotMeta = {
      id: 's',
      lastLogId: { term: 1, index },
      membership: memberOf(['a', 'b']),
    };
    this.applier.restore(
      meta,
      async () => sealEnvelope([], []),
      () => {
        restoring.isDone = true;
        resolve();
      },
    );
    return restoring;
  }

  async #record(batch: readonly Committed<unknown>[]): Promise<unknown[]> {
    await settle();
    this.steps.push('end');
    return batch.map(() => undefined);
  }

  #apply(batch: readonly Committed<unknown>[]): unknown[] | Promise<unknown[]> {
    this.steps.push(`apply ${batch.map(({ logId }) => logId.index).join()}`);
    const pause = this.onApply();
    if (pause === undefined) return batch.map(() => undefined);
    return pause.then(() => this.#record(batch));
  }
}

describe('freezing', () => {
  test('that is asked for in the middle of a run of batches holds what follows back', async () => {
    const setup = new Setup();
    let frozen: Promise<{ lastLogId: { index: number } }> | undefined;
    setup.onApplied = (index) => {
      if (index === 2) frozen = setup.applier.freeze();
    };

    setup.applier.applyUpTo(4);
    await settle();

    expect(setup.steps).toEqual(['apply 1', 'apply 2', 'snapshot', 'apply 3', 'apply 4']);
    expect((await frozen)?.lastLogId.index).toBe(2);
  });

  test('waits for the batch under way, and the batches after it wait for the state', async () => {
    const setup = new Setup();
    const state = Promise.withResolvers<void>();
    setup.onApply = () => Promise.resolve();
    setup.onSnapshot = () => state.promise;
    setup.applier.applyUpTo(2);

    const frozen = setup.applier.freeze();
    await settle();
    await settle();
    expect(setup.steps).toEqual(['apply 1', 'end', 'snapshot']);
    state.resolve();
    expect((await frozen).lastLogId).toEqual({ term: 1, index: 1 });
    await settle();
    await settle();

    expect(setup.steps.slice(3)).toEqual(['apply 2', 'end']);
  });

  test('a throw of the state machine is the asker’s, and batches go on', async () => {
    const setup = new Setup();
    setup.onSnapshot = () => {
      throw new Error('no room');
    };

    await expect(setup.applier.freeze()).rejects.toThrow('no room');
    setup.applier.applyUpTo(1);

    expect(setup.applied).toEqual([1]);
    expect(setup.failures).toEqual([]);
  });

  test('that waits when the applier closes is given up; one under way ends', async () => {
    const setup = new Setup();
    const state = Promise.withResolvers<void>();
    setup.onSnapshot = () => state.promise;
    const first = setup.applier.freeze();
    const second = setup.applier.freeze();
    let isClosed = false;

    const closing = setup.applier.close().then(() => (isClosed = true));
    await expect(second).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
    await settle();
    expect(isClosed).toBe(false);
    state.resolve();
    await closing;

    expect((await first).lastLogId).toEqual(noLogId);
    await expect(setup.applier.freeze()).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
  });
});

describe('restoring', () => {
  test('waits for the batch under way, skips the rest, and applies from there on (row 55)', async () => {
    const setup = new Setup();
    const first = Promise.withResolvers<void>();
    setup.onApply = () => first.promise;
    setup.applier.applyUpTo(4);

    const restoring = setup.restore(7);
    await settle();
    expect(setup.steps).toEqual(['apply 1']);
    first.resolve();
    await restoring.done;
    setup.applier.applyUpTo(9);
    await settle();
    await settle();
    await settle();

    expect(setup.steps.filter((step) => step !== 'end')).toEqual([
      'apply 1',
      'restore',
      'restored',
      'apply 8',
      'apply 9',
    ]);
    expect(setup.applied).toEqual([1, 8, 9]);
    expect(setup.applier.applied).toEqual({ term: 1, index: 9 });
  });

  test('while entries are read that it purges is no failure (row 55)', async () => {
    const setup = new Setup();
    const read = Promise.withResolvers<Entry[]>();
    setup.read = () => read.promise;
    setup.applier.applyUpTo(4);

    const restoring = setup.restore(7);
    read.reject(new Error('entry 1 is purged'));
    await restoring.done;

    expect(setup.failures).toEqual([]);
    expect(setup.applier.applied.index).toBe(7);
  });

  test('does not excuse a read that fails after it', async () => {
    const setup = new Setup();
    await setup.restore(7).done;
    setup.read = () => Promise.reject(new Error('bad sector'));

    setup.applier.applyUpTo(8);
    await settle();

    expect(setup.failures).toMatchObject([{ message: 'bad sector' }]);
  });

  test('brings the membership that a snapshot afterwards carries', async () => {
    const setup = new Setup();
    await setup.restore(7).done;

    const { membership, lastLogId } = await setup.applier.freeze();

    expect(membership.voters).toEqual([['a', 'b']]);
    expect(lastLogId.index).toBe(7);
  });

  test('that throws is a failure, after which nothing is done', async () => {
    const setup = new Setup();
    setup.onRestore = () => {
      throw new Error('no such table');
    };

    const restoring = setup.restore(7);
    const frozen = setup.applier.freeze();
    await expect(frozen).rejects.toMatchObject({ code: 'RAFT_STOPPED' });

    expect(setup.failures).toMatchObject([{ message: 'no such table' }]);
    expect(restoring.isDone).toBe(false);
    expect(setup.steps).toEqual(['restore']);
  });

  test('that waits when the applier closes is not done', async () => {
    const setup = new Setup();
    const first = Promise.withResolvers<void>();
    setup.onApply = () => first.promise;
    setup.applier.applyUpTo(1);

    const restoring = setup.restore(7);
    const closing = setup.applier.close();
    first.resolve();
    await closing;

    expect(restoring.isDone).toBe(false);
    expect(setup.steps).toEqual(['apply 1', 'end']);
  });
});
