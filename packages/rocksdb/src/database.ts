import { DamagedError, LockedError, StoppedError } from 'quorate';
import type RocksDB from 'rocksdb-native';
import type { RocksConstructor } from './load-rocks.ts';

export interface DatabaseOptions {
  /** What is written stays in memory until so many bytes have come together; then it is a file. */
  readonly writeBufferBytes: number;
}

/** How many pairs of a stretch, and from which end. */
export interface PageOptions {
  readonly limit: number;
  /** It ends with the pair that makes it so large, in bytes of keys and values. Default: never. */
  readonly mostBytes?: number;
  /** From the last one down. */
  readonly isDown?: boolean;
  /** Values come as empty bytes, and are not copied. */
  readonly keysOnly?: boolean;
}

/** What was there at one moment, until it is let go of. */
export interface FrozenView {
  getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>;
  page(range: RocksDB.Range, options: PageOptions): Promise<RocksDB.Pair[]>;
  release(): Promise<void>;
}

/** What was there at one moment. */
export interface FrozenPairs {
  readonly pairs: AsyncIterable<RocksDB.Pair>;
  /** Lets go of the view, once the pairs are not read any more, or never were. */
  readonly release: () => Promise<void>;
}

const noBytes = Buffer.alloc(0);

/** Pairs that come in one piece where pages are bounded in bytes: each may be large. */
const mostReadAhead = 32;
/** Files that the engine holds open at a time. */
const maxOpenFiles = 1000;

/** One database of RocksDB, and all who read it: they are ended before it is. */
export class Database {
  readonly #rocks: RocksDB;
  readonly #readers = new Set<RocksDB.Pairs>();
  /** Views of one moment. One that nobody lets go of stays until the database is closed. */
  readonly #frozen = new Set<RocksDB>();
  #closing: Promise<void> | undefined;
  #whyClosed: Error | undefined;

  private constructor(rocks: RocksDB) {
    this.#rocks = rocks;
  }

  /** @throws {LockedError} if it is open already, here or in another process. */
  static async open(
    Rocks: RocksConstructor,
    folder: string,
    { writeBufferBytes }: DatabaseOptions,
  ): Promise<Database> {
    const rocks = new Rocks(folder, { maxOpenFiles, writeBufferSize: writeBufferBytes });
    try {
      await rocks.ready();
    } catch (cause) {
      throw openFailure(folder, cause);
    }
    return new Database(rocks);
  }

