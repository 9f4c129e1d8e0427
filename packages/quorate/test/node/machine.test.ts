import { describe, expect, test } from 'vitest';
import type {
  AnyStateMachine,
  Committed,
  DurableStateMachine,
  LibraryRecord,
  StateMachine,
} from '../../src/contract/state-machine.ts';
import { Machine } from '../../src/node/machine.ts';
import { openEnvelope } from '../../src/node/snapshot-envelope.ts';
import { collect, memberOf, metaAt, Stream, textOf } from './snapshots.ts';

class Volatile implements StateMachine<unknown, unknown> {
  state: Uint8Array = Uint8Array.of(1, 2, 3);
  readonly argumentCounts: number[] = [];

  apply(...given: [readonly Committed<unknown>[]]): unknown[] {
    this.argumentCounts.push(given.length);
    return given[0].map(({ command }) => command);
  }

  async snapshot(): Promise<Iterable<Uint8Array>> {
    return [this.state];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.state = await collect(chunks);
  }

  validate(command: unknown): void {
    if (command === 'bad') throw new Error(`refused with ${this.state.length} bytes`);
  }
}

class Durable implements DurableStateMachine<unknown, unknown> {
  state: Uint8Array = Uint8Array.of(9);
  records: readonly LibraryRecord[] = [];
  flushes = 0;

  apply(
    batch: readonly Committed<unknown>[],
    seal: (responses: readonly unknown[]) => readonly LibraryRecord[],
  ): unknown[] {
    const responses = batch.map(({ command }) => command);
    this.records = seal(responses);
    return responses;
  }

  async snapshot(): Promise<AsyncIterable<Uint8Array>> {
    return new Stream(this.state);
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    _meta: unknown,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    this.state = await collect(chunks);
    this.records = records;
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord, void, undefined> {
    yield* this.records;
  }

  async flush(): Promise<void> {
    this.flushes += 1;
  }
}

const one = [{ logId: { term: 1, index: 4 }, command: 'x' }];
const last = { term: 1, index: 6 };
const applied = '{"term":1,"index":6}';

describe('a state machine in memory', () => {
  test('gets its commands alone, and keeps nothing of the library', async () => {
    const state = new Volatile();
    const machine = new Machine(state);

    expect(machine.apply(one, last)).toEqual(['x']);
    await machine.keepApplied(last);
    await machine.flush();

    expect(state.argumentCounts).toEqual([1]);
    expect(machine.isDurable).toBe(false);
    expect(await machine.readApplied()).toBeUndefined();
    expect(() => machine.validate('bad')).toThrow('refused with 3 bytes');
  });

  test('comes back from its snapshot, with the membership beside it', async () => {
    const frozen = await new Machine(new Volatile()).snapshot(memberOf(['a', 'b']));
    const bytes = await collect(frozen.chunks);
    await frozen.close();
    const other = new Volatile();
    other.state = new Uint8Array(0);

    await new Machine(other).restore(new Stream(bytes, 1), metaAt(9));

    expect([...other.state]).toEqual([1, 2, 3]);
    const { records } = await openEnvelope(new Stream(bytes));
    expect(textOf(records)).toEqual([['membership', JSON.stringify(memberOf(['a', 'b']))]]);
  });
});

describe('a state machine with a disk of its own', () => {
  test('keeps with each batch how far that goes, also where its end is no command (row 81)', async () => {
    const state = new Durable();
    const machine = new Machine(state);
    expect(await machine.readApplied()).toBeUndefined();

    expect(machine.apply(one, last)).toEqual(['x']);

    expect(textOf(state.records)).toEqual([['applied', applied]]);
    expect(await machine.readApplied()).toEqual(last);
    expect(machine.isDurable).toBe(true);
  });

  test('takes note of what is applied by a batch without commands, and flushes', async () => {
    const state = new Durable();
    const machine = new Machine(state);

    await machine.keepApplied(last);
    await machine.flush();

    expect(await machine.readApplied()).toEqual(last);
    expect(state.flushes).toBe(1);
  });

  test('gets state and record together from a snapshot', async () => {
    const { chunks } = await new Machine(new Volatile()).snapshot(memberOf(['a']));
    const state = new Durable();
    const machine = new Machine(state);

    await machine.restore(chunks, metaAt(6));

    expect([...state.state]).toEqual([1, 2, 3]);
    expect(await machine.readApplied()).toEqual(last);
  });

  test.each(['{"term":1}', '"x"', 'null', '{"term":1,"index":1.5}', 'no json', ''])(
    'that returns %s as its record is refused',
    async (value) => {
      const state = new Durable();
      state.records = [{ key: 'applied', value: new TextEncoder().encode(value) }];

      await expect(new Machine(state).readApplied()).rejects.toMatchObject({ code: 'RAFT_FATAL' });
    },
  );
});

describe('a state machine that does not keep to its contract', () => {
  test.each<[string, unknown]>([
    ['the bytes themselves', Uint8Array.of(1)],
    ['undefined', undefined],
    ['null', null],
    ['7', 7],
  ])('by a snapshot() that returns %s is told what is wanted', async (came, returned) => {
    const state = new Volatile() as AnyStateMachine<unknown, unknown>;
    const machine = new Machine(Object.assign(state, { snapshot: async () => returned }));

    await expect(machine.snapshot(memberOf(['a']))).rejects.toThrow(
      `must return an iterable of Uint8Array chunks; it returned ${came}.`,
    );
  });

  test('by a restore() that throws before it reads leaves no stream open', async () => {
    const bytes = await collect(
      (await new Machine(new Volatile()).snapshot(memberOf(['a']))).chunks,
    );
    const stream = new Stream(bytes, 10);
    const state = Object.assign(new Volatile(), {
      restore: () => Promise.reject(new Error('no such table')),
    });

    await expect(new Machine(state).restore(stream, metaAt(6))).rejects.toThrow('no such table');

    expect(stream.isClosed).toBe(true);
  });
});
