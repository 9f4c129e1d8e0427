import type { LibraryRecord } from '../contract/state-machine.ts';
import { assert } from '../core/assert.ts';
import type { LogIndex } from '../core/types.ts';
import { mark } from '../platform/sites.ts';
import {
  headKey,
  readRecords,
  responseKey,
  sessionHeadBytes,
  sessionKey,
  tableHeadBytes,
} from './session-records.ts';
import type { KeptRecord } from './snapshot-envelope.ts';

/** How much the table may hold. They travel in the log, so that every node goes by the same. */
export interface SessionBounds {
  readonly maxSessions: number;
  /** Bytes of the responses that are kept, of all sessions together. */
  readonly maxSessionBytes: number;
  /** Newest writes of one session whose responses are kept. */
  readonly window: number;
}

/** Names one write of a session, for ever. */
export interface SessionWrite {
  /** The index of the entry that opened the session. */
  readonly id: LogIndex;
  /** From 1 on, one more with each write. */
  readonly sequence: number;
}

/** What a write was answered; nothing until its batch is applied. */
export interface KeptResponse {
  bytes: Uint8Array | undefined;
}

/** What the table knows of a write. */
export type SessionVerdict =
  | { readonly type: 'fresh'; readonly kept: KeptResponse }
  | { readonly type: 'repeated'; readonly kept: KeptResponse }
  /** The session was closed, or others were used after it. */
  | { readonly type: 'expired' }
  /** It is so old that its response is no longer kept, or it took no effect in its time. */
  | { readonly type: 'forgotten' };

interface Session {
  readonly responses: Map<number, KeptResponse>;
  readonly window: number;
  lastUsed: LogIndex;
  /** Sequences up to here are forgotten. */
  floor: number;
}

/** What became of sessions, and of writes, since whoever keeps the tally began. */
export interface SessionTally {
  /** Sessions that had to make room for others; those that were closed are none. */
  expired: number;
  /** Writes that were not let through: their session was over, or their number forgotten. */
  refused: number;
}

export interface SessionTableOptions {
  /** Keep what has changed, for a state machine that keeps the table. Default `false`. */
  readonly keepsChanges?: boolean;
  /** Where it is counted what the table does; it may outlive the table. */
  readonly tally?: SessionTally;
}

/** What a response or a session counts for beside its bytes. */
const overheadBytes = 64;

/**
 * Entries in a stretch of the log. Bytes are looked at once in each stretch, before its first entry
 * of a session: what a write is told may then go by the responses of earlier stretches alone, and
 * all writes of one stretch can be applied as one batch. Every node and every version must go by
 * the same number.
 */
const stretchLength = 64;

/**
 * Which writes of client sessions took effect, and what was answered (thesis section 6.3). It is
 * part of the replicated state: every node makes the same changes at the same entry, however its
 * batches fall, and what expires does so by the order of the log, never by a clock.
 */
export class SessionTable {
  /** The one used longest ago is first. */
  readonly #sessions = new Map<LogIndex, Session>();
  /** For a state machine that keeps the table; nobody else would ever take them. */
  readonly #changed: Map<string, Uint8Array | undefined> | undefined;
  readonly #tally: SessionTally;
  #maxSessions = 0;
  #maxSessionBytes = 0;
  #stretch = -1;
  #bytes = 0;
  /** Writes that were admitted and have no response yet. */
  #unanswered = 0;

