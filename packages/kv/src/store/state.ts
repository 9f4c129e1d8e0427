import { bufferOf } from '../bytes.ts';
import type { LeaseId, Revision } from '../types.ts';
import { DigestSum, hashOf, hashOfSums } from './digest.ts';
import { firstChange, History } from './history.ts';
import { KeyTable } from './key-table.ts';
import { KeyTree } from './key-tree.ts';
import { LeaseTable } from './lease-table.ts';
import { noSlab, ValueMemory } from './value-memory.ts';
import {
  digestOf,
  isLive,
  isNew,
  newKey,
  noValue,
  type StoredKey,
  type StoredVersion,
  type ValueSource,
} from './versions.ts';

/** As many compacted changes are let go of with each command, at least. */
const leastTrimmed = 1024;
/** And so many for each change of the command, so that letting go keeps up with what is new. */
const trimmedPerChange = 2;

/** What a state is made of when it is not a new one. */
export interface StateParts {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  readonly table: KeyTable;
  readonly tree: KeyTree;
  readonly leases: LeaseTable;
  readonly history: History;
  readonly digests: DigestSum;
  readonly values: ValueMemory;
}

/** While it is in use, versions that the state does not need any more are not let go of. */
export interface Reading {
  isOver: boolean;
}

/**
 * All pairs, their history, and the leases. Changes are made one after the other and take effect as
 * one revision with `commit`; in between, reads see what was changed so far.
 */
export class KvState {
  readonly tree: KeyTree;
  readonly leases: LeaseTable;
  readonly history: History;
  readonly #table: KeyTable;
  /** Of the newest version of each live key. */
  readonly #digests: DigestSum;
  readonly #values: ValueMemory;
  #revision: Revision;
  #compactedRevision: Revision;
  /** The changes of the revision that is being made. */
  #changes: StoredVersion[] = [];
  /** How many changes of the oldest revision that is to be let go of are done with. */
  #trimmedOfFirst = 0;
  #changesSinceTrim = 0;
  /** Weak: whoever forgets to end a reading must not keep the past in memory for ever. */
  #readings: WeakRef<Reading>[] = [];

  constructor(parts?: StateParts) {
    this.tree = parts?.tree ?? new KeyTree();
    this.leases = parts?.leases ?? new LeaseTable();
    this.history = parts?.history ?? new History();
    this.#table = parts?.table ?? new KeyTable();
    this.#digests = parts?.digests ?? new DigestSum();
    this.#values = parts?.values ?? new ValueMemory();
    this.#revision = parts?.revision ?? firstChange - 1;
    this.#compactedRevision = parts?.compactedRevision ?? 0;
  }

  /** The newest revision; in a transaction that has changed something, the one that it makes. */
  get revision(): Revision {
    return this.#changes.length === 0 ? this.#revision : this.#revision + 1;
  }

  /** What happened up to it is forgotten; how the pairs were then is not. */
  get compactedRevision(): Revision {
    return this.#compactedRevision;
  }

  /** The key with the bytes `from..to`, which have this hash. */
  find(hash: number, bytes: Buffer, from: number, to: number): StoredKey | undefined {
    return this.#table.find(hash, bytes, from, to);
  }

  findKey(key: Uint8Array): StoredKey | undefined {
    return this.#table.find(hashOf(key), bufferOf(key), 0, key.byteLength);
  }

  /** The key, which is made if it is not there. It must be put at once. */
  keyFor(hash: number, bytes: Buffer, from: number, to: number): StoredKey {
    const stored = this.#table.find(hash, bytes, from, to);
    return stored ?? newKey(bytes.toString('latin1', from, to), hash);
  }

