import type { ByteString } from '../bytes.ts';
import { DigestSum, hashOfSums } from '../store/digest.ts';
import { FrameWriter } from '../store/frame-writer.ts';
import { type GrantedLease, LeaseTable } from '../store/lease-table.ts';
import { type Counts, formatVersion, magic, tags } from '../store/snapshot-format.ts';
import { readSnapshot, type SnapshotTaker } from '../store/snapshot-reader.ts';
import type { ReadVersion, SnapshotHead } from '../store/state-builder.ts';
import { digestOf } from '../store/versions.ts';
import type { Revision } from '../types.ts';

/** A store's snapshot in memory. */
export interface MadeContent {
  readonly chunks: readonly Uint8Array[];
  readonly revision: Revision;
  readonly hash: string;
}

/** Half of what numbers hold exactly: the other half is for what is written afterwards. */
const mostBumped = 2 ** 52;

/**
 * The same pairs at a revision that is `bump` higher, with all that was before compacted: whoever
 * watched the old cluster beyond the backup is told `KV_COMPACTED` and reads anew, instead of being
 * told other changes by revisions that it has seen. The next lease has a higher id as well.
 *
 * @throws {DamagedError} as `KvStore.restore` does.
 * @throws {RangeError} if the revision or the next lease became higher than 2^52.
 */
export function bumpRevision(
  content: AsyncIterable<Uint8Array>,
  bump: number,
): Promise<MadeContent> {
  return readSnapshot(content, (head) => new Bumping(head, bump));
}

/** Writes what it takes, but for the past. */
class Bumping implements SnapshotTaker<MadeContent> {
  readonly #writer = new FrameWriter();
  readonly #chunks: Uint8Array[] = [];
  readonly #head: SnapshotHead;
  readonly #leases: LeaseTable;
  readonly #digests = new DigestSum();
  readonly #counts: Counts = { leases: 0, keys: 0, versions: 0 };
  /** Written with its newest version, if that is no delete. */
  #key: { readonly name: ByteString; readonly hash: number } | undefined;
  isEnded = false;

  constructor({ revision, nextLeaseId }: SnapshotHead, bump: number) {
    const bumped = revision + bump;
    const most = Math.max(bumped, nextLeaseId + bump);
    if (most > mostBumped) {
      throw new RangeError(
        `The revision ${revision} cannot go on ${bump} higher: a restored one, and the next lease, may be up to ${mostBumped}. Give a smaller bump; 1000000000 is enough for most.`,
      );
    }
    this.#head = {
      revision: bumped,
      compactedRevision: bumped,
      nextLeaseId: nextLeaseId + bump,
    };
    this.#leases = new LeaseTable(this.#head.nextLeaseId);
    const writer = this.#writer;
    writer.byte(tags.head);
    writer.raw(magic);
    writer.byte(formatVersion);
    writer.number(this.#head.revision);
    writer.number(this.#head.compactedRevision);
    writer.number(this.#head.nextLeaseId);
  }

  addLease(lease: GrantedLease): void {
    const { id, ttl, grantedAt } = lease;
    const writer = this.#writer;
    writer.byte(tags.lease);
    writer.number(id);
    writer.number(ttl);
    writer.number(grantedAt);
    this.#leases.add(lease);
    this.#counts.leases += 1;
    this.#takeIfFull();
  }

  addKey(name: ByteString, hash: number): void {
    this.#key = { name, hash };
  }

  addVersion({ createRevision, modRevision, version, lease, ...read }: ReadVersion): void {
    const key = this.#key;
    this.#key = undefined;
    if (key === undefined || version === 0) return;
    const writer = this.#writer;
    writer.byte(tags.key);
    writer.sized(key.name);
    writer.byte(tags.put);
    for (const number of [modRevision, createRevision, version, lease]) writer.number(number);
    writer.sized(read.value);
    const { valueHash } = read;
    this.#digests.add(digestOf(key.hash, valueHash, createRevision, modRevision, version, lease));
    this.#counts.keys += 1;
    this.#counts.versions += 1;
    this.#takeIfFull();
  }

  order(): void {
    // Of changes that are compacted.
  }

  end(): void {
    this.isEnded = true;
  }

  finish(): MadeContent {
    const { revision, compactedRevision, nextLeaseId } = this.#head;
    const sums = [this.#digests, this.#leases.digests];
    const hash = hashOfSums(sums, [revision, compactedRevision, nextLeaseId]);
    const writer = this.#writer;
    writer.byte(tags.end);
    writer.number(this.#counts.leases);
    writer.number(this.#counts.keys);
    writer.number(this.#counts.versions);
    writer.raw(hash);
    this.#chunks.push(writer.take());
    return { chunks: this.#chunks, revision, hash };
  }

  #takeIfFull(): void {
    if (this.#writer.isFull) this.#chunks.push(this.#writer.take());
  }
}
