import type { LogStore, LogWrite } from '../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../core/types.ts';
import { buggify, mark } from '../platform/sites.ts';
import { isOfLineage, type Lineage } from './lineage.ts';
import { frameBytes, LogTail } from './log-tail.ts';

/** What the core asks to be written: vote, then truncate, then append. */
export interface Write {
  readonly write: number;
  readonly vote?: Vote;
  readonly truncate?: LogIndex;
  readonly append?: readonly Entry[];
}

/** The start of the log goes: a snapshot has it. */
interface Purge {
  readonly purge: LogId;
  /** Nothing is left after it, whatever the store holds there. */
  readonly all: boolean;
}

export interface LogOptions {
  readonly store: LogStore;
  readonly identity: Identity;
  readonly last: LogIndex;
  readonly tailCacheBytes: number;
  /** Every write up to this number is durable. */
  readonly onPersisted: (write: number) => void;
  /** Everything up to `logId` is gone from the store. */
  readonly onPurged: (logId: LogId) => void;
  readonly onFailure: (cause: unknown) => void;
}

/**
 * The log of one node, memory and disk together. Entries can be read as soon as `persist` was
 * called; the disk follows. Everything that arrives during one write is the next (group commit).
 */
export class Log {
  readonly #options: LogOptions;
  readonly #tail: LogTail;
  #identity: Identity;
  /** The cluster of the leader that called last, while this disk belongs to none. */
  #met: Lineage | undefined = undefined;
  /** The identity is known in memory and not written down yet. */
  #isIdentityNew = false;
  #waiting: (Write | Purge)[] = [];
  /** The one loop that writes; there is never a second, since writes must not overlap. */
  #loop: Promise<void> | undefined = undefined;
  #isOnItsWay = false;
  #purgedTo: LogIndex = 0;
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

  /** Entries up to here have gone since the start, or are about to: nobody can read them. */
  get purgedTo(): LogIndex {
    return this.#purgedTo;
  }

  /** A write is on its way to the disk, or waits for one that is. */
  get isWriting(): boolean {
    return this.#isOnItsWay || this.#waiting.length > 0;
  }

  persist(write: Write): void {
    if (write.truncate !== undefined) this.#tail.truncate(write.truncate);
    if (write.append !== undefined) this.#tail.append(write.append);
    this.#enqueue(write);
  }

  /** Removes everything up to `logId`; with `all` what lies behind it too. In order with writes. */
  purge(logId: LogId, { all }: { all: boolean }): void {
    this.#purgedTo = logId.index;
    this.#tail.purge(logId.index, { all });
    this.#enqueue({ purge: logId, all });
  }

  /** A leader calls, whose cluster this disk may come to belong to. */
  meet({ cluster, formerly }: Lineage): void {
    if (this.#identity.cluster !== undefined) return;
    this.#met = formerly === undefined ? { cluster } : { cluster, formerly };
  }

  /** The disk belongs to this cluster from now on; it is written down with the next write. */
  joinCluster(cluster: string): void {
    if (this.#identity.cluster !== undefined) return;
    const met = this.#met;
    // What a leader sends may be from before its cluster was recovered.
    const lineage = met !== undefined && isOfLineage(met, cluster) ? met : { cluster };
    this.#identity = { ...this.#identity, ...lineage };
    this.#isIdentityNew = true;
  }

  /**
   * Returns the entries from `from` (in) to `to` (out), at least one of them and no more than
   * `maxBytes`: at once if they are in memory, else from the store.
   */
  read(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | Promise<Entry[]> {
    // The first entry comes in any case.
    if (buggify('log.readOne')) return this.#read(from, from + 1, maxBytes);
    return this.#read(from, to, maxBytes);
  }

  #read(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] | Promise<Entry[]> {
    if (from >= this.#tail.first) return this.#tail.read(from, to, maxBytes);
    mark('log.readFromStore');
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

  #enqueue(step: Write | Purge): void {
    this.#waiting.push(step);
    this.#loop ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const { writes, purge } = this.#takeGroup();
        this.#isOnItsWay = true;
        if (purge === undefined) await this.#write(writes);
        else await this.#options.store.purge(purge.purge);
        this.#isOnItsWay = false;
        // What these reports lead to waits for the next round of this loop.
        if (purge === undefined) this.#options.onPersisted((writes.at(-1) as Write).write);
        else this.#options.onPurged(purge.purge);
      }
      this.#loop = undefined;
    } catch (cause) {
      this.#isOnItsWay = false;
      this.#isClosed = true;
      this.#options.onFailure(cause);
    }
  }

  /** Takes the writes up to the next purge, or that purge if it is first. */
  #takeGroup(): { writes: readonly Write[]; purge?: Purge } {
    const [first] = this.#waiting;
    if (first !== undefined && 'purge' in first) {
      this.#waiting.shift();
      return { writes: [], purge: first };
    }
    const purge = this.#waiting.findIndex((step) => 'purge' in step);
    const end = buggify('log.noGroup') ? 1 : purge;
    const taken = end < 0 ? this.#waiting : this.#waiting.slice(0, end);
    this.#waiting = end < 0 ? [] : this.#waiting.slice(end);
    return { writes: taken as Write[] };
  }