  constructor({
    keepsChanges = false,
    tally = { expired: 0, refused: 0 },
  }: SessionTableOptions = {}) {
    this.#changed = keepsChanges ? new Map() : undefined;
    this.#tally = tally;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Bytes that count against `maxSessionBytes`; the responses of one stretch may exceed it. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An entry of a session at `index` must wait for the responses to all that were admitted. */
  mustSettle(index: LogIndex): boolean {
    return this.#unanswered > 0 && stretchOf(index) !== this.#stretch;
  }

  /** Opens the session of the entry at `index`; the bounds of the table are the newest logged. */
  open(index: LogIndex, { maxSessions, maxSessionBytes, window }: SessionBounds): void {
    this.#enter(index);
    this.#maxSessions = maxSessions;
    this.#maxSessionBytes = maxSessionBytes;
    this.#changeHead();
    this.#sessions.set(index, { responses: new Map(), window, lastUsed: index, floor: 0 });
    this.#bytes += overheadBytes;
    this.#changeSession(index);
    for (const id of this.#sessions.keys()) {
      if (this.#sessions.size <= maxSessions) return;
      this.#expire(id);
    }
  }

  /** Ends the session by the entry at `index`. */
  close(id: LogIndex, index: LogIndex): void {
    this.#enter(index);
    this.#remove(id);
  }

  /** Looks at the write of the entry at `index`; one that is fresh is known from then on. */
  admit({ id, sequence }: SessionWrite, index: LogIndex): SessionVerdict {
    this.#enter(index);
    const session = this.#sessions.get(id);
    if (session === undefined) return this.#refuse('expired');
    const known = session.responses.get(sequence);
    if (known !== undefined) return { type: 'repeated', kept: known };
    if (sequence <= session.floor) return this.#refuse('forgotten');
    const kept: KeptResponse = { bytes: undefined };
    session.responses.set(sequence, kept);
    this.#unanswered += 1;
    session.lastUsed = index;
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    this.#forget(id, session, sequence - session.window);
    this.#changeSession(id);
    return { type: 'fresh', kept };
  }

  /** Takes note of what the write that was admitted as fresh was answered. */
  record({ id, sequence }: SessionWrite, kept: KeptResponse, response: Uint8Array): void {
    assert(kept.bytes === undefined, 'a write of a session is answered once');
    kept.bytes = response;
    this.#unanswered -= 1;
    // It may be gone already, by an entry after it in the same batch.
    if (this.#sessions.get(id)?.responses.get(sequence) !== kept) return;
    this.#bytes += weightOf(kept);
    this.#changed?.set(responseKey(id, sequence), response);
  }

  /** How many changes wait to be taken. */
  get changeCount(): number {
    return this.#changed?.size ?? 0;
  }

  /** What has changed since it was last asked, for a state machine that keeps it. */
  takeChanges(): LibraryRecord[] {
    if (this.#changed === undefined) return [];
    const records = [...this.#changed].map(([key, value]) => ({ key, value }));
    this.#changed.clear();
    return records;
  }

  /** The whole table as it is now; it can be read while the table goes on. */
  freeze(): Iterable<KeptRecord> {
    assert(this.#unanswered === 0, 'a table is frozen between two batches');
    if (this.#stretch < 0) return [];
    const head = tableHeadBytes(this.#head);
    const sessions = [...this.#sessions].map(([id, session]) => ({
      id,
      value: sessionHeadBytes(session),
      responses: [...session.responses],
    }));
    return (function* (): Generator<KeptRecord, void, undefined> {
      yield { key: headKey, value: head };
      for (const { id, value, responses } of sessions) {
        yield { key: sessionKey(id), value };
        for (const [sequence, { bytes = new Uint8Array(0) }] of responses) {
          yield { key: responseKey(id, sequence), value: bytes };
        }
      }
    })();
  }

  /**
   * The table that these records are of; others among them are passed over.
   *
   * @throws {FatalError} if they are not as they were given.
   */
  static from(records: Iterable<LibraryRecord>, options: SessionTableOptions = {}): SessionTable {
    const table = new SessionTable(options);
    const { head, sessions, responses } = readRecords(records);
    if (head === undefined) return table;
    table.#maxSessions = head.maxSessions;
    table.#maxSessionBytes = head.maxSessionBytes;
    table.#stretch = head.stretch;
    for (const { id, head: of } of sessions) {
      table.#sessions.set(id, { responses: new Map(), ...of });
      table.#bytes += overheadBytes;
    }
    for (const { id, sequence, bytes } of responses) {
      const kept: KeptResponse = { bytes };
      table.#sessions.get(id)?.responses.set(sequence, kept);
      table.#bytes += weightOf(kept);
    }
    return table;
  }

  get #head(): { maxSessions: number; maxSessionBytes: number; stretch: number } {
    const [maxSessions, maxSessionBytes] = [this.#maxSessions, this.#maxSessionBytes];
    return { maxSessions, maxSessionBytes, stretch: this.#stretch };
  }

  /** In a new stretch, room is made before anything else. */
  #enter(index: LogIndex): void {
    const stretch = stretchOf(index);
    if (stretch === this.#stretch) return;
    assert(this.#unanswered === 0, 'responses are known before the next stretch begins');
    this.#stretch = stretch;
    this.#changeHead();
    this.#makeRoom();
  }

  /** Goes by the order of the log; of the session used last, the newest response stays. */
  #makeRoom(): void {
    for (const [id, session] of this.#sessions) {
      if (this.#bytes <= this.#maxSessionBytes) return;
      mark('sessions.madeRoom');
      if (this.#sessions.size > 1) this.#expire(id);
      else this.#shrink(id, session);
    }
  }

  #shrink(id: LogIndex, session: Session): void {
    const sequences = [...session.responses.keys()].sort((a, b) => a - b);
    let bytes = this.#bytes;
    let floor = session.floor;
    for (const sequence of sequences.slice(0, -1)) {
      if (bytes <= this.#maxSessionBytes) break;
      floor = sequence;
      bytes -= weightOf(session.responses.get(sequence) as KeptResponse);
    }
    this.#forget(id, session, floor);
    this.#changeSession(id);
  }

  /** Drops the responses up to `floor`. */
  #forget(id: LogIndex, session: Session, floor: number): void {
    const { responses } = session;
    const before = session.floor;
    if (floor <= before) return;
    session.floor = floor;
    // Mostly it is one; but numbers may have been left out, and then it is all that are there.
    if (floor - before > responses.size) {
      for (const sequence of responses.keys()) {
        if (sequence <= floor) this.#drop(id, session, sequence);
      }
      return;
    }
    for (let next = before + 1; next <= floor; next += 1) this.#drop(id, session, next);
  }

  #drop(id: LogIndex, { responses }: Session, sequence: number): void {
    const kept = responses.get(sequence);
    if (kept === undefined) return;
    responses.delete(sequence);
    this.#bytes -= weightOf(kept);
    this.#changed?.set(responseKey(id, sequence), undefined);
  }

  #refuse(type: 'expired' | 'forgotten'): SessionVerdict {
    this.#tally.refused += 1;
    return { type };
  }

  #expire(id: LogIndex): void {
    this.#tally.expired += 1;
    this.#remove(id);
  }

  #remove(id: LogIndex): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    this.#bytes -= overheadBytes;
    this.#changed?.set(sessionKey(id), undefined);
    for (const sequence of session.responses.keys()) this.#drop(id, session, sequence);
  }

  #changeHead(): void {
    this.#changed?.set(headKey, tableHeadBytes(this.#head));
  }

  #changeSession(id: LogIndex): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#changed?.set(sessionKey(id), sessionHeadBytes(session));
  }
}

/** A response that is not known yet weighs nothing. */
function weightOf({ bytes }: KeptResponse): number {
  return bytes === undefined ? 0 : bytes.length + overheadBytes;
}

function stretchOf(index: LogIndex): number {
  return Math.floor(index / stretchLength);
}
