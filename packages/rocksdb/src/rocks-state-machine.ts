import type { Committed, DurableStateMachine, LibraryRecord, SnapshotMeta } from 'quorate';
import { LockedError } from 'quorate';
import { closedError, Database, type DatabaseOptions, replacedError } from './database.ts';
import {
  type Key,
  type KeyRange,
  libraryKey,
  libraryRange,
  stateKey,
  stateRange,
  stateRangeOf,
  withoutPrefix,
} from './keys.ts';
import { loadRocks, type RocksConstructor } from './load-rocks.ts';
import { Overlay } from './overlay.ts';
import { frameFrozen, readPairs } from './pair-frames.ts';
import { StateFolder } from './state-folder.ts';
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

/** What is written at a time while a snapshot is restored, in bytes. */
const restoreBatchBytes = 1024 * 1024;

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
  readonly #Rocks: RocksConstructor;
  readonly #folder: StateFolder;
  #database: Database;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  /** A restore that is under way, which `close` waits for. */
  #restoring: Promise<unknown> | undefined;

  private constructor(
    options: RocksStateMachineOptions<Command, Response>,
    parts: { Rocks: RocksConstructor; folder: StateFolder; database: Database },
  ) {
    this.#options = options;
    this.#Rocks = parts.Rocks;
    this.#folder = parts.folder;
    this.#database = parts.database;
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
    const Rocks = await loadRocks();
    const folder = await StateFolder.open(directory);
    const database = await Database.open(Rocks, folder.database, databaseOptions(options));
    try {
      // Between the reading of the name and the lock, its owner may have gone on to the next one.
      if (!(await folder.isUnchanged())) {
        throw new LockedError(`${directory} is in use: its state was replaced just now.`);
      }
      await folder.removeLeftovers();
    } catch (error) {
      await database.close(closedError());
      throw error;
    }
    return new RocksStateMachine(options, { Rocks, folder, database });
  }

  /** The value under the key as of the last batch applied, or `undefined`. */
  async get(key: Key): Promise<Uint8Array | undefined> {
    return this.#database.get(stateKey(key));
  }

  /**
   * The keys of a stretch with their values, in the order of the keys' bytes, as of one moment.
   *
   * @throws {StoppedError} if a snapshot replaces the state, or it is closed, while it is read.
   */
  async *entries(range: KeyRange = {}): AsyncGenerator<Entry> {
    for await (const { key, value } of this.#database.pairs(stateRangeOf(range))) {
      yield [withoutPrefix(key), value];
    }
  }

  async apply(
    batch: readonly Committed<Command>[],
    seal: (responses: readonly Response[]) => readonly LibraryRecord[],
  ): Promise<Response[]> {
    const database = this.#database;
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
    return frameFrozen(this.#database.freeze(stateRange));
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
    if (this.#isClosed) throw closedError();
    const restored = this.#restore(chunks, meta, records);
    this.#restoring = restored.catch(() => undefined);
    await restored;
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord> {
    for await (const { key, value } of this.#database.pairs(libraryRange)) {
      yield { key: withoutPrefix(key).toString(), value };
    }
  }

  async validate(command: Command): Promise<void> {
    await this.#options.validate?.(command, this);
  }

  /** Makes all that was applied survive power loss. */
  async flush(): Promise<void> {
    await this.#database.flush();
  }

  /** Ends all reading, and gives the directory free. May be called twice. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#restoring;
    await this.#database.close(closedError());
  }

  async #restore(
    chunks: AsyncIterable<Uint8Array>,
    meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    const place = await this.#folder.makeRoomForNext();
    const next = await Database.open(this.#Rocks, place, databaseOptions(this.#options));
    try {
      await fill(next, readPairs(chunks, meta));
      await next.write(changesOf(records));
      await next.flush();
      await this.#folder.switchToNext();
    } catch (error) {
      await next.close(closedError());
      throw error;
    }
    const old = this.#database;
    this.#database = next;
    await old.close(replacedError());
    await this.#folder.removeLeftovers();
  }
}

async function fill(
  database: Database,
  pairs: AsyncIterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>,
): Promise<void> {
  let changes: { key: Buffer; value: Uint8Array }[] = [];
  let size = 0;
  for await (const { key, value } of pairs) {
    changes.push({ key: Buffer.from(key.buffer, key.byteOffset, key.byteLength), value });
    size += key.byteLength + value.byteLength;
    if (size < restoreBatchBytes) continue;
    await database.write(changes);
    changes = [];
    size = 0;
  }
  await database.write(changes);
}

function changesOf(
  records: readonly LibraryRecord[],
): { key: Buffer; value: Uint8Array | undefined }[] {
  return records.map(({ key, value }) => ({ key: libraryKey(key), value }));
}

function databaseOptions<Command, Response>(
  options: RocksStateMachineOptions<Command, Response>,
): DatabaseOptions {
  return { writeBufferBytes: options.writeBufferBytes ?? 64 * 1024 * 1024 };
}

function checkOptions<Command, Response>(
  directory: string,
  options: RocksStateMachineOptions<Command, Response>,
): void {
  const given: unknown = directory;
  if (typeof given !== 'string' || given === '') {
    throw new TypeError(`directory must be a path; it is ${JSON.stringify(given)}.`);
  }
  const applyOne: unknown = options.applyOne;
  if (typeof applyOne !== 'function') {
    throw new TypeError(`applyOne must be a function; it is ${String(applyOne)}.`);
  }
  const { writeBufferBytes } = databaseOptions(options);
  if (Number.isSafeInteger(writeBufferBytes) && writeBufferBytes >= 65_536) return;
  throw new RangeError(
    `writeBufferBytes must be a whole number from 65536 on; it is ${String(writeBufferBytes)}.`,
  );
}
