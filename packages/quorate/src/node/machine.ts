import type {
  AnyStateMachine,
  Committed,
  DurableStateMachine,
  LibraryRecord,
  StateMachine,
} from '../contract/state-machine.ts';
import type { EffectiveMembership, LogId, SnapshotMeta } from '../core/types.ts';
import { FatalError } from '../errors.ts';
import { isSessionRecord } from './session-records.ts';
import { SessionTable, type SessionTableOptions, type SessionTally } from './session-table.ts';
import { type Chunks, type KeptRecord, openEnvelope, sealEnvelope } from './snapshot-envelope.ts';

type Responses = readonly unknown[] | Promise<readonly unknown[]>;

const encoder = new TextEncoder();

/** The names of the records that the library keeps. */
const recordKeys = { applied: 'applied', membership: 'membership' } as const;

/** A snapshot's content, and how to let go of what it holds on to. */
export interface FrozenContent {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Call it in the end, whether the chunks were read or not. */
  readonly close: () => Promise<void>;
}

/**
 * The application's state machine, one that lives in memory or one with a disk of its own, and what
 * the library keeps beside its state.
 */
export class Machine {
  /** What the tables of the sessions did, one after another, since the node was started. */
  readonly sessionTally: SessionTally = { expired: 0, refused: 0 };
  readonly #volatile: StateMachine<unknown, unknown> | undefined;
  readonly #durable: DurableStateMachine<unknown, unknown> | undefined;
  readonly #validate: AnyStateMachine<unknown, unknown>['validate'];
  #sessions: SessionTable;

  constructor(machine: AnyStateMachine<unknown, unknown>) {
    if (isDurable(machine)) this.#durable = machine;
    // One without a disk of its own takes fewer arguments.
    else this.#volatile = machine as unknown as StateMachine<unknown, unknown>;
    this.#validate = machine.validate?.bind(machine);
    this.#sessions = new SessionTable(this.#tableOptions);
  }

  /** The sessions at the same moment as the state. */
  get sessions(): SessionTable {
    return this.#sessions;
  }

  validate(command: unknown): void | Promise<void> {
    return this.#validate?.(command);
  }

  /**
   * Applies a batch that ends with entry `last`, which may be none of its commands. `record` is
   * told the responses before a durable machine is given its records.
   */
  apply(
    batch: readonly Committed<unknown>[],
    last: LogId,
    record?: (responses: readonly unknown[]) => void,
  ): Responses {
    if (this.#volatile !== undefined) return this.#volatile.apply(batch);
    let sealed: readonly LibraryRecord[] | undefined;
    const responses = this.#durableMachine.apply(batch, (answered) => {
      if (sealed === undefined) {
        record?.(answered);
        sealed = [appliedRecord(last), ...this.#sessions.takeChanges()];
      }
      return sealed;
    });
    const demandSealed = (answered: readonly unknown[]): readonly unknown[] => {
      if (sealed !== undefined) return answered;
      throw new TypeError(
        'apply() of a durable state machine must call seal(responses), and keep the records that it returns in the same atomic write as its state.',
      );
    };
    return responses instanceof Promise ? responses.then(demandSealed) : demandSealed(responses);
  }

  /** Takes note in a durable machine's records that everything up to `last` is applied. */
  async keepApplied(last: LogId): Promise<void> {
    if (this.isDurable) await this.apply([], last);
  }

