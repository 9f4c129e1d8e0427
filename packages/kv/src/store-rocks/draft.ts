import type { ByteString } from '../bytes.ts';
import { DigestSum, hashOf, hashOfSums } from '../store/digest.ts';
import type { KeySpan } from '../store/key-span.ts';
import { digestOf } from '../store/versions.ts';
import type { EventType, LeaseId, Revision } from '../types.ts';
import { Cursor } from './cursor.ts';
import { type LeaseBook, LeaseDraft } from './lease-book.ts';
import { attachedRows, decodeVersion, keyOfAttachedRow, keyOfLiveRow, liveRows } from './rows.ts';
import type { Look, Source, VisitOptions } from './source.ts';
import { isLive, tombstone, type Version } from './version.ts';
import type { View } from './view.ts';

/** A key that a batch has to do with. */
export interface Slot {
  /** What it was before the batch, if it was live. */
  readonly base: Version | undefined;
  /** What the batch has made of it, one after another. */
  readonly changes: Version[];
}

/** What a put makes of a key. */
export interface NewPair {
  readonly value: Uint8Array;
  readonly lease: LeaseId;
  /** The hash of the key. */
  readonly keyHash: number;
}

/** A change, and the live version that it replaced. */
export interface Change {
  readonly type: EventType;
  readonly key: ByteString;
  readonly version: Version;
  readonly before: Version | undefined;
}

/** What one revision changed, in order. */
export interface ChangedRevision {
  readonly revision: Revision;
  readonly changes: readonly Change[];
}

/** The state at the begin of a batch. */
export interface DraftBase {
  readonly view: View;
  readonly digests: DigestSum;
  readonly book: LeaseBook;
}

const none: readonly ByteString[] = [];

/**
 * The state while a batch of commands is applied: what they change lies over what was before, and
 * nobody else sees it until it is written. Changes take effect as one revision with `commit`.
 */
export class Draft implements Source {
  readonly view: View;
  readonly leases: LeaseDraft;
  readonly digests: DigestSum;
  readonly slots: Map<ByteString, Slot> = new Map();
  readonly history: ChangedRevision[] = [];
  #revision: Revision;
  #compactedRevision: Revision;
  /** The changes of the revision that is being made. */
  #open: Change[] = [];
  /** Keys with changes, in order, if none was added since. */
  #sorted: readonly ByteString[] | undefined = none;
  readonly #changed: ByteString[] = [];

  constructor({ view, digests, book }: DraftBase) {
    this.view = view;
    this.leases = new LeaseDraft(book);
    this.digests = new DigestSum(digests.low, digests.high);
    this.#revision = view.revision;
    this.#compactedRevision = view.compactedRevision;
  }

  get revision(): Revision {
    return this.#open.length === 0 ? this.#revision : this.#revision + 1;
  }

  get compactedRevision(): Revision {
    return this.#compactedRevision;
  }

  /** Keys that were changed, each once. */
  get changedKeys(): readonly ByteString[] {
    return this.#changed;
  }

  /** Brings the keys into memory, all at once. */
  async load(keys: readonly ByteString[]): Promise<void> {
    const missing = keys.filter((key) => !this.slots.has(key));
    if (missing.length === 0) return;
    const found = await this.view.newestOf(missing);
    for (const [at, key] of missing.entries())
      this.slots.set(key, { base: found[at], changes: [] });
  }

  /** Of a key that is in memory; `undefined` if it is not. */
  slot(key: ByteString): Slot | undefined {
    return this.slots.get(key);
  }

  async slotOf(key: ByteString): Promise<Slot> {
    const known = this.slots.get(key);
    if (known !== undefined) return known;
    const slot = { base: await this.view.newest(key), changes: [] };
    this.slots.set(key, slot);
    return slot;
  }

  /** Of a key that was just read from here. */
  slotFor(newest: Version): Slot {
    const known = this.slots.get(newest.key);
    if (known !== undefined) return known;
    const slot = { base: newest, changes: [] };
    this.slots.set(newest.key, slot);
    return slot;
  }

  async newest(key: ByteString): Promise<Version | undefined> {
    return newestOf(await this.slotOf(key));
  }

  async at(key: ByteString, revision: Revision): Promise<Version | undefined> {
    if (revision <= this.view.revision) return this.view.at(key, revision);
    return asOf(await this.slotOf(key), revision);
  }