  /** Puts the key and makes a revision of that alone. Nothing may have been changed before it. */
  putAlone(stored: StoredKey, value: ValueSource, lease: LeaseId): Revision {
    const revision = this.#revision + 1;
    this.history.push(this.#put(stored, value, lease, revision));
    this.#changesSinceTrim += 1;
    this.#revision = revision;
    return revision;
  }

  put(stored: StoredKey, value: ValueSource, lease: LeaseId): void {
    this.#changes.push(this.#put(stored, value, lease, this.#revision + 1));
  }

  /** Deletes a key that is live. */
  delete(stored: StoredKey): void {
    const { newest } = stored;
    this.#digests.remove(newest.digest);
    this.leases.move(stored, newest.lease, 0);
    const tombstone: StoredVersion = {
      of: stored,
      createRevision: 0,
      modRevision: this.#revision + 1,
      version: 0,
      lease: 0,
      digest: 0,
      ...noValue,
      before: newest,
    };
    stored.newest = tombstone;
    this.tree.count(stored.key, -1);
    this.#changes.push(tombstone);
  }

  /** Makes a revision of what was changed, if anything was, and returns the newest one. */
  commit(): Revision {
    const changes = this.#changes;
    if (changes.length === 0) return this.#revision;
    this.#changes = [];
    this.history.push(changes.length === 1 ? (changes[0] as StoredVersion) : changes);
    this.#changesSinceTrim += changes.length;
    this.#revision += 1;
    return this.#revision;
  }

  /** Forgets what happened up to `revision`, which must be above the one before it. */
  compact(revision: Revision): void {
    this.#compactedRevision = revision;
  }

  /**
   * Lets go of some of what is compacted, so that no compaction takes long. No read can tell how
   * far it has come.
   */
  trim(): void {
    let budget = leastTrimmed + trimmedPerChange * this.#changesSinceTrim;
    this.#changesSinceTrim = 0;
    const { history } = this;
    if (history.first > this.#compactedRevision || this.#isBeingRead()) return;
    while (history.first <= this.#compactedRevision && history.first < history.next && budget > 0) {
      const changes = history.at(history.first);
      const to = Math.min(changes.length, this.#trimmedOfFirst + budget);
      for (let at = this.#trimmedOfFirst; at < to; at += 1) {
        this.#letGo(changes[at] as StoredVersion);
      }
      budget -= to - this.#trimmedOfFirst;
      this.#trimmedOfFirst = to;
      if (to < changes.length) return;
      this.#trimmedOfFirst = 0;
      history.dropFirst();
    }
  }

  /** Nothing that can be read now is let go of before the reading is over, or forgotten. */
  beginReading(): Reading {
    const reading = { isOver: false };
    this.#readings.push(new WeakRef(reading));
    return reading;
  }

  /** A hash of all live pairs with their revisions, the leases, and all numbers of the state. */
  hash(): string {
    const numbers = [this.#revision, this.#compactedRevision, this.leases.nextId];
    return hashOfSums([this.#digests, this.leases.digests], numbers);
  }

  #put(stored: StoredKey, value: ValueSource, lease: LeaseId, revision: Revision): StoredVersion {
    const before = stored.newest;
    const wasLive = before.version > 0;
    const createRevision = wasLive ? before.createRevision : revision;
    const version = before.version + 1;
    const digest = digestOf(stored.hash, value.hash, createRevision, revision, version, lease);
    const isFirst = isNew(stored);
    const newest: StoredVersion = {
      of: stored,
      createRevision,
      modRevision: revision,
      version,
      lease,
      digest,
      slab: noSlab,
      at: 0,
      size: 0,
      before: isFirst ? undefined : before,
    };
    this.#values.keep(newest, value.bytes, value.from, value.to);
    stored.newest = newest;
    if (wasLive) this.#digests.remove(before.digest);
    else this.#appear(stored, isFirst);
    this.#digests.add(digest);
    if (before.lease !== lease) this.leases.move(stored, before.lease, lease);
    return newest;
  }

  #appear(stored: StoredKey, isFirst: boolean): void {
    if (isFirst) {
      this.tree.add(stored);
      this.#table.add(stored);
    } else this.tree.count(stored.key, 1);
  }

  /** Of a change that is compacted: what it replaced, and the key if this deleted it. */
  #letGo(version: StoredVersion): void {
    const { of: stored, before } = version;
    if (before !== undefined) this.#values.release(before);
    version.before = undefined;
    if (stored.newest !== version || isLive(stored)) return;
    this.tree.remove(stored.key);
    this.#table.remove(stored);
  }

  #isBeingRead(): boolean {
    if (this.#readings.length === 0) return false;
    this.#readings = this.#readings.filter((reading) => reading.deref()?.isOver === false);
    return this.#readings.length > 0;
  }
}