  /**
   * How far a durable machine has applied; `undefined` if it is volatile or new. Takes up the
   * sessions that it has kept.
   */
  async readApplied(): Promise<LogId | undefined> {
    if (this.#durable === undefined) return undefined;
    let applied: LogId | undefined;
    const ofSessions: LibraryRecord[] = [];
    for await (const record of this.#durable.libraryRecords()) {
      const { key, value } = record;
      if (key === recordKeys.applied && value !== undefined) applied = readLogId(value);
      else if (isSessionRecord(key)) ofSessions.push(record);
    }
    this.#sessions = SessionTable.from(ofSessions, this.#tableOptions);
    return applied;
  }

  get isDurable(): boolean {
    return this.#durable !== undefined;
  }

  /** Freezes the state; the content can be read while new commands are applied. */
  async snapshot(membership: EffectiveMembership): Promise<FrozenContent> {
    const frozen: Chunks = await (this.#volatile ?? this.#durableMachine).snapshot();
    const state = iteratorOf(checkedChunks(frozen));
    const sessions = this.#sessions.freeze();
    const records = (function* (): Generator<KeptRecord, void, undefined> {
      yield jsonRecord(recordKeys.membership, membership);
      yield* sessions;
    })();
    const chunks = sealEnvelope(records, { [Symbol.asyncIterator]: () => state });
    return { chunks, close: async () => void (await state.return?.()) };
  }

  async restore(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta): Promise<void> {
    const { records, content, close } = await openEnvelope(chunks);
    try {
      const sessions = SessionTable.from(records, this.#tableOptions);
      if (this.#volatile !== undefined) await this.#volatile.restore(content, meta);
      else {
        const ofSessions = records.filter(({ key }) => isSessionRecord(key));
        const kept = [appliedRecord(meta.lastLogId), ...ofSessions];
        await this.#durableMachine.restore(content, meta, kept);
      }
      this.#sessions = sessions;
    } finally {
      // A state machine need not read to the end, or may throw before it reads at all.
      await close();
    }
  }

  async flush(): Promise<void> {
    await this.#durable?.flush?.();
  }

  get #tableOptions(): SessionTableOptions {
    return { keepsChanges: this.isDurable, tally: this.sessionTally };
  }

  get #durableMachine(): DurableStateMachine<unknown, unknown> {
    if (this.#durable === undefined) throw new Error('Broken invariant: no state machine.');
    return this.#durable;
  }
}

function isDurable(
  machine: AnyStateMachine<unknown, unknown>,
): machine is DurableStateMachine<unknown, unknown> {
  return machine.libraryRecords !== undefined;
}

/** @throws {TypeError} if a state machine returned something else, say the bytes themselves. */
function checkedChunks(chunks: unknown): Chunks {
  const isBytes = ArrayBuffer.isView(chunks) || chunks instanceof ArrayBuffer;
  if (typeof chunks === 'object' && chunks !== null && !isBytes) {
    if (Symbol.asyncIterator in chunks || Symbol.iterator in chunks) return chunks as Chunks;
  }
  const came = isBytes ? 'the bytes themselves' : String(chunks);
  throw new TypeError(
    `snapshot() must return an iterable of Uint8Array chunks; it returned ${came}. Return [bytes] for a state in one piece.`,
  );
}

function iteratorOf(chunks: Chunks): AsyncIterator<Uint8Array> {
  if (Symbol.asyncIterator in chunks) return chunks[Symbol.asyncIterator]();
  const iterator = chunks[Symbol.iterator]();
  return {
    next: async () => iterator.next(),
    return: async () => iterator.return?.() ?? { done: true, value: undefined },
  };
}

function appliedRecord({ term, index }: LogId): LibraryRecord {
  return jsonRecord(recordKeys.applied, { term, index });
}

function jsonRecord(key: string, value: unknown): KeptRecord {
  return { key, value: encoder.encode(JSON.stringify(value)) };
}

function readLogId(value: Uint8Array): LogId {
  const { text, found } = parse(value);
  if (typeof found === 'object' && found !== null && 'term' in found && 'index' in found) {
    const { term, index } = found;
    if (isCount(term) && isCount(index)) return { term, index };
  }
  throw new FatalError(
    `The state machine returned ${JSON.stringify(text)} as the library's record "${recordKeys.applied}", which must be a log id as it was given. Restore this node's disk, or replace the node.`,
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What is no JSON is nothing that was found. */
function parse(value: Uint8Array): { text: string; found: unknown } {
  const text = new TextDecoder().decode(value);
  try {
    return { text, found: JSON.parse(text) as unknown };
  } catch {
    return { text, found: undefined };
  }
}
