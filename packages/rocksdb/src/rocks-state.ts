import type { LibraryRecord } from 'quorate';
import {
  checkDirectory,
  checkWriteBuffer,
  type Database,
  defaultWriteBufferBytes,
  type FrozenView,
} from './database.ts';
import { libraryRange, withoutPrefix } from './keys.ts';
import { changesOf, type Filling, StateHolder } from './state-holder.ts';
import type { Entry } from './views.ts';

export interface RocksStateOptions {
  /** As `RocksStateMachineOptions.writeBufferBytes`. */
  readonly writeBufferBytes?: number;
}

/** A change of the state. `undefined` deletes. */
export interface StateChange {
  /** Its first byte is above 0. */
  readonly key: Buffer;
  readonly value: Uint8Array | undefined;
}

export interface StatePageOptions {
  /** At most so many entries. */
  readonly limit: number;
  /** It ends with the pair that makes it so large, in bytes of keys and values. Default: never. */
  readonly mostBytes?: number;
  /** The last ones of the stretch, from the end down. */
  readonly isDown?: boolean;
  /** Values are empty, and not copied. */
  readonly keysOnly?: boolean;
}

/** The state as it was at one moment, however late it is read. It must be released. */
export interface StateMoment {
  /** The values of these keys, in one go; `undefined` where there is none. */
  getMany(keys: readonly Buffer[]): Promise<(Uint8Array | undefined)[]>;
  /** Some entries from `from` on and before `to`, in order. */
  page(range: { from: Buffer; to: Buffer }, options: StatePageOptions): Promise<Entry[]>;
  release(): Promise<void>;
}

/** A state that is being put in place of another one; nobody sees it before it is whole. */
export interface StateFilling {
  put(key: Buffer, value: Uint8Array): void;
  /** Writes what was put, if that is worth it; so little is in memory at a time. */
  writeIfFull(): Promise<void>;
  /** What was put so far, written. */
  moment(): Promise<StateMoment>;
}

/**
 * Keys and values in RocksDB together with what the library keeps: what a state machine is made of
 * that needs more than `RocksStateMachine` has. Keys begin with a byte from 1 to 255, since those
 * with 0 are the library's; nothing is copied, so keys and values must not change until they are
 * written. What is written survives the process at once, and power loss after `flush`.
 */
export class RocksState implements AsyncDisposable {
  readonly #holder: StateHolder;

  private constructor(holder: StateHolder) {
    this.#holder = holder;
  }

  /**
   * Opens the state in `directory`, which is made if it is not there.
   *
   * @throws {LockedError} if the directory is in use.
   * @throws {DamagedError} if the files cannot be read, or it is not to be seen which are current.
   * @throws {UnsupportedError} if RocksDB cannot be loaded; the message says what to install.
   */
  static async open(directory: string, options: RocksStateOptions = {}): Promise<RocksState> {
    const { writeBufferBytes = defaultWriteBufferBytes } = options;
    checkDirectory(directory);
    checkWriteBuffer({ writeBufferBytes });
    return new RocksState(await StateHolder.open(directory, { writeBufferBytes }));
  }

  /** The state as it is now. */
  freeze(): StateMoment {
    return momentOf(this.#holder.database.view());
  }

  /** Writes the changes and the records at once or, if it rejects, nothing. */
  async write(
    changes: readonly StateChange[],
    records: readonly LibraryRecord[] = [],
  ): Promise<void> {
    await this.#holder.database.write([...checked(changes), ...changesOf(records)]);
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord> {
    for await (const { key, value } of this.#holder.database.pairs(libraryRange)) {
      yield { key: withoutPrefix(key).toString(), value };
    }
  }

  /**
   * Replaces state and records by what `fill` puts and by `records`, all or nothing. Moments of the
   * old state end with `StoppedError`.
   */
  replace<Result>(
    fill: (next: StateFilling) => Promise<Result>,
    records: readonly LibraryRecord[],
  ): Promise<Result> {
    return this.#holder.replace((next) => fill(fillingOf(next)), records);
  }

  /** Makes all that was written survive power loss. */
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

function momentOf(view: FrozenView): StateMoment {
  return {
    getMany: (keys) => view.getMany(keys),
    async page({ from, to }, options) {
      if (options.limit <= 0 || from.compare(to) >= 0) return [];
      const pairs = await view.page({ gte: from, lt: to }, options);
      return pairs.map(({ key, value }) => [key, value] as const);
    },
    release: () => view.release(),
  };
}

function fillingOf(next: Filling): StateFilling {
  const { database }: { database: Database } = next;
  return {
    put(key, value) {
      checkKey(key);
      next.put(key, value);
    },
    async writeIfFull() {
      if (next.isFull) await next.write();
    },
    async moment() {
      await next.write();
      return momentOf(database.view());
    },
  };
}

function checked(changes: readonly StateChange[]): readonly StateChange[] {
  for (const { key } of changes) checkKey(key);
  return changes;
}

function checkKey(key: Buffer): void {
  if ((key[0] ?? 0) > 0) return;
  throw new RangeError('A key must begin with a byte above 0; those with 0 are the library’s.');
}
