import type { LogIndex } from '../../../src/core/types.ts';
import type { SessionEntry } from '../../../src/node/session-entries.ts';
import type { Response } from '../machine.ts';

/** Names one write of a session. */
export interface SessionWrite {
  readonly id: LogIndex;
  readonly sequence: number;
}

/** What a write of a session comes to; only a `fresh` one takes effect. */
export type Verdict = 'fresh' | 'repeated' | 'expired' | 'forgotten';

interface Answer {
  readonly text: string;
  readonly bytes: number;
}

interface OpenSession {
  readonly window: number;
  /** By number: what was answered. */
  readonly answers: Map<number, Answer>;
  lastUsed: LogIndex;
  /** Numbers up to here are forgotten. */
  floor: number;
}

/** What a session or an answer weighs beside its bytes, and how often weights are looked at. */
const overheadBytes = 64;
const stretchLength = 64;

/**
 * The sessions once more, by the log alone: what is written of them in `Raft.openSession`, with
 * no sum kept that could be made anew. It says beforehand which writes take effect.
 */
export class SessionModel {
  /** The one used longest ago is first. */
  readonly #open = new Map<LogIndex, OpenSession>();
  /** Sessions of which a write was refused that had come before. */
  readonly #refused = new Set<LogIndex>();
  #maxSessions = 0;
  #maxBytes = 0;
  #stretch = -1;

  /** The entry at `index` opens a session or closes one. */
  take(index: LogIndex, entry: SessionEntry): void {
    this.#enter(index);
    if (entry.type === 'close') {
      this.#open.delete(entry.id);
      return;
    }
    const { maxSessions, maxSessionBytes, window } = entry.bounds;
    this.#maxSessions = maxSessions;
    this.#maxBytes = maxSessionBytes;
    this.#open.set(index, { window, answers: new Map(), lastUsed: index, floor: 0 });
    while (this.#open.size > maxSessions) this.#endOldest();
  }

  /** What the write at `index` comes to. One that is fresh must be answered at once. */
  judge({ id, sequence }: SessionWrite, index: LogIndex): Verdict {
    this.#enter(index);
    const session = this.#open.get(id);
    if (session === undefined) return 'expired';
    if (session.answers.has(sequence)) return 'repeated';
    if (sequence <= session.floor) {
      this.#refused.add(id);
      return 'forgotten';
    }
    session.lastUsed = index;
    this.#open.delete(id);
    this.#open.set(id, session);
    forget(session, sequence - session.window);
    return 'fresh';
  }

  answered({ id, sequence }: SessionWrite, response: Response): void {
    const session = this.#open.get(id);
    if (session === undefined || sequence <= session.floor) return;
    const text = JSON.stringify(response);
    // A byte before it says how the rest is encoded.
    session.answers.set(sequence, { text, bytes: 1 + Buffer.byteLength(text) });
  }

  /** Whether whoever writes in this session may be told that it is over, or its write too late. */
  mayRefuse(id: LogIndex): boolean {
    return !this.#open.has(id) || this.#refused.has(id);
  }

  /** All that is remembered, in an order that says nothing. */
  get picture(): string {
    if (this.#stretch < 0) return 'none';
    const head = [this.#maxSessions, this.#maxBytes, this.#stretch];
    const sessions = [...this.#open].map(([id, { lastUsed, floor, window, answers }]) => [
      id,
      lastUsed,
      floor,
      window,
      [...answers].toSorted(byNumber).map(([number, { text }]) => [number, text]),
    ]);
    return JSON.stringify([head, sessions]);
  }

  /** Weights are looked at before the first entry of a session in each stretch of the log. */
  #enter(index: LogIndex): void {
    const stretch = Math.floor(index / stretchLength);
    if (stretch === this.#stretch) return;
    this.#stretch = stretch;
    while (this.#open.size > 1 && this.#weight > this.#maxBytes) this.#endOldest();
    const [last] = this.#open.values();
    if (last === undefined) return;
    const answers = [...last.answers].toSorted(byNumber);
    for (const [number] of answers.slice(0, -1)) {
      if (this.#weight <= this.#maxBytes) return;
      forget(last, number);
    }
  }

  #endOldest(): void {
    const [id] = this.#open.keys();
    if (id !== undefined) this.#open.delete(id);
  }

  get #weight(): number {
    let weight = 0;
    for (const { answers } of this.#open.values()) {
      weight += overheadBytes;
      for (const { bytes } of answers.values()) weight += overheadBytes + bytes;
    }
    return weight;
  }
}

/** Drops the answers up to `floor`. */
function forget(session: OpenSession, floor: number): void {
  if (floor <= session.floor) return;
  session.floor = floor;
  for (const number of session.answers.keys()) if (number <= floor) session.answers.delete(number);
}

function byNumber([one]: readonly [number, unknown], [other]: readonly [number, unknown]): number {
  return one - other;
}
