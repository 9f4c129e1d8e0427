import { KvError } from '../errors.ts';
import type {
  Compare,
  CompareResult,
  DeleteRequest,
  DeleteResponse,
  LeaseId,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  Revision,
  SortOrder,
  SortTarget,
  TxnOperation,
  TxnResult,
} from '../types.ts';
import { Entry } from './entry.ts';
import { bytesFrom, type Keys, keyFrom, rangeFrom, type Text } from './text.ts';

export interface PutOptions {
  /** Attaches the key to this lease; without, it is attached to none from then on. */
  readonly lease?: LeaseId | { readonly id: LeaseId } | undefined;
  /** Answer with the pair as it was before. */
  readonly previous?: boolean | undefined;
  /** Keep the lease that the key has. */
  readonly keepLease?: boolean | undefined;
}

export interface PutAnswer {
  /** The one that this made. */
  readonly revision: Revision;
  /** As it was before, if it was asked for and there was one. */
  readonly previous?: Entry;
}

export interface DeleteOptions {
  /** Answer with the pairs as they were. */
  readonly previous?: boolean | undefined;
}

export interface DeleteAnswer {
  /** The one that this made, or the newest if nothing was deleted. */
  readonly revision: Revision;
  readonly deleted: number;
  /** Empty unless it was asked for. */
  readonly previous: readonly Entry[];
}

export interface PageOptions {
  /** At most so many entries; none: no bound. */
  readonly limit?: number | undefined;
  /** As of this revision; none: the newest. */
  readonly revision?: Revision | undefined;
  /** Entries come without their values. */
  readonly keysOnly?: boolean | undefined;
  /** From the last key to the first. */
  readonly descending?: boolean | undefined;
  /** By something else than the key. */
  readonly sortBy?: SortTarget | undefined;
}

export interface Page {
  /** The newest revision of the store when this was read. */
  readonly revision: Revision;
  readonly entries: readonly Entry[];
  /** There are more than `limit`. */
  readonly more: boolean;
  /** All that are there, whatever the limit says. */
  readonly count: number;
}

/** Something that a transaction does, and what its answer looks like. */
export interface Op<Answer> {
  readonly operation: TxnOperation;
  /** Makes the answer of what the store says. */
  readonly read: (result: TxnResult) => Answer;
}

/** What a transaction can do. */
export const op = {
  put(key: Text, value: Text, options: PutOptions = {}): Op<PutAnswer> {
    const operation = { type: 'put', ...putRequest(key, value, options) } as const;
    return { operation, read: (result) => readPut(expect(result, 'put')) };
  },
  get(key: Text): Op<Entry | undefined> {
    const operation = { type: 'range', key: keyFrom(key) } as const;
    return { operation, read: (result) => readEntry(expect(result, 'range')) };
  },
  range(keys: Keys, options: PageOptions = {}): Op<Page> {
    const operation = { type: 'range', ...pageRequest(keys, options) } as const;
    return { operation, read: (result) => readPage(expect(result, 'range')) };
  },
  count(keys: Keys): Op<number> {
    const operation = { type: 'range', ...rangeFrom(keys), countOnly: true } as const;
    return { operation, read: (result) => expect(result, 'range').count };
  },
  delete(keys: Keys, options: DeleteOptions = {}): Op<DeleteAnswer> {
    const operation = { type: 'delete', ...deleteRequest(keys, options) } as const;
    return { operation, read: (result) => readDelete(expect(result, 'delete')) };
  },
} as const;

export type Relation = '=' | '!=' | '>' | '<';

/**
 * What a transaction can look at. With several keys, it must hold for each of them. A key that is
 * not there has version, revisions and lease 0, and no value that anything compares with.
 */
