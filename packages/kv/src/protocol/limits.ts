import { KvError, type KvErrorCode } from '../errors.ts';
import type { Compare, KeyRange, Operation, TxnOperation, TxnRequest } from '../types.ts';
import { visitCommand } from './commands.ts';
import { mostNesting } from './operations.ts';

/** How much is taken. All members of a cluster should have the same ones. */
export interface KvLimits {
  /** The longest key, or end of a range, in bytes. Default 64 KiB. */
  readonly maxKeyBytes: number;
  /** The longest value, in bytes. Default 1 MiB, at most 8 MiB. */
  readonly maxValueBytes: number;
  /** The longest message of a client, in bytes. Default 2 MiB, at most 32 MiB. */
  readonly maxRequestBytes: number;
  /**
   * Operations of one transaction, those of both sides and of all transactions in it, and as many
   * comparisons. Default 128.
   */
  readonly maxOperations: number;
  /** Transactions in transactions: 1 is one without any in it. Default 8, which is the most. */
  readonly maxNesting: number;
  /** Watches of one member, at a time. Default 100000. */
  readonly maxWatchers: number;
  /** Leases of the whole store, at a time. Default 100000. */
  readonly maxLeases: number;
  /** Connections of clients with one member, at a time. Default 10000. */
  readonly maxConnections: number;
  /** The longest time to live of a lease, in seconds. Default 9000000000. */
  readonly maxTtlSeconds: number;
}

export const defaultLimits: KvLimits = {
  maxKeyBytes: 64 * 1024,
  maxValueBytes: 1024 * 1024,
  maxRequestBytes: 2 * 1024 * 1024,
  maxOperations: 128,
  maxNesting: mostNesting,
  maxWatchers: 100_000,
  maxLeases: 100_000,
  maxConnections: 10_000,
  maxTtlSeconds: 9_000_000_000,
};

/** What a limit may be raised to. */
const mostOf: Readonly<Partial<KvLimits>> = {
  maxValueBytes: 8 * 1024 * 1024,
  maxRequestBytes: 32 * 1024 * 1024,
  maxNesting: mostNesting,
};

/**
 * The limits with the default for each that is not named.
 *
 * @throws {RangeError} if one is no whole number, less or more than it may be, or unknown.
 */
export function limitsOf(chosen: Partial<KvLimits> = {}): KvLimits {
  for (const [name, limit] of Object.entries(chosen)) {
    if (!Object.hasOwn(defaultLimits, name)) throw new RangeError(`There is no limit "${name}".`);
    const most = mostOf[name as keyof KvLimits] ?? Number.MAX_SAFE_INTEGER;
    if (Number.isSafeInteger(limit) && limit >= 1 && limit <= most) continue;
    throw new RangeError(`${name} must be a whole number from 1 to ${most}; got ${limit}.`);
  }
  return { ...defaultLimits, ...chosen };
}

/**
 * Walks the command once. Every member does so before the command goes into the log, where it
 * could not be refused any more.
 *
 * @throws {KvError} `KV_INVALID` if it is none; with the details `{ limit, most, came }` if it is
 *   more than a limit: `KV_TOO_LARGE`, or `KV_INVALID` for a time to live.
 */
export function checkCommand(command: Uint8Array, limits: KvLimits): void {
  checkRequestBytes(command.length, limits);
  const { maxKeyBytes, maxValueBytes } = limits;
  visitCommand(command, {
    put: (_bytes, { keyAt, keyEnd, valueEnd }) => {
      if (keyEnd - keyAt > maxKeyBytes) refuse(limits, 'maxKeyBytes', keyEnd - keyAt);
      if (valueEnd - keyEnd > maxValueBytes) refuse(limits, 'maxValueBytes', valueEnd - keyEnd);
    },
    other: (operation) => checkOther(operation, limits),
  });
}

/** @throws {KvError} `KV_TOO_LARGE` */
export function checkRequestBytes(bytes: number, limits: KvLimits): void {
  if (bytes > limits.maxRequestBytes) refuse(limits, 'maxRequestBytes', bytes);
}

/** @throws {KvError} `KV_TOO_LARGE` */
export function checkRange({ key, end }: KeyRange, limits: KvLimits): void {
  const bytes = Math.max(key.length, end?.length ?? 0);
  if (bytes > limits.maxKeyBytes) refuse(limits, 'maxKeyBytes', bytes);
}

function checkOther(operation: Exclude<Operation, { type: 'put' }>, limits: KvLimits): void {
  switch (operation.type) {
    case 'delete':
      checkRange(operation, limits);
      return;
    case 'txn':
      checkTxn(operation, limits, { depth: 1, operations: 0, comparisons: 0 });
      return;
    case 'leaseGrant':
      if (operation.ttl > limits.maxTtlSeconds) {
        refuse(limits, 'maxTtlSeconds', operation.ttl, 'KV_INVALID');
      }
      return;
    case 'compact':
    case 'leaseRevoke':
    case 'mark':
      return;
  }
}

/** What was counted so far of the outermost transaction. */
interface TxnCounts {
  depth: number;
  operations: number;
  comparisons: number;
}

function checkTxn(request: TxnRequest, limits: KvLimits, counts: TxnCounts): void {
  if (counts.depth > limits.maxNesting) refuse(limits, 'maxNesting', counts.depth);
  counts.operations += request.then.length + request.else.length;
  counts.comparisons += request.compare.length;
  const most = Math.max(counts.operations, counts.comparisons);
  if (most > limits.maxOperations) refuse(limits, 'maxOperations', most);
  for (const compare of request.compare) checkCompare(compare, limits);
  for (const operation of request.then) checkTxnOperation(operation, limits, counts);
  for (const operation of request.else) checkTxnOperation(operation, limits, counts);
}

function checkTxnOperation(operation: TxnOperation, limits: KvLimits, counts: TxnCounts): void {
  if (operation.type === 'txn') {
    counts.depth += 1;
    checkTxn(operation, limits, counts);
    counts.depth -= 1;
    return;
  }
  checkRange(operation, limits);
  if (operation.type === 'put') checkValue(operation.value, limits);
}

function checkCompare(compare: Compare, limits: KvLimits): void {
  checkRange(compare, limits);
  if (compare.target === 'value') checkValue(compare.value, limits);
}

function checkValue(value: Uint8Array, limits: KvLimits): void {
  if (value.length > limits.maxValueBytes) refuse(limits, 'maxValueBytes', value.length);
}

/** What each limit is the bound of, in a refusal. */
const subjects: Readonly<Record<keyof KvLimits, string>> = {
  maxKeyBytes: 'A key has at most # bytes',
  maxValueBytes: 'A value has at most # bytes',
  maxRequestBytes: 'A request has at most # bytes',
  maxOperations: 'A transaction has at most # operations, and as many comparisons',
  maxNesting: 'Transactions nest at most # deep',
  maxWatchers: 'A member has at most # watches',
  maxLeases: 'There are at most # leases',
  maxConnections: 'A member has at most # connections',
  maxTtlSeconds: 'A lease lives for at most # s',
};

function refuse(
  limits: KvLimits,
  limit: keyof KvLimits,
  came: number,
  code: KvErrorCode = 'KV_TOO_LARGE',
): never {
  throw limitError(limits, limit, came, code);
}

/** The refusal of what is more than a limit, which it names. */
export function limitError(
  limits: KvLimits,
  limit: keyof KvLimits,
  came: number,
  code: KvErrorCode,
): KvError {
  const most = limits[limit];
  const message = `${subjects[limit].replace('#', String(most))} (${limit}); got ${came}.`;
  return new KvError(code, message, { details: { limit, most, came } });
}
