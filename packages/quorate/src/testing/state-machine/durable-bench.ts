import assert from 'node:assert/strict';
import type {
  Committed,
  DurableStateMachine,
  LibraryRecord,
  StateMachine,
} from '../../contract/state-machine.ts';
import type { SnapshotMeta } from '../../core/types.ts';
import { Bench, collect } from './bench.ts';
import type { DurableMachineHooks, DurableSuiteOptions } from './options.ts';

/** The records of a machine by their keys, with the values as text. */
export type Records = Readonly<Record<string, string>>;

type Durable<Command, Response> = DurableStateMachine<Command, Response>;

/**
 * Says how far a machine has come, twice: the records of one `apply` must not be torn apart either.
 */
export function recordsAt(count: number): LibraryRecord[] {
  return [record('applied', `${count}`), record('applied-too', `${count}`)];
}

export function record(key: string, text: string | undefined): LibraryRecord {
  return { key, value: text === undefined ? undefined : Buffer.from(text) };
}

/** A bench for machines with a disk. `plain` is the same for what every state machine promises. */
export class DurableBench<Command, Response> {
  readonly plain: Bench<Command, Response>;
  readonly open: () => Promise<Durable<Command, Response>>;
  readonly hooks: DurableMachineHooks<Durable<Command, Response>>;

  constructor({ open, commands, stateOf, durable }: DurableSuiteOptions<Command, Response>) {
    this.open = open;
    this.hooks = durable;
    this.plain = new Bench({
      commands,
      open: async () => new WithRecords(await open()),
      stateOf: stateOf && ((machine) => stateOf(WithRecords.inner(machine))),
    });
  }

  get count(): number {
    return this.plain.count;
  }

  get half(): number {
    return this.plain.half;
  }

  /** Applies the commands from `from` (in) to `to` (out), two at a time, with their records. */
  async apply(machine: Durable<Command, Response>, from: number, to: number): Promise<void> {
    await this.plain.apply(new WithRecords(machine), from, to, 2);
  }

  /** Opens a machine and applies the first `count` commands. */
  async openAfter(count: number): Promise<Durable<Command, Response>> {
    const machine = await this.open();
    await this.apply(machine, 0, count);
    return machine;
  }

  /** Asserts that the state is what the first `count` commands make. Applies the others. */
  async assertState(machine: Durable<Command, Response>, count: number): Promise<void> {
    const found = await this.plain.observe(new WithRecords(machine), count);
    const wanted = await this.plain.observeAfter(count);
    assert.deepEqual(found, wanted, `The state is not that after ${count} commands.`);
  }

  /**
   * Asserts that records and state are of one moment, and returns how many commands were applied
   * then. Applies the others.
   */
  async assertOneMoment(machine: Durable<Command, Response>): Promise<number> {
    const { applied = '0', 'applied-too': appliedToo = '0' } = await readRecords(machine);
    assert.equal(appliedToo, applied, 'The records of one apply are of two moments.');
    await this.assertState(machine, Number(applied));
    return Number(applied);
  }

  /** The content of a snapshot of the first `count` commands, in several pieces. */
  async contentAfter(count: number): Promise<Uint8Array[]> {
    const machine = await this.plain.openAfter(count);
    const bytes = Buffer.concat(await collect(await machine.snapshot()));
    const pieceBytes = Math.max(1, Math.ceil(bytes.byteLength / 4));
    const starts = Array.from({ length: Math.ceil(bytes.byteLength / pieceBytes) }, (_, at) => at);
    return starts.map((at) => bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes));
  }
}

export async function readRecords(
  machine: Pick<DurableStateMachine<never, unknown>, 'libraryRecords'>,
): Promise<Records> {
  const records: Record<string, string> = {};
  for await (const { key, value } of machine.libraryRecords()) {
    assert.ok(value !== undefined, `libraryRecords gave the record "${key}" without a value.`);
    assert.ok(!Object.hasOwn(records, key), `libraryRecords gave the record "${key}" twice.`);
    records[key] = Buffer.from(value).toString();
  }
  return records;
}

/** A machine with a disk as one without: it is given the records as the library gives them. */
class WithRecords<Command, Response> implements StateMachine<Command, Response> {
  readonly #inner: Durable<Command, Response>;

  constructor(inner: Durable<Command, Response>) {
    this.#inner = inner;
  }

  static inner<Command, Response>(
    machine: StateMachine<Command, Response>,
  ): Durable<Command, Response> {
    assert.ok(machine instanceof WithRecords);
    // What was wrapped here has the types of what is asked for.
    return (machine as WithRecords<Command, Response>).#inner;
  }

  apply(batch: readonly Committed<Command>[]): readonly Response[] | Promise<readonly Response[]> {
    const index = batch.at(-1)?.logId.index ?? 0;
    return this.#inner.apply(batch, () => recordsAt(index));
  }

  snapshot(): Promise<Iterable<Uint8Array> | AsyncIterable<Uint8Array>> {
    return this.#inner.snapshot();
  }

  restore(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta): Promise<void> {
    return this.#inner.restore(chunks, meta, recordsAt(meta.lastLogId.index));
  }

  async validate(command: Command): Promise<void> {
    await this.#inner.validate?.(command);
  }
}
