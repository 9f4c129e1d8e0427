import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import {
  type Entry,
  EntryNotFoundError,
  type Identity,
  type LogId,
  type LogIndex,
  type LogState,
  type LogStore,
  type Payload,
  StoppedError,
  type Vote,
} from 'quorate';

// In write-ahead mode with FULL, a COMMIT that has returned survives power loss. EXCLUSIVE holds a
// lock on the file until it is closed, or its process dies: a second node on it is refused.
const schema = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS records (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS entries (
    position INTEGER PRIMARY KEY,
    term INTEGER NOT NULL,
    detail TEXT NOT NULL,
    bytes BLOB NOT NULL,
    checksum INTEGER NOT NULL
  );
  BEGIN IMMEDIATE; COMMIT`;

/** The columns of `entries`. */
interface Row {
  readonly position: LogIndex;
  readonly term: number;
  readonly detail: string;
  readonly bytes: Uint8Array;
  readonly checksum: number;
}

/** A log in an SQLite database. Every write is one transaction. */
export class SqliteLogStore implements LogStore {
  readonly #database: DatabaseSync;
  /** What the first failed write failed with. What is on the disk since then is not known. */
  #failure: unknown;
  #isOpen = true;

  /** Takes the database over, and closes it when it is disposed. */
  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(schema);
  }

  async readIdentity(): Promise<Identity | undefined> {
    const identity = this.#record('identity') as Identity | undefined;
    // JSON leaves out what is undefined.
    return identity && { ...identity, cluster: identity.cluster };
  }

  saveIdentity(identity: Identity): Promise<void> {
    return this.#write(() => this.#saveRecord('identity', identity));
  }

  async readVote(): Promise<Vote | undefined> {
    const vote = this.#record('vote') as Vote | undefined;
    return vote && { term: vote.term, votedFor: vote.votedFor };
  }

  saveVote(vote: Vote): Promise<void> {
    return this.#write(() => this.#saveRecord('vote', vote));
  }

  async state(): Promise<LogState> {
    const purged = this.#purged;
    const found = this.#open.prepare('SELECT * FROM entries ORDER BY position DESC LIMIT 1').get();
    const row = found as unknown as Row | undefined;
    return { purged, last: row === undefined ? purged : { term: row.term, index: row.position } };
  }

  async read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }): Promise<Entry[]> {
    const { purged, last } = await this.state();
    if (from === to) return [];
    if (from <= purged.index || to > last.index + 1) {
      throw new EntryNotFoundError(
        `Entries ${from} to ${to - 1} were wanted; here are ${purged.index + 1} to ${last.index}.`,
      );
    }
    const maxBytes = options?.maxBytes ?? Number.POSITIVE_INFINITY;
    const select = 'SELECT * FROM entries WHERE position >= ? AND position < ? ORDER BY position';
    const entries: Entry[] = [];
    let bytes = 0;
    for (const found of this.#open.prepare(select).iterate(from, to)) {
      const row = found as unknown as Row;
      bytes += row.bytes.byteLength + row.detail.length;
      if (bytes > maxBytes && entries.length > 0) break;
      entries.push(entryOf(row));
    }
    return entries;
  }

  append(entries: readonly Entry[]): Promise<void> {
    return this.#write(() => {
      const insert = this.#open.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?)');
      for (const { logId, payload } of entries) {
        const row = { position: logId.index, term: logId.term, ...columnsOf(payload) };
        insert.run(row.position, row.term, row.detail, row.bytes, checksumOf(row));
      }
    });
  }

  truncate(index: LogIndex): Promise<void> {
    const remove = 'DELETE FROM entries WHERE position > ?';
    return this.#write(() => this.#open.prepare(remove).run(index));
  }

  purge(logId: LogId): Promise<void> {
    const { term, index } = logId;
    return this.#write(() => {
      if (index <= this.#purged.index) return;
      const same = 'SELECT 1 FROM entries WHERE position = ? AND term = ?';
      this.#open.prepare(`DELETE FROM entries WHERE NOT EXISTS (${same})`).run(index, term);
      this.#open.prepare('DELETE FROM entries WHERE position <= ?').run(index);
      this.#saveRecord('purged', logId);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOpen) this.#database.close();
    this.#isOpen = false;
  }

  /** A transaction that failed ends with the database, and nothing is written after it. */
  async #write(change: () => unknown): Promise<void> {
    const database = this.#open;
    const cause = this.#failure;
    if (cause !== undefined) throw new Error('An earlier write to the log failed.', { cause });
    try {
      database.exec('BEGIN');
      change();
      database.exec('COMMIT');
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  get #purged(): LogId {
    return (this.#record('purged') as LogId | undefined) ?? { term: 0, index: 0 };
  }

  #record(name: string): unknown {
    const row = this.#open.prepare('SELECT value FROM records WHERE name = ?').get(name);
    return row === undefined ? undefined : JSON.parse(String(row['value']));
  }

  #saveRecord(name: string, value: Identity | Vote | LogId): void {
    this.#open
      .prepare('INSERT OR REPLACE INTO records VALUES (?, ?)')
      .run(name, JSON.stringify(value));
  }

  get #open(): DatabaseSync {
    if (this.#isOpen) return this.#database;
    throw new StoppedError('The log store was disposed; open a new one.');
  }
}

/** The bytes of a payload, and the rest of it as JSON. */
function columnsOf(payload: Payload): Pick<Row, 'detail' | 'bytes'> {
  if (payload.type === 'command') {
    const { bytes, value: _, ...data } = payload.data;
    return { detail: JSON.stringify({ ...payload, data }), bytes };
  }
  if (payload.type !== 'session') {
    return { detail: JSON.stringify(payload), bytes: new Uint8Array(0) };
  }
  return { detail: JSON.stringify({ type: payload.type }), bytes: payload.data };
}

function entryOf(row: Row): Entry {
  if (checksumOf(row) !== row.checksum) {
    throw new Error(`Entry ${row.position} is damaged. Restore this disk, or replace the node.`);
  }
  return { logId: { term: row.term, index: row.position }, payload: payloadOf(row) };
}

function payloadOf({ detail, bytes }: Row): Payload {
  // The checksum has shown that `columnsOf` made it.
  const payload = JSON.parse(detail) as Payload;
  if (payload.type === 'session') return { ...payload, data: bytes };
  if (payload.type !== 'command') return payload;
  return { ...payload, data: { ...payload.data, bytes, value: undefined } };
}

function checksumOf({ position, term, detail, bytes }: Omit<Row, 'checksum'>): number {
  // Bytes first: Node 22 forgets the start value where a later part is empty.
  return crc32(`${position} ${term} ${detail}`, crc32(bytes));
}
