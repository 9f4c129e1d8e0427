import { bufferOf, byteString } from '../bytes.ts';
import { demandRoom, demandRoomFor, pairBytes } from '../store/answer-size.ts';
import { hashOf } from '../store/digest.ts';
import { isIn, isOneKey } from '../store/key-span.ts';
import { holdsFor, holdsForNothing } from '../store/range-rules.ts';
import { checkRevision, leaseNotFound, nothingToKeep } from '../store/refusals.ts';
import { checkKeysDiffer } from '../store/txn-keys.ts';
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
import { type Draft, newestOf } from './draft.ts';
import { newestIn, rangeBytes, readRange, visitRange } from './reading.ts';
import { keyValueOf, type Version } from './version.ts';

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
 * Runs a transaction, without making a revision of it; as in `store/transactions`, whose results
 * these must be byte for byte.
 *
 * @throws {KvError} before anything is changed.
 */
export async function runTxn(
  draft: Draft,
  request: TxnRequest,
  room: number,
): Promise<TxnResponse> {
  checkKeysDiffer(request);
  await draft.load([...keysOf(request)]);
  const decision = await decide(draft, request);
  await checkSteps(draft, decision);
  await checkAnswer(draft, decision, room);
  return run(draft, decision);
}

export async function putIn(draft: Draft, request: PutRequest, room: number): Promise<PutResponse> {
  const key = byteString(request.key);
  const slot = await draft.slotOf(key);
  const before = newestOf(slot);
  checkPut(draft, request, before);
  const previous =
    request.previous === true && before !== undefined ? keyValueOf(before) : undefined;
  if (previous !== undefined) demandRoomFor(previous, room);
  const keyHash = hashOf(request.key);
  const keepsValue = request.ignoreValue === true && before !== undefined;
  // A copy, so that the command's memory can go.
  const value = keepsValue ? before.value : Buffer.from(request.value);
  const keepsLease = request.ignoreLease === true && before !== undefined;
  const lease = keepsLease ? before.lease : (request.lease ?? 0);
  draft.put(key, slot, { value, lease, keyHash });
  const { revision } = draft;
  return previous === undefined ? { revision } : { revision, previous };
}

export async function deleteRange(
  draft: Draft,
  request: DeleteRequest,
  room: number,
): Promise<DeleteResponse> {
  const versions = await newestIn(draft, request);
  if (request.previous === true) demandRoom(bytesOfAll(versions), room);
  // Those that were read from below are in memory by now.
  for (const version of versions) draft.delete(version.key, draft.slotFor(version));
  const previous = request.previous === true ? versions.map((one) => keyValueOf(one)) : [];
  return { revision: draft.revision, deleted: versions.length, previous };
}

/** Single keys that a transaction may look at or change, whichever side is taken. */
export function* keysOf({ compare, then, else: otherwise }: TxnRequest): Generator<string> {
  for (const one of compare) if (isOneKey(one)) yield byteString(one.key);
  for (const operation of [...then, ...otherwise]) {
    if (operation.type === 'txn') yield* keysOf(operation);
    else if (operation.type === 'put' || isOneKey(operation)) yield byteString(operation.key);
  }
}

async function decide(draft: Draft, request: TxnRequest): Promise<Decision> {
  let succeeded = true;
  for (const compare of request.compare) succeeded &&= await holds(draft, compare);
  const steps: Step[] = [];
  for (const operation of succeeded ? request.then : request.else) {
    const decision = operation.type === 'txn' ? await decide(draft, operation) : undefined;
    steps.push({ operation, decision });
  }
  return { succeeded, steps };
}

async function checkSteps(draft: Draft, { steps }: Decision): Promise<void> {
  for (const { operation, decision } of steps) {
    if (decision !== undefined) await checkSteps(draft, decision);
    if (operation.type === 'put') {
      checkPut(draft, operation, await draft.newest(byteString(operation.key)));
    }
    if (operation.type === 'range') checkRevision(draft, operation.revision);
  }
}

function checkPut(draft: Draft, request: PutRequest, before: Version | undefined): void {
  const { lease = 0 } = request;
  if (lease !== 0 && draft.leases.get(lease) === undefined) throw leaseNotFound(lease);
  if (request.ignoreValue !== true && request.ignoreLease !== true) return;
  if (before !== undefined) return;
  throw nothingToKeep(request.ignoreValue === true ? 'value' : 'lease');
}

/** @throws {KvError} `KV_TOO_LARGE` if the pairs in its result could exceed `room` bytes. */
async function checkAnswer(draft: Draft, decision: Decision, room: number): Promise<void> {
  const operations = [...operationsOf(decision)];
  const puts = operations.filter((operation) => operation.type === 'put');
  let bytes = 0;
  for (const operation of operations) {
    switch (operation.type) {
      case 'put':
        if (operation.previous !== true) break;
        bytes += bytesOfAll(await newestIn(draft, { key: operation.key }));
        break;
      case 'delete':
        if (operation.previous === true) bytes += await bytesIn(draft, operation);
        break;
      case 'range':
        bytes += (await rangeBytes(draft, operation)) + newBytes(operation, puts);
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

async function run(draft: Draft, { succeeded, steps }: Decision): Promise<TxnResponse> {
  const results: TxnResult[] = [];
  for (const step of steps) results.push(await runStep(draft, step));
  return { revision: draft.revision, succeeded, results };
}

async function runStep(draft: Draft, { operation, decision }: Step): Promise<TxnResult> {
  if (decision !== undefined) return { type: 'txn', ...(await run(draft, decision)) };
  switch (operation.type) {
    case 'put':
      return { type: 'put', ...(await putIn(draft, operation, Infinity)) };
    case 'delete':
      return { type: 'delete', ...(await deleteRange(draft, operation, Infinity)) };
    case 'range':
      return { type: 'range', ...(await readRange(draft, operation)) };
    case 'txn':
      throw new Error('A transaction in a transaction must be decided before it runs.');
  }
}

/** Whether a comparison holds for all keys of its range. */
async function holds(draft: Draft, compare: Compare): Promise<boolean> {
  let isAny = false;
  let isSo = true;
  await visitRange(draft, compare, draft.revision, (version) => {
    isAny = true;
    isSo = holdsFor(version, compare, (value) => Buffer.compare(version.value, bufferOf(value)));
    return isSo;
  });
  return isAny ? isSo : holdsForNothing(compare);
}

async function bytesIn(draft: Draft, range: DeleteRequest): Promise<number> {
  let bytes = 0;
  await visitRange(draft, range, draft.revision, ({ key, value }) => {
    bytes += pairBytes(key, value);
    return true;
  });
  return bytes;
}

function bytesOfAll(versions: readonly Version[]): number {
  let bytes = 0;
  for (const { key, value } of versions) bytes += pairBytes(key, value);
  return bytes;
}