  async get(key: Buffer): Promise<Buffer | undefined> {
    return (await this.#open.get(key)) ?? undefined;
  }

  /** The pairs of a stretch, in order, as they are at one moment: that of the first step. */
  pairs(range: RocksDB.Range): AsyncGenerator<RocksDB.Pair> {
    return this.#read(this.#open, range);
  }

  /** The pairs of a stretch as they are now, however late they are read. */
  freeze(range: RocksDB.Range): FrozenPairs {
    const frozen = this.#open.snapshot();
    this.#frozen.add(frozen);
    const release = async (): Promise<void> => {
      if (this.#frozen.delete(frozen)) await frozen.close();
    };
    return { pairs: this.#read(frozen, range), release };
  }

  /** Everything as it is now, however late it is read. */
  view(): FrozenView {
    const frozen = this.#open.snapshot();
    this.#frozen.add(frozen);
    return {
      getMany: (keys) => this.#getMany(frozen, keys),
      page: (range, options) => this.#page(frozen, range, options),
      release: async () => {
        if (this.#frozen.delete(frozen)) await frozen.close();
      },
    };
  }

  /** Writes all changes at once or, if it rejects, none. `undefined` deletes. */
  async write(
    changes: readonly { readonly key: Buffer; readonly value: Uint8Array | undefined }[],
  ): Promise<void> {
    const rocks = this.#open;
    if (changes.length === 0) return;
    const batch = rocks.write({ autoDestroy: true, capacity: changes.length });
    for (const { key, value } of changes) {
      if (value === undefined) batch.tryDelete(key);
      else batch.tryPut(key, value);
    }
    await batch.flush();
  }

  async flush(): Promise<void> {
    await this.#open.flush();
  }

  /** Ends all reading with `why`, then closes. A second call waits for the first. */
  close(why: Error): Promise<void> {
    this.#whyClosed ??= why;
    this.#closing ??= this.#close(this.#whyClosed);
    return this.#closing;
  }

  async #close(why: Error): Promise<void> {
    for (const reader of this.#readers) reader.destroy(why);
    const frozen = [...this.#frozen];
    this.#frozen.clear();
    for (const one of frozen) await one.close();
    await this.#rocks.close();
  }

  async #getMany(rocks: RocksDB, keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    if (this.#whyClosed !== undefined) throw this.#whyClosed;
    if (keys.length === 0) return [];
    const batch = rocks.read({ autoDestroy: true, capacity: keys.length });
    const found = keys.map((key) => batch.get(key));
    batch.tryFlush();
    const values = await Promise.all(found);
    return values.map((value) => value ?? undefined);
  }

  async #page(
    rocks: RocksDB,
    range: RocksDB.Range,
    { limit, mostBytes = Infinity, isDown = false, keysOnly = false }: PageOptions,
  ): Promise<RocksDB.Pair[]> {
    if (this.#whyClosed !== undefined) throw this.#whyClosed;
    const capacity = mostBytes === Infinity ? limit : Math.min(limit, mostReadAhead);
    const options = { limit, capacity, reverse: isDown, values: !keysOnly };
    const reader = rocks.iterator(range, options);
    this.#readers.add(reader);
    const pairs: RocksDB.Pair[] = [];
    let bytes = 0;
    try {
      for await (const { key, value } of reader) {
        pairs.push({ key, value: keysOnly ? noBytes : value });
        bytes += key.length + (keysOnly ? 0 : value.length);
        if (bytes >= mostBytes) break;
      }
      return pairs;
    } finally {
      this.#readers.delete(reader);
      reader.destroy();
    }
  }

  async *#read(rocks: RocksDB, range: RocksDB.Range): AsyncGenerator<RocksDB.Pair> {
    if (this.#whyClosed !== undefined) throw this.#whyClosed;
    const reader = rocks.iterator(range);
    this.#readers.add(reader);
    try {
      yield* reader;
    } finally {
      this.#readers.delete(reader);
      reader.destroy();
    }
  }

  get #open(): RocksDB {
    if (this.#whyClosed !== undefined) throw this.#whyClosed;
    return this.#rocks;
  }
}

function openFailure(folder: string, cause: unknown): Error {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/\block\b.*\bLOCK\b/i.test(text)) {
    const message = `${folder} is in use by another process, or by a state machine of this one.`;
    return new LockedError(`${message} Close that one, or take another folder.`, { cause });
  }
  if (/corrupt|checksum|no such file|not found/i.test(text)) {
    const message = `RocksDB cannot open ${folder}: ${text.replace(/[\s.]+$/, '')}. Its files are damaged: delete the folder above it, and the node builds its state from its snapshot and its log.`;
    return new DamagedError(message, { file: folder, offset: 0, index: 0, cause });
  }
  return new Error(`RocksDB cannot open ${folder}: ${text}`, { cause });
}

export const defaultWriteBufferBytes: number = 64 * 1024 * 1024;

/** @throws {TypeError} */
export function checkDirectory(directory: unknown): void {
  if (typeof directory === 'string' && directory !== '') return;
  throw new TypeError(`directory must be a path; it is ${JSON.stringify(directory)}.`);
}

/** @throws {RangeError} */
export function checkWriteBuffer({ writeBufferBytes }: DatabaseOptions): void {
  if (Number.isSafeInteger(writeBufferBytes) && writeBufferBytes >= 65_536) return;
  throw new RangeError(
    `writeBufferBytes must be a whole number from 65536 on; it is ${String(writeBufferBytes)}.`,
  );
}

export function closedError(): StoppedError {
  return new StoppedError('The state machine was closed; open it again.');
}

export function replacedError(): StoppedError {
  return new StoppedError('The state was replaced by a snapshot while it was read; read it again.');
}
