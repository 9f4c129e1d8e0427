import type { ByteString } from '../bytes.ts';
import { DigestSum, hashOfSums } from '../store/digest.ts';
import { SnapshotFault } from '../store/frame-reader.ts';
import { type GrantedLease, LeaseTable } from '../store/lease-table.ts';
import type { Counts } from '../store/snapshot-format.ts';
import type { SnapshotTaker } from '../store/snapshot-reader.ts';
import type { ReadVersion, SnapshotHead } from '../store/state-builder.ts';
import { digestOf } from '../store/versions.ts';
import type { Revision } from '../types.ts';

/** What the content of a backup has. */
export interface ContentSummary {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  /** Keys that are there as of the revision. */
  readonly keys: number;
  readonly leases: number;
  readonly hash: string;
}

/**
 * Counts and hashes what a store's snapshot has, without keeping it: memory stays small however
 * large the store is. What it passes over is whether the past is whole; `KvStore.restore` looks at
 * that too.
 */
export class ContentCheck implements SnapshotTaker<ContentSummary> {
  readonly #head: SnapshotHead;
  readonly #leases: LeaseTable;
  readonly #digests = new DigestSum();
  readonly #counts: Counts = { leases: 0, keys: 0, versions: 0 };
  #live = 0;
  #key: { readonly name: ByteString; readonly hash: number; hasVersion: boolean } | undefined;
  #hash: string | undefined;

  constructor(head: SnapshotHead) {
    this.#head = head;
    this.#leases = new LeaseTable(head.nextLeaseId);
  }

  get isEnded(): boolean {
    return this.#hash !== undefined;
  }

  addLease(lease: GrantedLease): void {
    const { id } = lease;
    if (this.#leases.has(id)) throw new SnapshotFault(`It has the lease ${id} twice.`);
    this.#leases.add(lease);
    this.#counts.leases += 1;
  }

  addKey(name: ByteString, hash: number): void {
    if (this.#key !== undefined && this.#key.name >= name) {
      throw new SnapshotFault('Its keys are not in order.');
    }
    this.#key = { name, hash, hasVersion: false };
    this.#counts.keys += 1;
  }

  addVersion({ createRevision, modRevision, version, lease, valueHash }: ReadVersion): void {
    const key = this.#key;
    if (key === undefined) throw new SnapshotFault('It has a version before any key.');
    this.#counts.versions += 1;
    if (key.hasVersion) return;
    key.hasVersion = true;
    if (version === 0) return;
    if (lease !== 0 && !this.#leases.has(lease)) {
      throw new SnapshotFault(`A key is attached to ${lease}, which is no lease.`);
    }
    this.#live += 1;
    this.#digests.add(digestOf(key.hash, valueHash, createRevision, modRevision, version, lease));
  }

  order(): void {
    // It changes nothing of what is counted here.
  }

  end({ leases, keys, versions }: Counts, hash: string): void {
    const counts = this.#counts;
    if (counts.leases !== leases || counts.keys !== keys || counts.versions !== versions) {
      const wanted = `${leases} leases, ${keys} keys and ${versions} versions`;
      throw new SnapshotFault(`It should have ${wanted}, and has others.`);
    }
    this.#hash = hash;
  }

  finish(): ContentSummary {
    const { revision, compactedRevision, nextLeaseId } = this.#head;
    const sums = [this.#digests, this.#leases.digests];
    const hash = hashOfSums(sums, [revision, compactedRevision, nextLeaseId]);
    if (hash !== this.#hash) {
      throw new SnapshotFault(`Its hash is ${hash} and should be ${this.#hash}.`);
    }
    const { leases } = this.#counts;
    return { revision, compactedRevision, keys: this.#live, leases, hash };
  }
}
