import { type LibraryRecord, LockedError } from 'quorate';
import { closedError, Database, type DatabaseOptions, replacedError } from './database.ts';
import { libraryKey } from './keys.ts';
import { loadRocks, type RocksConstructor } from './load-rocks.ts';
import { StateFolder } from './state-folder.ts';

/** A change of the database: no value deletes. */
export interface RawChange {
  readonly key: Buffer;
  readonly value: Uint8Array | undefined;
}

/** What is written at a time while a state is put in place, in bytes. */
const fillBatchBytes = 1024 * 1024;

/** The current database of one folder, which another one may replace all at once. */
export class StateHolder {
  readonly #options: DatabaseOptions;
  readonly #Rocks: RocksConstructor;
  readonly #folder: StateFolder;
  #database: Database;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  /** A replacement that is under way, which `close` waits for. */
  #replacing: Promise<unknown> | undefined;

  private constructor(
    options: DatabaseOptions,
    parts: { Rocks: RocksConstructor; folder: StateFolder; database: Database },
  ) {
    this.#options = options;
    this.#Rocks = parts.Rocks;
    this.#folder = parts.folder;
    this.#database = parts.database;
  }

  static async open(directory: string, options: DatabaseOptions): Promise<StateHolder> {
    const Rocks = await loadRocks();
    const folder = await StateFolder.open(directory);
    const database = await Database.open(Rocks, folder.database, options);
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
    return new StateHolder(options, { Rocks, folder, database });
  }

  /** The current one. */
  get database(): Database {
    return this.#database;
  }

  /**
   * Lets `fill` write into a new database, which becomes the current one once it is whole and
   * durable; until then, and if `fill` throws, the old one is. Reading of the old one then ends.
   */
  async replace<Result>(
    fill: (next: Filling) => Promise<Result>,
    records: readonly LibraryRecord[],
  ): Promise<Result> {
    if (this.#isClosed) throw closedError();
    const replaced = this.#replace(fill, records);
    this.#replacing = replaced.catch(() => undefined);
    return replaced;
  }

  /** Ends all reading, and gives the directory free. May be called twice. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#replacing;
    await this.#database.close(closedError());
  }

  async #replace<Result>(
    fill: (next: Filling) => Promise<Result>,
    records: readonly LibraryRecord[],
  ): Promise<Result> {
    const place = await this.#folder.makeRoomForNext();
    const next = await Database.open(this.#Rocks, place, this.#options);
    let result: Result;
    try {
      const filling = new Filling(next);
      result = await fill(filling);
      await filling.write();
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
    return result;
  }
}

/** A database that is filled, with little of it in memory at a time. */
export class Filling {
  readonly database: Database;
  #changes: RawChange[] = [];
  #bytes = 0;

  constructor(database: Database) {
    this.database = database;
  }

  /** Whether enough has come together to be written. */
  get isFull(): boolean {
    return this.#bytes >= fillBatchBytes;
  }

  put(key: Buffer, value: Uint8Array): void {
    this.#changes.push({ key, value });
    this.#bytes += key.byteLength + value.byteLength;
  }

  async write(): Promise<void> {
    const changes = this.#changes;
    this.#changes = [];
    this.#bytes = 0;
    await this.database.write(changes);
  }
}

/** The library's records as changes of the database. */
export function changesOf(records: readonly LibraryRecord[]): readonly RawChange[] {
  return records.map(({ key, value }) => ({ key: libraryKey(key), value }));
}
