import { prefixEnd } from '../../src/bytes.ts';
import type { BaseClient } from '../../src/client.ts';
import type {
  KeyRange,
  RangeResponse,
  Revision,
  TxnOperation,
  TxnResponse,
} from '../../src/types.ts';
import type { ListAppend, ListOperation } from '../checks/list-append/history.ts';

/*
 * A list is the keys below a prefix, in the order in which they were created: to append is to put a
 * key that nobody else puts. One that took effect twice is seen by its version.
 */

const digits = 9;

/** @returns the operations with what the reads have found, and the revision. */
export async function transact(
  client: BaseClient,
  operations: readonly ListOperation[],
): Promise<{ readonly operations: readonly ListOperation[]; readonly revision: Revision }> {
  // oxlint-disable-next-line unicorn/no-thenable -- It is data.
  const request = { compare: [], then: operations.map(operationOf), else: [] };
  const response = await client.commit(request);
  const done = operations.map((operation, at) => answered(operation, response, at));
  return { operations: done, revision: response.revision };
}

/** A read of one list that goes past the log. */
export async function readList(client: BaseClient, key: string): Promise<ListOperation> {
  const found = await client.read({ ...listOf(key), sort: inOrder });
  return { type: 'read', key, list: elementsIn(found) };
}

export function listOf(key: string): KeyRange {
  const prefix = Buffer.from(`${key}/`);
  return { key: prefix, end: prefixEnd(prefix) };
}

const inOrder = { target: 'create', order: 'ascend' } as const;

function operationOf(operation: ListOperation): TxnOperation {
  if (operation.type === 'read') return { type: 'range', ...listOf(operation.key), sort: inOrder };
  return { type: 'put', ...pairOf(operation) };
}

/** Of one transaction, smaller elements come first, as their keys do. */
export function pairOf({ key, element }: ListAppend): {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
} {
  const name = String(element).padStart(digits, '0');
  return { key: Buffer.from(`${key}/${name}`), value: Buffer.from(name) };
}

function answered(operation: ListOperation, { results }: TxnResponse, at: number): ListOperation {
  if (operation.type === 'append') return operation;
  const result = results[at];
  if (result?.type !== 'range') throw new Error(`A range was wanted; got ${result?.type}.`);
  return { ...operation, list: elementsIn(result) };
}

/** @throws {Error} if one was put twice. */
export function elementsIn({ kvs }: RangeResponse): number[] {
  return kvs.map(({ key, version }) => {
    const name = Buffer.from(key).toString();
    if (version !== 1) throw new Error(`${name} took effect ${version} times.`);
    return Number(name.slice(-digits));
  });
}
