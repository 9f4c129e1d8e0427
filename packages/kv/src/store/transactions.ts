import { bufferOf } from '../bytes.ts';
import type {
  Compare,
  CompareResult,
  DeleteRequest,
  DeleteResponse,
  PutRequest,
  PutResponse,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  TxnResult,
} from '../types.ts';
import { checkPut, deleteIn, preparePut } from './changes.ts';
import { checkRevision, newestIn, readRange } from './ranges.ts';
import type { KvState } from './state.ts';
import { checkKeysDiffer } from './txn-keys.ts';
import { keyValueOf, type StoredVersion, valueBytes } from './versions.ts';

/** Which side of a transaction is taken, and of those in it. */
interface Decision {
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

interface Step {
  readonly operation: TxnOperation;
  /** If it is a transaction itself. */
  readonly decision: Decision | undefined;
}

/**
 * Runs a transaction, without making a revision of it. All comparisons, those of transactions in it
 * too, see the state before it; reads see what it has changed so far. As in etcd.
 *
 * @throws {KvError} before anything is changed.
 */
export function runTxn(state: KvState, request: TxnRequest): TxnResponse {
  checkKeysDiffer(request);
  const decision = decide(state, request);
  checkSteps(state, decision);
  return run(state, decision);
}

export function putIn(state: KvState, request: PutRequest): PutResponse {
  const prepared = preparePut(state, request);
  state.put(prepared.stored, prepared.value, prepared.valueHash, prepared.lease);
  const { revision } = state;
  if (request.previous !== true || prepared.previous === undefined) return { revision };
  return { revision, previous: prepared.previous };
}

export function deleteRange(state: KvState, request: DeleteRequest): DeleteResponse {
  const versions = deleteIn(state, request);
  const previous = request.previous === true ? versions.map((version) => keyValueOf(version)) : [];
  return { revision: state.revision, deleted: versions.length, previous };
}

function decide(state: KvState, request: TxnRequest): Decision {
  const succeeded = request.compare.every((compare) => holds(state, compare));
  const operations = succeeded ? request.then : request.else;
  const steps = operations.map((operation) => ({
    operation,
    decision: operation.type === 'txn' ? decide(state, operation) : undefined,
  }));
  return { succeeded, steps };
}

function checkSteps(state: KvState, { steps }: Decision): void {
  for (const { operation, decision } of steps) {
    if (decision !== undefined) checkSteps(state, decision);
    if (operation.type === 'put') checkPut(state, operation);
    if (operation.type === 'range') checkRevision(state, operation.revision);
  }
}

function run(state: KvState, { succeeded, steps }: Decision): TxnResponse {
  const results = steps.map((step) => runStep(state, step));
  return { revision: state.revision, succeeded, results };
}

function runStep(state: KvState, { operation, decision }: Step): TxnResult {
  if (decision !== undefined) return { type: 'txn', ...run(state, decision) };
  switch (operation.type) {
    case 'put':
      return { type: 'put', ...putIn(state, operation) };
    case 'delete':
      return { type: 'delete', ...deleteRange(state, operation) };
    case 'range':
      return { type: 'range', ...readRange(state, operation) };
    case 'txn':
      throw new Error('A transaction in a transaction must be decided before it runs.');
  }
}

/** Whether a comparison holds for all keys of its range. */
function holds(state: KvState, compare: Compare): boolean {
  const versions = newestIn(state, compare);
  // What is not there has no value, which is equal to none; its numbers are 0.
  if (versions.length === 0) return compare.target !== 'value' && isSo(compare, 0);
  return versions.every((version) => holdsFor(version, compare));
}

function holdsFor(version: StoredVersion, compare: Compare): boolean {
  switch (compare.target) {
    case 'value':
      return matches(
        compare.result,
        Buffer.compare(valueBytes(version.value), bufferOf(compare.value)),
      );
    case 'version':
      return isSo(compare, version.version);
    case 'create':
      return isSo(compare, version.createRevision);
    case 'mod':
      return isSo(compare, version.modRevision);
    case 'lease':
      return isSo(compare, version.lease);
  }
}

function isSo(compare: Compare, number: number): boolean {
  return compare.target !== 'value' && matches(compare.result, number - compare.number);
}

/** @param difference below 0, 0 or above 0. */
function matches(result: CompareResult, difference: number): boolean {
  switch (result) {
    case 'equal':
      return difference === 0;
    case 'notEqual':
      return difference !== 0;
    case 'greater':
      return difference > 0;
    case 'less':
      return difference < 0;
  }
}
