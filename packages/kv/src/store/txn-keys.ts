import type { ByteString } from '../bytes.ts';
import { byteString } from '../bytes.ts';
import { KvError } from '../errors.ts';
import type { TxnOperation, TxnRequest } from '../types.ts';
import { type KeySpan, spanOf } from './key-span.ts';

/** What operations would change, whatever the comparisons say; each with its place in the list. */
interface Footprint {
  readonly puts: readonly Put[];
  readonly deletes: readonly Delete[];
}

interface Put {
  readonly key: ByteString;
  readonly place: number;
}

interface Delete {
  readonly span: KeySpan;
  readonly place: number;
}

/**
 * Checks that neither side of a transaction puts a key twice, or puts one that it also deletes.
 * Sides exclude each other, so the same key may be on both; two deletes may overlap.
 *
 * @throws {KvError} `KV_DUPLICATE_KEY` that names the key.
 */
export function checkKeysDiffer(request: TxnRequest): void {
  footprintOf(request.then);
  footprintOf(request.else);
}

function footprintOf(operations: readonly TxnOperation[]): Footprint {
  const puts: Put[] = [];
  const deletes: Delete[] = [];
  for (const [place, operation] of operations.entries()) {
    if (operation.type === 'put') puts.push({ key: byteString(operation.key), place });
    if (operation.type === 'delete') deletes.push({ span: spanOf(operation), place });
    if (operation.type !== 'txn') continue;
    for (const side of [operation.then, operation.else]) {
      const inner = footprintOf(side);
      for (const { key } of inner.puts) puts.push({ key, place });
      for (const { span } of inner.deletes) deletes.push({ span, place });
    }
  }
  puts.sort((one, other) => (one.key === other.key ? 0 : one.key < other.key ? -1 : 1));
  checkPuts(puts);
  for (const deleted of deletes) checkDelete(deleted, puts);
  return { puts, deletes };
}

/** Equal keys at the same place are on the two sides of one inner transaction. */
function checkPuts(puts: readonly Put[]): void {
  for (const [at, { key, place }] of puts.entries()) {
    const before = puts[at - 1];
    if (before?.key === key && before.place !== place) throw duplicate(key, 'put twice');
  }
}

function checkDelete({ span, place }: Delete, puts: readonly Put[]): void {
  for (let at = firstFrom(puts, span.from); at < puts.length; at += 1) {
    const put = puts[at] as Put;
    if (span.to !== undefined && put.key >= span.to) return;
    if (put.place !== place) throw duplicate(put.key, 'put, and lies in a range that is deleted');
  }
}

function firstFrom(puts: readonly Put[], key: ByteString): number {
  let low = 0;
  let high = puts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((puts[middle] as Put).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function duplicate(key: ByteString, how: string): KvError {
  const shown = key.length > 100 ? `${key.slice(0, 100)}...` : key;
  const message = `The key ${JSON.stringify(shown)} is ${how} by one transaction.`;
  return new KvError('KV_DUPLICATE_KEY', message, { details: { key: shown } });
}
