import type { ByteString } from '../bytes.ts';
import type { LeaseId } from '../types.ts';
import { DigestSum, finish, highPart, mix } from './digest.ts';
import type { StoredKey } from './versions.ts';

/** What a grant made. */
export type GrantedLease = Pick<StoredLease, 'id' | 'ttl' | 'grantedAt'>;

/** A lease as the store knows it: when it ends is not for the store to say. */
export interface StoredLease {
  readonly id: LeaseId;
  /** Whole seconds. */
  readonly ttl: number;
  /** The index of the entry of the log that granted it; 0: not known any more. */
  readonly grantedAt: number;
  /** The keys that are attached to it, in order. */
  readonly keys: readonly ByteString[];
}

interface Lease {
  readonly id: LeaseId;
  readonly ttl: number;
  /** Not in the digest: snapshots of the first format do not have it. */
  readonly grantedAt: number;
  readonly attached: Set<StoredKey>;
}

/** The leases in the order in which they were granted, and what is attached to each. */
export class LeaseTable {
  readonly digests: DigestSum = new DigestSum();
  readonly #leases = new Map<LeaseId, Lease>();
  /** The store chooses no id below it: none that it chose before. */
  #nextId: LeaseId;

  constructor(nextId: LeaseId = 1) {
    this.#nextId = nextId;
  }

  get count(): number {
    return this.#leases.size;
  }

  get nextId(): LeaseId {
    return this.#nextId;
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  get(id: LeaseId): StoredLease | undefined {
    const lease = this.#leases.get(id);
    if (lease === undefined) return undefined;
    const keys = (): ByteString[] => this.attachedTo(id).map(({ key }) => key);
    return {
      id,
      ttl: lease.ttl,
      grantedAt: lease.grantedAt,
      // Most who ask want the time alone.
      get keys() {
        return keys();
      },
    };
  }

  *all(): Generator<GrantedLease> {
    for (const { id, ttl, grantedAt } of this.#leases.values()) yield { id, ttl, grantedAt };
  }

  /** An id that no lease has. */
  chooseId(): LeaseId {
    while (this.#leases.has(this.#nextId)) this.#nextId += 1;
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  /** Adds a lease whose id no other has. */
  add({ id, ttl, grantedAt }: GrantedLease): void {
    this.#leases.set(id, { id, ttl, grantedAt, attached: new Set() });
    this.digests.add(digestOfLease(id, ttl));
  }

  /** Removes a lease that nothing is attached to any more. */
  remove(id: LeaseId): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    this.#leases.delete(id);
    this.digests.remove(digestOfLease(id, lease.ttl));
  }

  /** The keys that are attached to it, in their order. */
  attachedTo(id: LeaseId): StoredKey[] {
    const attached = this.#leases.get(id)?.attached ?? [];
    return [...attached].sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  /** Moves a key from a lease to another one; 0 is none. */
  move(stored: StoredKey, from: LeaseId, to: LeaseId): void {
    if (from !== 0) this.#leases.get(from)?.attached.delete(stored);
    if (to !== 0) this.#leases.get(to)?.attached.add(stored);
  }
}

export function digestOfLease(id: LeaseId, ttl: number): number {
  return finish(mix(mix(mix(mix(0x1ea5e, id | 0), highPart(id)), ttl | 0), highPart(ttl)));
}
