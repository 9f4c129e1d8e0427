import type { ByteString } from '../bytes.ts';
import type { LeaseId, Revision } from '../types.ts';
import { DigestSum } from './digest.ts';
import { SnapshotFault } from './frame-reader.ts';
import { firstChange } from './history.ts';
import { HistoryBuilder } from './history-builder.ts';
import { KeyTable } from './key-table.ts';
import { KeyTree } from './key-tree.ts';
import { type GrantedLease, LeaseTable } from './lease-table.ts';
import type { Counts } from './snapshot-format.ts';
import { KvState } from './state.ts';
import { ValueMemory } from './value-memory.ts';
import {
  digestOf,
  isNew,
  newKey,
  noValue,
  type StoredKey,
  type StoredVersion,
} from './versions.ts';

export interface SnapshotHead {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  readonly nextLeaseId: LeaseId;
}

/** A version as a snapshot has it; one of 0 is a delete. */
export interface ReadVersion {
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly lease: LeaseId;
  /** In memory that is only lent. */
  readonly value: Buffer;
  readonly valueHash: number;
}

/** Puts a state together from what a snapshot has, in its order, and refuses what cannot be. */
export class StateBuilder {
  readonly #head: SnapshotHead;
  readonly #leases: LeaseTable;
  readonly #history: HistoryBuilder;
  readonly #table = new KeyTable();
  readonly #digests = new DigestSum();
  readonly #values = new ValueMemory();
  readonly #keys: StoredKey[] = [];
  readonly #counts: Counts = { leases: 0, keys: 0, versions: 0 };
  /** The version that was read last, of the last key. */
  #last: StoredVersion | undefined;
  #end: { readonly hash: string } | undefined;

  constructor(head: SnapshotHead) {
    const { revision, compactedRevision, nextLeaseId } = head;
    demand(revision >= firstChange - 1 && compactedRevision <= revision, 'Its revisions are none');
    this.#head = head;
    this.#leases = new LeaseTable(nextLeaseId);
    this.#history = new HistoryBuilder(Math.max(compactedRevision + 1, firstChange), revision);
  }

  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  addLease(lease: GrantedLease): void {
    const { id } = lease;
    demand(id > 0 && !this.#leases.has(id), `It has the lease ${id} twice, or it is none`);
    this.#leases.add(lease);
    this.#counts.leases += 1;
  }

  addKey(key: ByteString, hash: number): void {
    this.#closeKey();
    const before = this.#keys.at(-1);
    demand(key !== '' && (before === undefined || before.key < key), 'Its keys are not in order');
    this.#keys.push(newKey(key, hash));
    this.#counts.keys += 1;
  }

  /** Adds a version of the last key, which is older than those before it. */
  addVersion(read: ReadVersion): void {
    const stored = this.#keys.at(-1);
    const newer = this.#last;
    const { compactedRevision } = this.#head;
    const { createRevision, modRevision, version: count, lease, value } = read;
    if (stored === undefined) throw new SnapshotFault('It has a version before any key.');
    const isCompacted = modRevision <= compactedRevision;
    demand(
      modRevision < (newer?.modRevision ?? this.#head.revision + 1) &&
        modRevision >= firstChange &&
        createRevision <= modRevision &&
        !(isCompacted && count === 0) &&
        (newer === undefined || newer.modRevision > compactedRevision),
      `Its versions of the key ${JSON.stringify(stored.key.slice(0, 100))} are not in order`,
    );
    const digest =
      count === 0
        ? 0
        : digestOf(stored.hash, read.valueHash, createRevision, modRevision, count, lease);
    const version: StoredVersion = {
      of: stored,
      createRevision,
      modRevision,
      version: count,
      lease,
      digest,
      ...noValue,
      before: undefined,
    };
    this.#values.keep(version, value, 0, value.length);
    if (newer === undefined) this.#newest(stored, version);
    else newer.before = version;
    this.#last = version;
    this.#counts.versions += 1;
    if (!isCompacted) this.#history.add(version);
  }

  order(
    revision: Revision,
    runs: readonly { readonly first: number; readonly count: number }[],
  ): void {
    this.#history.order(revision, runs);
  }

  end({ leases, keys, versions }: Counts, hash: string): void {
    this.#closeKey();
    const counts = this.#counts;
    demand(
      counts.leases === leases && counts.keys === keys && counts.versions === versions,
      `It should have ${leases} leases, ${keys} keys and ${versions} versions, and has others`,
    );
    this.#end = { hash };
  }

  /** The state, once the end was read; what is wrong with the whole is found here. */
  finish(): KvState {
    const state = new KvState({
      ...this.#head,
      table: this.#table,
      tree: KeyTree.fromSorted(this.#keys),
      leases: this.#leases,
      history: this.#history.finish(),
      digests: this.#digests,
      values: this.#values,
    });
    const found = state.hash();
    demand(found === this.#end?.hash, `Its hash is ${found} and should be ${this.#end?.hash}`);
    return state;
  }

  #newest(stored: StoredKey, version: StoredVersion): void {
    const { lease } = version;
    stored.newest = version;
    this.#table.add(stored);
    if (version.version === 0) return;
    this.#digests.add(version.digest);
    demand(
      lease === 0 || this.#leases.has(lease),
      `A key is attached to ${lease}, which is no lease`,
    );
    this.#leases.move(stored, 0, lease);
  }

  #closeKey(): void {
    const stored = this.#keys.at(-1);
    demand(stored === undefined || !isNew(stored), 'It has a key without versions');
    this.#last = undefined;
  }
}

function demand(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new SnapshotFault(`${otherwise}.`);
}
