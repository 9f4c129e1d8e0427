import type {
  Compare,
  DeleteRequest,
  DeleteResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  TxnResult,
} from '../types.ts';
import { demandRoom, demandRoomFor, pairBytes, versionsBytes } from './answer-size.ts';
import { checkPut, deleteIn, preparePut } from './changes.ts';
import { isIn } from './key-span.ts';
import { holdsFor, holdsForNothing } from './range-rules.ts';
import { newestIn, rangeBytes, readRange } from './ranges.ts';
import { checkRevision } from './refusals.ts';
import type { KvState } from './state.ts';
import { checkKeysDiffer } from './txn-keys.ts';
import { compareValue, keyValueOf } from './versions.ts';

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
 * too, see the state before it; reads see what it has changed so far. As in etcd. `room` is for the
 * pairs in the result, in bytes: what was done could not be answered otherwise.
 *
 * @throws {KvError} before anything is changed.
 */
export function runTxn(state: KvState, request: TxnRequest, room: number): TxnResponse {
  checkKeysDiffer(request);
  const decision = decide(state, request);
  checkSteps(state, decision);
  checkAnswer(state, decision, room);
  return run(state, decision);
}

export function putIn(state: KvState, request: PutRequest, room: number): PutResponse {
  const prepared = preparePut(state, request);
  if (prepared.previous !== undefined) demandRoomFor(prepared.previous, room);
  state.put(prepared.stored, prepared.value, prepared.lease);
  const { revision } = state;
  if (request.previous !== true || prepared.previous === undefined) return { revision };
  return { revision, previous: prepared.previous };
}

export function deleteRange(state: KvState, request: DeleteRequest, room: number): DeleteResponse {
  if (request.previous === true) demandRoom(versionsBytes(newestIn(state, request)), room);
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

/** @throws {KvError} `KV_TOO_LARGE` if the pairs in its result could exceed `room` bytes. */
function checkAnswer(state: KvState, decision: Decision, room: number): void {
  const operations = [...operationsOf(decision)];
  const puts = operations.filter((operation) => operation.type === 'put');
  let bytes = 0;
  for (const operation of operations) {
    switch (operation.type) {
      case 'put':
        if (operation.previous !== true) break;
        bytes += versionsBytes(newestIn(state, { key: operation.key }));
        break;
      case 'delete':
        if (operation.previous === true) bytes += versionsBytes(newestIn(state, operation));
        break;
      case 'range':
        bytes += rangeBytes(state, operation) + newBytes(operation, puts);
        break;
      case 'txn':
        break;
    }
    demandRoom(bytes, room);
  }
}

/** What the transaction itself puts into the range that it reads; it may read it. */
function newBytes(range: RangeRequest, puts: readonly PutRequest[]): number {
  if (range.countOnly === true || puts.length === 0) return 0;
  let bytes = 0;
  for (const { key, value } of puts) if (isIn(key, range)) bytes += pairBytes(key, value);
  return bytes;
}

function* operationsOf({ steps }: Decision): Generator<TxnOperation> {
  for (const { operation, decision } of steps) {
    yield operation;
    if (decision !== undefined) yield* operationsOf(decision);
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
      return { type: 'put', ...putIn(state, operation, Infinity) };
    case 'delete':
      return { type: 'delete', ...deleteRange(state, operation, Infinity) };
    case 'range':
      return { type: 'range', ...readRange(state, operation) };
    case 'txn':
      throw new Error('A transaction in a transaction must be decided before it runs.');
  }
}

/** Whether a comparison holds for all keys of its range. */
function holds(state: KvState, compare: Compare): boolean {
  const versions = newestIn(state, compare);
  if (versions.length === 0) return holdsForNothing(compare);
  return versions.every((version) =>
    holdsFor(version, compare, (value) => compareValue(version, value)),
  );
}
