import type { LogStore, LogWrite } from '../contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../core/types.ts';
import { buggify, mark } from '../platform/sites.ts';
import { isOfLineage, type Lineage } from './lineage.ts';
import { frameBytes, LogTail } from './log-tail.ts';
import { isThenable } from './thenable.ts';

/** What the core asks to be written: vote, then truncate, then append. */
export interface Write {
  readonly write: number;
  readonly vote?: Vote;
  readonly truncate?: LogIndex;
  readonly append?: readonly Entry[];
}

/** What is done to the store in one go: writes, or a purge. */
interface Group {
  readonly writes: readonly Write[];
  readonly purge: Purge | undefined;
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
  /** The write that the store is at; there is never a second, since writes must not overlap. */
  #underWay: Promise<void> | undefined = undefined;
  /** The loop is at work further up the stack: who asks from within it only queues. */
  #isLooping = false;
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
    await this.#underWay;
  }

  #enqueue(step: Write | Purge): void {
    if (this.#waiting.length === 0) this.#waiting = [step];
    else this.#waiting.push(step);
    if (!this.#isLooping && this.#underWay === undefined) this.#writeAll(undefined);
  }

  /**
   * Writes all that waits, beginning with the report of what was just `written`. Goes on without a
   * pause as long as the store is done at once.
   */
  #writeAll(written: Group | undefined): void {
    this.#isLooping = true;
    try {
      if (written !== undefined) this.#report(written);
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const group = this.#takeGroup();
        this.#isOnItsWay = true;
        const pending =
          group.purge === undefined
            ? this.#write(group.writes)
            : this.#options.store.purge(group.purge.purge);
        if (pending !== undefined) {
          this.#underWay = this.#goOnAfter(pending, group);
          return;
        }
        this.#report(group);
      }
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#isLooping = false;
    }
  }

  async #goOnAfter(pending: Promise<void>, group: Group): Promise<void> {
    try {
      await pending;
    } catch (cause) {
      this.#underWay = undefined;
      this.#fail(cause);
      return;
    }
    this.#underWay = undefined;
    this.#writeAll(group);
  }

  /** What this leads to waits for the next round of the loop. */
  #report({ writes, purge }: Group): void {
    this.#isOnItsWay = false;
    if (purge === undefined) this.#options.onPersisted((writes.at(-1) as Write).write);
    else this.#options.onPurged(purge.purge);
  }

  #fail(cause: unknown): void {
    this.#isOnItsWay = false;
    this.#isClosed = true;
    this.#options.onFailure(cause);
  }

  /** Takes the writes up to the next purge, or that purge if it is first. */
  #takeGroup(): Group {
    const first = this.#waiting[0];
    if (this.#waiting.length === 1 && first !== undefined && !('purge' in first)) {
      this.#waiting = [];
      return { writes: [first], purge: undefined };
    }
    if (first !== undefined && 'purge' in first) {
      this.#waiting.shift();
      return { writes: [], purge: first };
    }
    const purge = this.#waiting.findIndex((step) => 'purge' in step);
    const end = buggify('log.noGroup') ? 1 : purge;
    const taken = end < 0 ? this.#waiting : this.#waiting.slice(0, end);
    this.#waiting = end < 0 ? [] : this.#waiting.slice(end);
    return { writes: taken as Write[], purge: undefined };
  }

  /** Writes what all of `writes` come to: in one call, if the store takes several parts at once. */
  #write(writes: readonly Write[]): Promise<void> | undefined {
    if (writes.length > 1) mark('log.severalWritesAtOnce');
    const merged = mergeWrites(writes);
    const identity = this.#newIdentity(writes);
    const pending = save(
      this.#options.store,
      identity === undefined ? merged : { identity, ...merged },
    );
    if (pending === undefined) {
      this.#wrote(merged);
      return undefined;
    }
    return pending.then(() => this.#wrote(merged));
  }

  #wrote({ append }: LogWrite): void {
    const last = this.#lastKept(append?.at(-1)?.logId.index ?? 0);
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
  #newIdentity(writes: readonly Write[]): Identity | undefined {
    const cluster = this.#identity.cluster ?? clusterIn(writes);
    if (cluster !== undefined) this.joinCluster(cluster);
    if (!this.#isIdentityNew) return undefined;
    this.#isIdentityNew = false;
    return this.#identity;
  }
}

/**
 * A store that cannot take several parts at once gets them one after the other. Returns nothing if
 * the store is done at once.
 */
export function save(store: LogStore, write: LogWrite): Promise<void> | undefined {
  const { identity, vote, truncate, append } = write;
  const hasMoreThanEntries = (identity ?? vote ?? truncate) !== undefined;
  if (!hasMoreThanEntries) return append === undefined ? undefined : promised(store.append(append));
  return store.write === undefined ? saveSingly(store, write) : promised(store.write(write));
}

/** What a store returned: a promise, or whatever stands for "done". */
function promised(pending: Promise<void> | void): Promise<void> | undefined {
  return isThenable(pending) ? pending : undefined;
}

async function saveSingly(store: LogStore, write: LogWrite): Promise<void> {
  const { identity, vote, truncate, append } = write;
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
  const only = writes[0];
  if (
    writes.length === 1 &&
    only?.append !== undefined &&
    (only.vote ?? only.truncate) === undefined
  )
    return { append: only.append };
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