export const compare = {
  value: (keys: Keys, relation: Relation, value: Text): Compare => ({
    ...rangeFrom(keys),
    result: resultOf(relation),
    target: 'value',
    value: bytesFrom(value, 'value'),
  }),
  /** How often it was put since it was created. */
  version: (keys: Keys, relation: Relation, version: number): Compare =>
    compareNumber(keys, { target: 'version', relation, number: version }),
  /** The revision that created it. */
  created: (keys: Keys, relation: Relation, revision: Revision): Compare =>
    compareNumber(keys, { target: 'create', relation, number: revision }),
  /** The revision that changed it last. */
  modified: (keys: Keys, relation: Relation, revision: Revision): Compare =>
    compareNumber(keys, { target: 'mod', relation, number: revision }),
  lease: (keys: Keys, relation: Relation, id: LeaseId): Compare =>
    compareNumber(keys, { target: 'lease', relation, number: id }),
  exists: (key: Text): Compare =>
    compareNumber(key, { target: 'version', relation: '>', number: 0 }),
  absent: (key: Text): Compare =>
    compareNumber(key, { target: 'version', relation: '=', number: 0 }),
} as const;

export function putRequest(
  key: Text,
  value: Text,
  { lease, previous, keepLease }: PutOptions,
): PutRequest {
  const id = typeof lease === 'object' ? lease.id : lease;
  return {
    key: keyFrom(key),
    value: bytesFrom(value, 'value'),
    ...(id === undefined ? {} : { lease: id }),
    ...(previous === true ? { previous } : {}),
    ...(keepLease === true ? { ignoreLease: true } : {}),
  };
}

export function deleteRequest(keys: Keys, { previous }: DeleteOptions): DeleteRequest {
  return { ...rangeFrom(keys), ...(previous === true ? { previous } : {}) };
}

export function pageRequest(keys: Keys, options: PageOptions): RangeRequest {
  const { limit, revision, keysOnly, descending, sortBy } = options;
  const order: SortOrder = descending === true ? 'descend' : 'ascend';
  const isSorted = descending === true || sortBy !== undefined;
  return {
    ...rangeFrom(keys),
    ...(limit === undefined ? {} : { limit }),
    ...(revision === undefined ? {} : { revision }),
    ...(keysOnly === true ? { keysOnly } : {}),
    ...(isSorted ? { sort: { target: sortBy ?? 'key', order } } : {}),
  };
}

export function readPut({ revision, previous }: PutResponse): PutAnswer {
  return previous === undefined ? { revision } : { revision, previous: new Entry(previous) };
}

export function readDelete({ revision, deleted, previous }: DeleteResponse): DeleteAnswer {
  return { revision, deleted, previous: previous.map((kv) => new Entry(kv)) };
}

export function readEntry({ kvs: [kv] }: RangeResponse): Entry | undefined {
  return kv === undefined ? undefined : new Entry(kv);
}

export function readPage({ revision, kvs, more, count }: RangeResponse): Page {
  return { revision, entries: kvs.map((kv) => new Entry(kv)), more, count };
}

/** @throws {KvError} `KV_INTERNAL` if the result belongs to something else. */
export function expect<Found extends { readonly type: string }, Type extends Found['type']>(
  result: Found,
  type: Type,
): Extract<Found, { readonly type: Type }> {
  if (result.type === type) return result as Extract<Found, { readonly type: Type }>;
  const message = `A ${type} was answered with the result of a ${result.type}.`;
  throw new KvError('KV_INTERNAL', message);
}

function compareNumber(
  keys: Keys,
  comparison: {
    readonly target: 'version' | 'create' | 'mod' | 'lease';
    readonly relation: Relation;
    readonly number: number;
  },
): Compare {
  const { target, relation, number } = comparison;
  return { ...rangeFrom(keys), result: resultOf(relation), target, number };
}

const results: Readonly<Record<Relation, CompareResult>> = {
  '=': 'equal',
  '!=': 'notEqual',
  '>': 'greater',
  '<': 'less',
};

function resultOf(relation: Relation): CompareResult {
  if (Object.hasOwn(results, relation)) return results[relation];
  const message = `A comparison is made by =, !=, > or <; got ${relation}.`;
  throw new KvError('KV_INVALID', message);
}