  async visit(span: KeySpan, at: Revision, look: Look, options: VisitOptions = {}): Promise<void> {
    if (at <= this.view.revision) return this.view.visit(span, at, look, options);
    if (span.to !== undefined && span.to <= span.from) return;
    const { isDown = false } = options;
    const keys = this.#changedIn(span);
    if (isDown) keys.reverse();
    const rows = new Cursor(this.view.moment, liveRows(span), options);
    let next = 0;
    for (;;) {
      if (rows.needsLoad) await rows.load();
      const { entry } = rows;
      const below = entry === undefined ? undefined : keyOfLiveRow(entry[0]);
      const above = keys[next];
      if (below === undefined && above === undefined) return;
      const isAbove = above !== undefined && (below === undefined || comes(above, below, isDown));
      const version = isAbove
        ? asOf(this.slots.get(above) as Slot, at)
        : decodeVersion(below as ByteString, entry?.[1] as Uint8Array);
      if (isAbove) next += 1;
      if (!isAbove || above === below) rows.next();
      if (version !== undefined && !look(version)) return;
    }
  }

  counting(span: KeySpan): () => Promise<number> {
    const below = this.view.counting(span);
    let more = 0;
    for (const key of this.#changedIn(span)) more += livenessOf(this.slots.get(key) as Slot);
    return async () => (await below()) + more;
  }

  /** The keys that are attached to a lease, in their order. */
  async attachedTo(lease: LeaseId): Promise<ByteString[]> {
    const keys = new Set<ByteString>();
    const rows = new Cursor(this.view.moment, attachedRows(lease));
    for (;;) {
      if (rows.needsLoad) await rows.load();
      if (rows.entry === undefined) break;
      keys.add(keyOfAttachedRow(rows.entry[0]));
      rows.next();
    }
    for (const key of this.#changed) {
      if (newestOf(this.slots.get(key) as Slot)?.lease === lease) keys.add(key);
      else keys.delete(key);
    }
    return [...keys].sort();
  }

  /** Puts a key whose slot this is. `value` is kept, so it must not change. */
  put(key: ByteString, slot: Slot, { value, lease, keyHash }: NewPair): void {
    const before = newestOf(slot);
    const modRevision = this.#revision + 1;
    const createRevision = before?.createRevision ?? modRevision;
    const version = (before?.version ?? 0) + 1;
    const digest = digestOf(keyHash, hashOf(value), createRevision, modRevision, version, lease);
    this.digests.add(digest);
    const pair = { key, createRevision, modRevision, version, lease, value, digest };
    this.#change(slot, pair, before);
  }

  /** Deletes a key that is live. */
  delete(key: ByteString, slot: Slot): void {
    this.#change(slot, tombstone(key, this.#revision + 1), newestOf(slot));
  }

  /** Makes a revision of what was changed, if anything was, and returns the newest one. */
  commit(): Revision {
    if (this.#open.length === 0) return this.#revision;
    this.#revision += 1;
    this.history.push({ revision: this.#revision, changes: this.#open });
    this.#open = [];
    return this.#revision;
  }

  compact(revision: Revision): void {
    this.#compactedRevision = revision;
  }

  hash(): string {
    const numbers = [this.#revision, this.#compactedRevision, this.leases.nextId];
    return hashOfSums([this.digests, this.leases.digests], numbers);
  }

  #change(slot: Slot, version: Version, before: Version | undefined): void {
    if (before !== undefined) this.digests.remove(before.digest);
    if (slot.changes.length === 0) {
      this.#changed.push(version.key);
      this.#sorted = undefined;
    }
    slot.changes.push(version);
    const type = version.version === 0 ? 'delete' : 'put';
    this.#open.push({ type, key: version.key, version, before });
  }

  #changedIn({ from, to }: KeySpan): ByteString[] {
    this.#sorted ??= [...this.#changed].sort();
    return this.#sorted.filter((key) => key >= from && (to === undefined || key < to));
  }
}

/** The live version of the key, if there is one. */
export function newestOf({ base, changes }: Slot): Version | undefined {
  const last = changes.at(-1) ?? base;
  return isLive(last) ? last : undefined;
}

/** How many more live keys there are for what the batch has done. */
export function livenessOf(slot: Slot): -1 | 0 | 1 {
  const [was, is] = [Number(slot.base !== undefined), Number(newestOf(slot) !== undefined)];
  return (is - was) as -1 | 0 | 1;
}

function asOf({ base, changes }: Slot, revision: Revision): Version | undefined {
  const found = changes.findLast(({ modRevision }) => modRevision <= revision) ?? base;
  return isLive(found) ? found : undefined;
}

function comes(above: ByteString, below: ByteString, isDown: boolean): boolean {
  return isDown ? above >= below : above <= below;
}
