import type { RocksKvMachine } from '../../src/store-rocks/machine.ts';
import type { Operation } from '../../src/types.ts';

/** What the entry with this index does: a little of everything, and the same each time. */
export function batchAt(index: number): Operation[] {
  const key = (at: number): Buffer => Buffer.from(`key ${at % 37}`);
  const value = Buffer.alloc(200 + (index % 50), index % 251);
  const operations: Operation[] = [
    { type: 'put', key: key(index), value },
    { type: 'put', key: key(index * 7), value: Buffer.from(`${index}`), lease: 0 },
  ];
  if (index % 5 === 0) operations.push({ type: 'leaseGrant', id: index, ttl: 60 });
  if (index % 5 === 1 && index > 5) {
    operations.push({ type: 'put', key: key(index + 3), value, lease: index - 1 });
  }
  if (index % 15 === 7) operations.push({ type: 'leaseRevoke', id: index - 2 });
  if (index % 11 === 0) {
    operations.push({ type: 'delete', key: Buffer.from('key 1'), end: Buffer.from('key 2') });
  }
  if (index % 23 === 0) operations.push({ type: 'compact', revision: index });
  return operations;
}

/** How far the state was applied, as its record says. */
export async function lastApplied(machine: RocksKvMachine): Promise<number> {
  for await (const { key, value } of machine.libraryRecords()) {
    if (key === 'applied') return Number(Buffer.from(value ?? []).toString());
  }
  return 0;
}
