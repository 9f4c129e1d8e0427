import type { StateFilling } from '@quorate/rocksdb';
import { type ByteString, bytesOf } from '../bytes.ts';
import { DigestSum, hashOfSums } from '../store/digest.ts';
import { SnapshotFault } from '../store/frame-reader.ts';
import { digestOfLease, type GrantedLease } from '../store/lease-table.ts';
import type { Counts } from '../store/snapshot-format.ts';
import { readSnapshot, type SnapshotName, type SnapshotTaker } from '../store/snapshot-reader.ts';
import type { ReadVersion, SnapshotHead } from '../store/state-builder.ts';
import { digestOf } from '../store/versions.ts';
import type { LeaseId, Revision } from '../types.ts';
import { checkHistory } from './history-check.ts';
import { encodeOrder, type Run } from './orders.ts';
import {
  attachedRow,
  changeRow,
  countRow,
  encodeChange,
  encodeLease,
  encodeNumbers,
  encodeVersion,
  leaseRow,
  liveRow,
  numbersRow,
  orderRow,
  trimmedRow,
  versionRow,
} from './rows.ts';
import { encodeStateNumbers } from './state-numbers.ts';
import { noBytes, type Version } from './version.ts';

/** The first revision that can have changed anything. */
const firstChange: Revision = 2;
/** Live keys of one row of counts. */
const keysOfCount = 512;

/**
 * Fills a state with a snapshot's content, with little of it in memory at a time.
 *
 * @throws {DamagedError} that says what is wrong, and about where.
 */
export async function fillFromSnapshot(
  next: StateFilling,
  chunks: AsyncIterable<Uint8Array>,
  name?: SnapshotName,
): Promise<void> {
  const written = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      yield chunk;
      // What the chunk brought has been put when the next one is asked for.
      await next.writeIfFull();
    }
  };
  await readSnapshot(written(), (head) => new Restoring(head, next), name);
}

/** Puts the rows of what a snapshot has, in its order, and refuses what cannot be. */
class Restoring implements SnapshotTaker<Promise<void>> {
  readonly #head: SnapshotHead;
  readonly #next: StateFilling;
  readonly #leases = new Set<LeaseId>();
  readonly #leaseDigests = new DigestSum();
  readonly #digests = new DigestSum();
  readonly #counts: Counts = { leases: 0, keys: 0, versions: 0 };
  #key: { readonly name: ByteString; readonly hash: number; hasVersion: boolean } | undefined;
  /** The version that was read last, of the last key; what came before it is not known yet. */
  #last: Version | undefined;
  #hash: string | undefined;
  /** The row of counts that is being counted. */
  #stretch: { readonly from: ByteString; count: number } = { from: '', count: 0 };

  constructor(head: SnapshotHead, next: StateFilling) {
    const { revision, compactedRevision } = head;
    demand(revision >= firstChange - 1 && compactedRevision <= revision, 'Its revisions are none');
    this.#head = head;
    this.#next = next;
  }

  get isEnded(): boolean {
    return this.#hash !== undefined;
  }

