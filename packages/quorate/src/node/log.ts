import type { LogStore } from '../contract/log-store.ts';
import type { Entry, Identity, LogIndex, Vote } from '../core/types.ts';
import { frameBytes, LogTail } from './log-tail.ts';

/** What the core asks to be written: vote, then truncate, then append. */
export interface Write {
  readonly write: number;
  readonly vote?: Vote;
  readonly truncate?: LogIndex;
  readonly append?: readonly Entry[];
}

export interface LogOptions {
  readonly store: LogStore;
  readonly identity: Identity;
  readonly last: LogIndex;
  readonly tailCacheBytes: number;
  /** Every write up to this number is durable. */
  readonly onPersisted: (write: number) => void;
  readonly onFailure: (cause: unknown) => void;
}

type Step =
  | { readonly type: 'truncate'; readonly index: LogIndex }
  | { readonly type: 'append'; readonly entries: readonly Entry[] };

/**
 * The log of one node, memory and disk together. Entries can be read as soon as `persist` was
 * called; the disk follows. Everything that arrives during one write is the next (group commit).
 */
export class Log {
  readonly #options: LogOptions;
  readonly #tail: LogTail;
  #identity: Identity;
  #waiting: Write[] = [];
  /** The one loop that writes; there is never a second, since writes must not overlap. */
  #loop: Promise<void> | undefined = undefined;
  #isOnItsWay = false;
  #isClosed = false;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#tail = new LogTail(options.last + 1);
  }

  /** Who this disk belongs to; the cluster is known from the first membership entry on. */
  get identity(): Identity {
    return this.#identity;
  }

  /** A write is on its way to the disk, or waits for one that is. */
  get isWriting(): boolean {
    return this.#isOnItsWay || this.#waiting.length > 0;
  }

  persist(write: Write): void {
    if (write.truncate !== undefined) this.#tail.truncate(write.truncate);
    if (write.append !== undefined) this.#tail.append(write.append);
    this.#waiting.push(write);
    this.#loop ??= this.#writeAll();
  }

  /**
   * Returns the entries from `from` (in) to `to` (out), at least one of them and no more than
   * `maxBytes`: at once if they are in memory, else from the store.
   */
  read(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | Promise<Entry[]> {
    if (from >= this.#tail.first) return this.#tail.read(from, to, maxBytes);
    // A store counts payloads alone; without frames, very many tiny entries would be one call.
    const count = Math.max(1, Math.floor(maxBytes / frameBytes));
    return this.#options.store.read(from, Math.min(to, this.#tail.first, from + count), {
      maxBytes,
    });
  }

  /** Takes no more writes and waits for the one under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#loop;
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const writes = this.#waiting;
        this.#waiting = [];
        this.#isOnItsWay = true;
        await this.#write(writes);
        this.#isOnItsWay = false;
        // What this report leads to waits for the next round of this loop.
        this.#options.onPersisted((writes.at(-1) as Write).write);
      }
      this.#loop = undefined;
    } catch (cause) {
      this.#isOnItsWay = false;
      this.#isClosed = true;
      this.#options.onFailure(cause);
    }
  }

  /** Writes all of `writes`, in order, with as few calls to the store as there can be. */
  async #write(writes: readonly Write[]): Promise<void> {
    const { store } = this.#options;
    const cluster = this.#identity.cluster ?? clusterIn(writes);
    if (cluster !== this.#identity.cluster) {
      this.#identity = { ...this.#identity, cluster };
      await store.saveIdentity(this.#identity);
    }
    const vote = writes.findLast((write) => write.vote !== undefined)?.vote;
    if (vote !== undefined) await store.saveVote(vote);
    for (const step of mergeSteps(writes)) {
      if (step.type === 'truncate') await store.truncate(step.index);
      else await store.append(step.entries);
    }
    let last = lastAppended(writes) ?? 0;
    // What a later write truncates is on the disk only in its old form.
    for (const { truncate } of this.#waiting) last = Math.min(last, truncate ?? last);
    this.#tail.written(last, this.#options.tailCacheBytes);
  }
}

/** Joins what can be one call to the store: appends that follow one another. */
function mergeSteps(writes: readonly Write[]): Step[] {
  const [only] = writes;
  if (writes.length === 1 && only?.append !== undefined && only.truncate === undefined) {
    return [{ type: 'append', entries: only.append }];
  }
  const steps: Step[] = [];
  let entries: Entry[] | undefined;
  for (const { truncate, append } of writes) {
    if (truncate !== undefined) {
      steps.push({ type: 'truncate', index: truncate });
      entries = undefined;
    }
    if (append === undefined) continue;
    if (entries === undefined) {
      entries = [];
      steps.push({ type: 'append', entries });
    }
    for (const entry of append) entries.push(entry);
  }
  return steps;
}

function lastAppended(writes: readonly Write[]): LogIndex | undefined {
  return writes.findLast((write) => write.append !== undefined)?.append?.at(-1)?.logId.index;
}

/** A node belongs to the cluster of the first membership it stores, for good. */
function clusterIn(writes: readonly Write[]): string | undefined {
  for (const { append } of writes) {
    for (const { payload } of append ?? []) {
      if (payload.type === 'membership') return payload.membership.cluster;
    }
  }
  return undefined;
}
