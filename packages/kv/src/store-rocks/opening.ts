import type { RocksState, StateMoment } from '@quorate/rocksdb';
import { DamagedError } from 'quorate';
import { DigestSum, hashOfSums } from '../store/digest.ts';
import { Cursor } from './cursor.ts';
import { type BookedLease, bookOf, emptyBook, type LeaseBook } from './lease-book.ts';
import { LiveCounts } from './live-counts.ts';
import { decodeLease, leaseRows, numbersRow, placeOfLeaseRow } from './rows.ts';
import { decodeStateNumbers, type StateNumbers } from './state-numbers.ts';
import { Trimmer } from './trimmer.ts';

/** What is known of a state beside its rows. */
export interface Parts extends Pick<StateNumbers, 'revision' | 'compactedRevision' | 'digests'> {
  readonly book: LeaseBook;
  readonly counts: LiveCounts;
  readonly trimmer: Trimmer;
}

const emptyRevision = 1;

/** @throws {DamagedError} if what is there cannot be read. */
export async function openParts(
  state: RocksState,
  failed: (error: unknown) => void,
): Promise<Parts> {
  const trimmer = await Trimmer.read(state, failed);
  const moment = state.freeze();
  try {
    const [row] = await moment.getMany([numbersRow]);
    const counts = await LiveCounts.read(moment);
    if (row === undefined) {
      const digests = new DigestSum();
      const empty = { revision: emptyRevision, compactedRevision: 0, digests };
      return { ...empty, book: emptyBook(), counts, trimmer };
    }
    const { nextId, nextPlace, ...numbers } = decodeStateNumbers(row);
    const book = bookOf(await readLeases(moment), { nextId, nextPlace });
    return { ...numbers, book, counts, trimmer };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `The state in RocksDB cannot be read. ${cause.message} Stop the member and delete the folder of its state: it builds it anew from its snapshot and its log.`;
    throw new DamagedError(message, { file: 'state', offset: 0, index: 0, cause });
  } finally {
    await moment.release();
  }
}

/** A hash of all live pairs with their revisions, the leases, and all numbers of the state. */
export function hashOfParts({
  revision,
  compactedRevision,
  digests,
  book,
}: Omit<Parts, 'counts' | 'trimmer'>): string {
  return hashOfSums([digests, book.digests], [revision, compactedRevision, book.nextId]);
}

/** Whether it says that the state that was read is not there any more. */
export function isOver(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'RAFT_STOPPED';
}

async function readLeases(moment: StateMoment): Promise<BookedLease[]> {
  const leases: BookedLease[] = [];
  const rows = new Cursor(moment, leaseRows);
  for (;;) {
    if (rows.needsLoad) await rows.load();
    const { entry } = rows;
    if (entry === undefined) return leases;
    leases.push({ ...decodeLease(entry[1]), place: placeOfLeaseRow(entry[0]) });
    rows.next();
  }
}