  addLease(lease: GrantedLease): void {
    const { id, ttl } = lease;
    demand(id > 0 && !this.#leases.has(id), `It has the lease ${id} twice, or it is none`);
    this.#leases.add(id);
    this.#leaseDigests.add(digestOfLease(id, ttl));
    this.#counts.leases += 1;
    this.#next.put(leaseRow(this.#counts.leases), encodeLease(lease));
  }

  addKey(name: ByteString, hash: number): void {
    this.#closeKey();
    const before = this.#key?.name;
    demand(name !== '' && (before === undefined || before < name), 'Its keys are not in order');
    this.#key = { name, hash, hasVersion: false };
    this.#counts.keys += 1;
  }

  addVersion(read: ReadVersion): void {
    const key = this.#key;
    if (key === undefined) throw new SnapshotFault('It has a version before any key.');
    key.hasVersion = true;
    const newer = this.#last;
    const { revision, compactedRevision } = this.#head;
    const { createRevision, modRevision, version, lease } = read;
    const isCompacted = modRevision <= compactedRevision;
    demand(
      modRevision < (newer?.modRevision ?? revision + 1) &&
        modRevision >= firstChange &&
        createRevision <= modRevision &&
        !(isCompacted && version === 0) &&
        (newer === undefined || newer.modRevision > compactedRevision),
      `Its versions of the key ${JSON.stringify(key.name.slice(0, 100))} are not in order`,
    );
    const numbers = [createRevision, modRevision, version, lease] as const;
    const digest = version === 0 ? 0 : digestOf(key.hash, read.valueHash, ...numbers);
    const value = typeof read.value === 'string' ? bytesOf(read.value) : read.value;
    const whole = { key: key.name, createRevision, modRevision, version, lease, value, digest };
    if (newer === undefined) this.#newest(whole);
    else {
      this.#change(newer, version === 0 ? 0 : modRevision);
      this.#next.put(versionRow(key.name, modRevision), encodeVersion(whole));
    }
    this.#last = whole;
    this.#counts.versions += 1;
  }

  order(revision: Revision, runs: readonly Run[]): void {
    const { compactedRevision } = this.#head;
    demand(
      revision > compactedRevision && revision <= this.#head.revision,
      `It orders the changes of revision ${revision}, which it has not`,
    );
    this.#closeKey();
    this.#next.put(orderRow(revision), encodeOrder(runs));
  }

  end({ leases, keys, versions }: Counts, hash: string): void {
    this.#closeKey();
    const counts = this.#counts;
    demand(
      counts.leases === leases && counts.keys === keys && counts.versions === versions,
      `It should have ${leases} leases, ${keys} keys and ${versions} versions, and has others`,
    );
    this.#hash = hash;
  }

  async finish(): Promise<void> {
    const { revision, compactedRevision, nextLeaseId: nextId } = this.#head;
    this.#closeStretch();
    const digests = this.#digests;
    const nextPlace = this.#counts.leases + 1;
    const numbers = { revision, compactedRevision, digests, nextId, nextPlace };
    this.#next.put(numbersRow, encodeStateNumbers(numbers));
    this.#next.put(trimmedRow, encodeNumbers([compactedRevision]));
    const moment = await this.#next.moment();
    try {
      await checkHistory(moment, Math.max(compactedRevision + 1, firstChange), revision);
    } finally {
      await moment.release();
    }
    const sums = [this.#digests, this.#leaseDigests];
    const found = hashOfSums(sums, [revision, compactedRevision, nextId]);
    demand(found === this.#hash, `Its hash is ${found} and should be ${this.#hash}`);
  }

  #newest(version: Version): void {
    const { key, lease } = version;
    if (version.version === 0) {
      this.#next.put(versionRow(key, version.modRevision), encodeVersion(version));
      return;
    }
    this.#digests.add(version.digest);
    this.#next.put(liveRow(key), encodeVersion(version));
    if (this.#stretch.count >= keysOfCount) {
      this.#closeStretch();
      this.#stretch = { from: key, count: 0 };
    }
    this.#stretch.count += 1;
    if (lease === 0) return;
    demand(this.#leases.has(lease), `A key is attached to ${lease}, which is no lease`);
    this.#next.put(attachedRow(lease, key), noBytes);
  }

  /** The row of a change that is kept, once it is known what came before it. */
  #change({ key, modRevision, version }: Version, before: Revision): void {
    if (modRevision <= this.#head.compactedRevision) return;
    const note = { isDelete: version === 0, before };
    this.#next.put(changeRow(modRevision, key), encodeChange(note));
  }

  #closeKey(): void {
    const key = this.#key;
    demand(key === undefined || key.hasVersion, 'It has a key without versions');
    if (this.#last !== undefined) this.#change(this.#last, 0);
    this.#last = undefined;
  }

  #closeStretch(): void {
    const { from, count } = this.#stretch;
    this.#next.put(countRow(from), encodeNumbers([count]));
  }
}

function demand(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new SnapshotFault(`${otherwise}.`);
}
