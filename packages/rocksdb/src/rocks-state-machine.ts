import type { Committed, DurableStateMachine, LibraryRecord, SnapshotMeta } from 'quorate';
import {
  checkDirectory,
  checkWriteBuffer,
  type DatabaseOptions,
  defaultWriteBufferBytes,
} from './database.ts';
import {
  type Key,
  type KeyRange,
  libraryRange,
  stateKey,
  stateRange,
  stateRangeOf,
  withoutPrefix,
} from './keys.ts';
import { Overlay } from './overlay.ts';
import { frameFrozen, readPairs } from './pair-frames.ts';
import { changesOf, type Filling, StateHolder } from './state-holder.ts';
import type { BatchView, Entry, StateView } from './views.ts';

export interface RocksStateMachineOptions<Command, Response> {
  /**
   * Applies one command to `view` and returns its response. It must be deterministic: no clock, no
   * randomness, nothing but the command and what `view` shows. Calls never overlap, and each sees
   * what those before it did. A refusal that the application expects is a response; a throw stops
   * the node, and nothing of the batch is kept.
   */
  readonly applyOne: (
    committed: Committed<Command>,
    view: BatchView,
  ) => Response | Promise<Response>;
  /** Looks at a command on the leader before it enters the log; see `StateMachine.validate`. */
  readonly validate?: (command: Command, state: StateView) => void | Promise<void>;
  /**
   * What is written stays in memory until so many bytes have come together, and at most twice as
   * many. At least 64 KiB. Default 64 MiB.
   */
  readonly writeBufferBytes?: number;
}

/**
 * A state machine with its state in RocksDB: keys and values in bytes, on disk, more than memory
 * holds. A batch of commands is one write, and what the library keeps with the state is in it.
 *
 * What was applied survives the process at once, and power loss after `flush`, which the library
 * calls with each snapshot. What is lost with the power is applied again from the log.
 */
export class RocksStateMachine<Command, Response>
  implements DurableStateMachine<Command, Response>, StateView, AsyncDisposable
{
  readonly #options: RocksStateMachineOptions<Command, Response>;
  readonly #holder: StateHolder;

  private constructor(options: RocksStateMachineOptions<Command, Response>, holder: StateHolder) {
    this.#options = options;
    this.#holder = holder;
  }

  /**
   * Opens the state in `directory`, which is made if it is not there. Nobody else may write there.
   *
   * @throws {LockedError} if the directory is in use.
   * @throws {DamagedError} if there is a state, and not to be seen which one is current.
   * @throws {UnsupportedError} if RocksDB cannot be loaded; the message says what to install.
   */
  static async open<Command, Response>(
    directory: string,
    options: RocksStateMachineOptions<Command, Response>,
  ): Promise<RocksStateMachine<Command, Response>> {
    checkOptions(directory, options);
    return new RocksStateMachine(
      options,
      await StateHolder.open(directory, databaseOptions(options)),
    );
  }

  /** The value under the key as of the last batch applied, or `undefined`. */
  async get(key: Key): Promise<Uint8Array | undefined> {
    return this.#holder.database.get(stateKey(key));
  }

  /**
   * The keys of a stretch with their values, in the order of the keys' bytes, as of one moment.
   *
   * @throws {StoppedError} if a snapshot replaces the state, or it is closed, while it is read.
   */
  async *entries(range: KeyRange = {}): AsyncGenerator<Entry> {
    for await (const { key, value } of this.#holder.database.pairs(stateRangeOf(range))) {
      yield [withoutPrefix(key), value];
    }
  }

  async apply(
    batch: readonly Committed<Command>[],
    seal: (responses: readonly Response[]) => readonly LibraryRecord[],
  ): Promise<Response[]> {
    const database = this.#holder.database;
    const overlay = new Overlay({
      get: (key) => database.get(key),
      pairs: (range) => database.pairs(range),
    });
    const responses: Response[] = [];
    for (const committed of batch) {
      responses.push(await this.#options.applyOne(committed, overlay));
    }
    await database.write([...overlay.changes, ...changesOf(seal(responses))]);
    return responses;
  }

  async snapshot(): Promise<AsyncIterable<Uint8Array>> {
    return frameFrozen(this.#holder.database.freeze(stateRange));
  }

  /**
   * Replaces the state and the records. The content goes into a new database beside the old one,
   * which stays current until the new one is whole and durable. Reading of the old one ends with
   * `StoppedError`.
   */
  async restore(
    chunks: AsyncIterable<Uint8Array>,
    meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    const fill = async (next: Filling): Promise<void> => {
      for await (const { key, value } of readPairs(chunks, meta)) {
        next.put(Buffer.from(key.buffer, key.byteOffset, key.byteLength), value);
        if (next.isFull) await next.write();
      }
    };
    await this.#holder.replace(fill, records);
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord> {
    for await (const { key, value } of this.#holder.database.pairs(libraryRange)) {
      yield { key: withoutPrefix(key).toString(), value };
    }
  }

  async validate(command: Command): Promise<void> {
    await this.#options.validate?.(command, this);
  }

  /** Makes all that was applied survive power loss. */
  async flush(): Promise<void> {
    await this.#holder.database.flush();
  }

  /** Ends all reading, and gives the directory free. May be called twice. */
  close(): Promise<void> {
    return this.#holder.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function databaseOptions<Command, Response>(
  options: RocksStateMachineOptions<Command, Response>,
): DatabaseOptions {
  return { writeBufferBytes: options.writeBufferBytes ?? defaultWriteBufferBytes };
}

function checkOptions<Command, Response>(
  directory: string,
  options: RocksStateMachineOptions<Command, Response>,
): void {
  checkDirectory(directory);
  const applyOne: unknown = options.applyOne;
  if (typeof applyOne !== 'function') {
    throw new TypeError(`applyOne must be a function; it is ${String(applyOne)}.`);
  }
  checkWriteBuffer(databaseOptions(options));
}
