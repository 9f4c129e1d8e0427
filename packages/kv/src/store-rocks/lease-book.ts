import { DigestSum } from '../store/digest.ts';
import { digestOfLease, type GrantedLease } from '../store/lease-table.ts';
import type { LeaseId } from '../types.ts';

/** A lease, and where it stands among the grants. */
export interface BookedLease extends GrantedLease {
  readonly place: number;
}

/** What there is of leases: in memory, since there is a limit to their number. */
export interface LeaseBook {
  /** In the order of the grants. */
  readonly leases: ReadonlyMap<LeaseId, BookedLease>;
  /** The store chooses no id below it. */
  readonly nextId: LeaseId;
  readonly nextPlace: number;
  readonly digests: DigestSum;
}

export function emptyBook(): LeaseBook {
  return { leases: new Map(), nextId: 1, nextPlace: 1, digests: new DigestSum() };
}

/** The book with these leases. */
export function bookOf(
  leases: Iterable<BookedLease>,
  { nextId, nextPlace }: Pick<LeaseBook, 'nextId' | 'nextPlace'>,
): LeaseBook {
  const digests = new DigestSum();
  const all = new Map<LeaseId, BookedLease>();
  for (const lease of leases) {
    all.set(lease.id, lease);
    digests.add(digestOfLease(lease.id, lease.ttl));
  }
  return { leases: all, nextId, nextPlace, digests };
}

/** What a batch makes of the leases; nobody else sees it before it is taken over. */
export class LeaseDraft {
  readonly digests: DigestSum;
  readonly #book: LeaseBook;
  /** In order: `undefined` for what was revoked. */
  readonly #changed = new Map<LeaseId, BookedLease | undefined>();
  readonly #revoked: BookedLease[] = [];
  #nextId: LeaseId;
  #nextPlace: number;

  constructor(book: LeaseBook) {
    this.#book = book;
    this.#nextId = book.nextId;
    this.#nextPlace = book.nextPlace;
    this.digests = new DigestSum(book.digests.low, book.digests.high);
  }

  get nextId(): LeaseId {
    return this.#nextId;
  }

  get nextPlace(): number {
    return this.#nextPlace;
  }

  get(id: LeaseId): BookedLease | undefined {
    return this.#changed.has(id) ? this.#changed.get(id) : this.#book.leases.get(id);
  }

  /** An id that no lease has. */
  chooseId(): LeaseId {
    while (this.get(this.#nextId) !== undefined) this.#nextId += 1;
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  add(lease: GrantedLease): void {
    this.#changed.delete(lease.id);
    this.#changed.set(lease.id, { ...lease, place: this.#nextPlace });
    this.#nextPlace += 1;
    this.digests.add(digestOfLease(lease.id, lease.ttl));
  }

  remove(lease: BookedLease): void {
    this.#changed.delete(lease.id);
    this.#changed.set(lease.id, undefined);
    this.#revoked.push(lease);
    this.digests.remove(digestOfLease(lease.id, lease.ttl));
  }

  /** Those that are not there any more, and those that are new. */
  get changes(): { readonly revoked: readonly BookedLease[]; readonly granted: BookedLease[] } {
    const granted = [...this.#changed.values()].filter((lease) => lease !== undefined);
    return { revoked: this.#revoked, granted };
  }

  /** The book with the changes; the old one must not be used any more. */
  finish(): LeaseBook {
    // The one map goes on: there may be very many leases, and few changes.
    const leases = this.#book.leases as Map<LeaseId, BookedLease>;
    for (const { id } of this.#revoked) leases.delete(id);
    for (const lease of this.changes.granted) leases.set(lease.id, lease);
    return { leases, nextId: this.#nextId, nextPlace: this.#nextPlace, digests: this.digests };
  }
}
