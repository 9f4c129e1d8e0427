import type { StateMoment } from '@quorate/rocksdb';
import { SnapshotFault } from '../store/frame-reader.ts';
import type { Revision } from '../types.ts';
import { Cursor } from './cursor.ts';
import { decodeOrder, ordered } from './orders.ts';
import { changeRows, orderRows, revisionOfRow } from './rows.ts';

/**
 * Sees to it that each revision from `first` to `last`, which is in, has changes, and that what
 * orders them fits them.
 *
 * @throws {SnapshotFault}
 */
export async function checkHistory(
  moment: Pick<StateMoment, 'page'>,
  first: Revision,
  last: Revision,
): Promise<void> {
  const changes = new Cursor(moment, changeRows(first, last + 1), { keysOnly: true });
  const orders = new Cursor(moment, orderRows(first, last + 1));
  let revision = first;
  for (; ; revision += 1) {
    let count = 0;
    for (;;) {
      if (changes.needsLoad) await changes.load();
      if (changes.entry === undefined || revisionOfRow(changes.entry[0]) !== revision) break;
      count += 1;
      changes.next();
    }
    if (count === 0) break;
    if (orders.needsLoad) await orders.load();
    const { entry } = orders;
    if (entry === undefined || revisionOfRow(entry[0]) !== revision) continue;
    checkOrder(revision, count, entry[1]);
    orders.next();
  }
  if (revision > last) return;
  throw new SnapshotFault(`It should have the changes of revision ${revision}, and has none.`);
}

function checkOrder(revision: Revision, count: number, row: Uint8Array): void {
  if (count < 2) {
    throw new SnapshotFault(
      `It orders the changes of revision ${revision}, which has not several.`,
    );
  }
  const places = Array.from({ length: count }, (_, place) => place);
  if (ordered(places, decodeOrder(row)) !== undefined) return;
  throw new SnapshotFault(`The order of the changes of revision ${revision} is none.`);
}