  /** Writes what all of `writes` come to: in one call, if the store takes several parts at once. */
  async #write(writes: readonly Write[]): Promise<void> {
    if (writes.length > 1) mark('log.severalWritesAtOnce');
    const merged = mergeWrites(writes);
    await save(this.#options.store, { ...this.#newIdentity(writes), ...merged });
    const written = merged.append?.at(-1)?.logId.index ?? 0;
    const last = this.#lastKept(written);
    const { tailCacheBytes } = this.#options;
    this.#tail.written(last, buggify('log.dropTail') ? 0 : tailCacheBytes);
  }

  /** What a later step removes is on the disk only in its old form. */
  #lastKept(written: LogIndex): LogIndex {
    let last = written;
    for (const step of this.#waiting) {
      const kept = 'purge' in step ? step.all && step.purge.index : step.truncate;
      if (typeof kept !== 'number' || kept >= last) continue;
      mark('log.truncatedBeforeWritten');
      last = kept;
    }
    return last;
  }

  /** The identity, if it has to be saved because its cluster is known now. */
  #newIdentity(writes: readonly Write[]): Pick<LogWrite, 'identity'> {
    const cluster = this.#identity.cluster ?? clusterIn(writes);
    if (cluster !== undefined) this.joinCluster(cluster);
    if (!this.#isIdentityNew) return {};
    this.#isIdentityNew = false;
    return { identity: this.#identity };
  }
}

/** A store that cannot take several parts at once gets them one after the other. */
export async function save(store: LogStore, write: LogWrite): Promise<void> {
  const { identity, vote, truncate, append } = write;
  const hasMoreThanEntries = (identity ?? vote ?? truncate) !== undefined;
  if (hasMoreThanEntries && store.write !== undefined) return store.write(write);
  if (identity !== undefined) await store.saveIdentity(identity);
  if (vote !== undefined) await store.saveVote(vote);
  if (truncate !== undefined) await store.truncate(truncate);
  if (append !== undefined) await store.append(append);
}

/**
 * What writes come to that follow one another and are acknowledged together: the newest vote, the
 * deepest truncation of what is stored, and the entries that no later one of them cuts off.
 *
 *     append 4 5 6, truncate 4, append 5' 6'            comes to   append 4 5' 6'
 *     truncate 7, append 8' 9', truncate 5, append 6"   comes to   truncate 5, append 6"
 */
function mergeWrites(writes: readonly Write[]): Pick<LogWrite, 'vote' | 'truncate' | 'append'> {
  const [only] = writes;
  if (writes.length === 1 && only !== undefined) {
    const { write: _, ...parts } = only;
    return parts;
  }
  const merged: { vote?: Vote; truncate?: LogIndex; append?: readonly Entry[] } = {};
  const entries: Entry[] = [];
  for (const { vote, truncate, append } of writes) {
    if (vote !== undefined) merged.vote = vote;
    if (truncate !== undefined) {
      const before = (entries[0]?.logId.index ?? Infinity) - 1;
      if (truncate < before) merged.truncate = Math.min(merged.truncate ?? truncate, truncate);
      entries.length = Math.max(0, Math.min(entries.length, truncate - before));
    }
    for (const entry of append ?? []) entries.push(entry);
  }
  if (entries.length > 0) merged.append = entries;
  return merged;
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
