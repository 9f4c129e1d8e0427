import type { StateChange } from '@quorate/rocksdb';
import type { ByteString } from '../bytes.ts';
import { type Draft, livenessOf, newestOf, type Slot } from './draft.ts';
import type { LiveCounts } from './live-counts.ts';
import { encodeOrder, orderOf } from './orders.ts';
import {
  attachedRow,
  changeRow,
  encodeChange,
  encodeLease,
  encodeVersion,
  leaseRow,
  liveRow,
  numbersRow,
  orderRow,
  versionRow,
} from './rows.ts';
import { encodeStateNumbers } from './state-numbers.ts';
import { noBytes } from './version.ts';

/** Everything that a batch has changed, as rows to be written at once. */
export function rowsOf(draft: Draft, counts: LiveCounts): StateChange[] {
  const rows: StateChange[] = [];
  for (const key of draft.changedKeys) addKey(rows, key, draft.slots.get(key) as Slot);
  addHistory(rows, draft);
  addLeases(rows, draft);
  rows.push(...counts.rowsWith(liveness(draft)));
  const { revision, compactedRevision, digests, leases } = draft;
  const { nextId, nextPlace } = leases;
  const numbers = { revision, compactedRevision, digests, nextId, nextPlace };
  rows.push({ key: numbersRow, value: encodeStateNumbers(numbers) });
  return rows;
}

/** Keys that came or went. */
export function* liveness(draft: Draft): Generator<readonly [key: ByteString, by: 1 | -1]> {
  for (const key of draft.changedKeys) {
    const by = livenessOf(draft.slots.get(key) as Slot);
    if (by !== 0) yield [key, by];
  }
}

function addKey(rows: StateChange[], key: ByteString, slot: Slot): void {
  const { base, changes } = slot;
  const newest = newestOf(slot);
  if (base !== undefined) {
    rows.push({ key: versionRow(key, base.modRevision), value: encodeVersion(base) });
  }
  for (const version of changes) {
    if (version === newest) continue;
    rows.push({ key: versionRow(key, version.modRevision), value: encodeVersion(version) });
  }
  if (newest !== undefined) rows.push({ key: liveRow(key), value: encodeVersion(newest) });
  else if (base !== undefined) rows.push({ key: liveRow(key), value: undefined });
  const [from, to] = [base?.lease ?? 0, newest?.lease ?? 0];
  if (from === to) return;
  if (from !== 0) rows.push({ key: attachedRow(from, key), value: undefined });
  if (to !== 0) rows.push({ key: attachedRow(to, key), value: noBytes });
}

function addHistory(rows: StateChange[], { history }: Draft): void {
  for (const { revision, changes } of history) {
    for (const { version, before } of changes) {
      const note = { isDelete: version.version === 0, before: before?.modRevision ?? 0 };
      rows.push({ key: changeRow(revision, version.key), value: encodeChange(note) });
    }
    if (changes.length === 1) continue;
    const order = orderOf(changes.map(({ version: { key } }) => key));
    if (order !== undefined) rows.push({ key: orderRow(revision), value: encodeOrder(order) });
  }
}

function addLeases(rows: StateChange[], { leases }: Draft): void {
  const { revoked, granted } = leases.changes;
  for (const { place } of revoked) rows.push({ key: leaseRow(place), value: undefined });
  for (const lease of granted) {
    rows.push({ key: leaseRow(lease.place), value: encodeLease(lease) });
  }
}
