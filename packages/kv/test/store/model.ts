import { type KvErrorCode } from '../../src/errors.ts';
import type {
  Compare,
  DeleteRequest,
  KeyRange,
  KeyValue,
  KvEvent,
  Operation,
  PutRequest,
  RangeRequest,
  RangeResponse,
  Result,
  Revision,
  TxnOperation,
  TxnRequest,
  TxnResult,
} from '../../src/types.ts';

/*
 * The store as simply as it can be told: a list of all changes that there ever were. Whatever is
 * asked is found by going through it from the start.
 */

/** A refusal of the model. */
export class Refusal extends Error {
  readonly code: KvErrorCode;

  constructor(code: KvErrorCode) {
    super(code);
    this.code = code;
  }
}

interface Change {
  readonly revision: Revision;
  readonly pair: KeyValue;
  readonly isDelete: boolean;
}

export class ModelStore {
  revision: Revision = 1;
  compactedRevision: Revision = 0;
  readonly leases: { id: number; ttl: number; grantedAt: number }[] = [];
  #changes: Change[] = [];
  #nextLease = 1;
  #index = 0;

  /** @param index the place in the log; 0: not known. */
  apply(operations: readonly Operation[], index = 0): Result[] {
    this.#index = index;
    return operations.map((operation) => {
      const { revision } = this;
      try {
        const result = this.#run(operation);
        if (this.#changes.some((change) => change.revision > revision)) this.revision += 1;
        return result;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return { type: 'error', code: error.code, message: '' };
      }
    });
  }

  /** All live pairs as of a revision, by their keys. */
  pairsAt(revision: Revision): KeyValue[] {
    const pairs: KeyValue[] = [];
    for (const change of this.#changes) {
      if (change.revision > revision) break;
      const place = pairs.findIndex(({ key }) => Buffer.compare(key, change.pair.key) === 0);
      if (place >= 0) pairs.splice(place, 1);
      if (!change.isDelete) pairs.push(change.pair);
    }
    return pairs.sort((one, other) => Buffer.compare(one.key, other.key));
  }

  changesAt(revision: Revision): KvEvent[] {
    const before = this.pairsAt(revision - 1);
    return this.#changes
      .filter((change) => change.revision === revision)
      .map(({ pair, isDelete }) => {
        const previous = before.find(({ key }) => Buffer.compare(key, pair.key) === 0);
        const type = isDelete ? 'delete' : 'put';
        return previous === undefined ? { type, kv: pair } : { type, kv: pair, previous };
      });
  }

  keysOf(lease: number): Uint8Array[] {
    return this.#now()
      .filter((pair) => pair.lease === lease)
      .map(({ key }) => key);
  }

  range(request: RangeRequest): RangeResponse {
    const revision = this.#reached();
    this.#checkRevision(request.revision ?? 0);
    const all = this.pairsAt(request.revision || revision).filter((pair) => isIn(request, pair));
    const count = all.length;
    if (request.countOnly === true) return { revision, kvs: [], more: false, count };
    const kept = sorted(
      all.filter((pair) => isWithin(request, pair)),
      request,
    );
    const limit = request.limit || kept.length;
    const kvs = kept
      .slice(0, limit)
      .map((pair) => (request.keysOnly === true ? { ...pair, value: Buffer.alloc(0) } : pair));
    return { revision, kvs, more: kept.length > limit, count };
  }

  #run(operation: Operation): Result {
    switch (operation.type) {
      case 'put':
      case 'delete':
      case 'txn': {
        const check = { then: [operation], else: [], compare: [] };
        this.#check(check, this.#decide(check));
        return this.#change(operation, this.#decide(check).inner[0]) as Result;
      }
      case 'compact':
        if (operation.revision > this.revision) throw new Refusal('KV_FUTURE_REVISION');
        if (operation.revision <= this.compactedRevision) throw new Refusal('KV_COMPACTED');
        this.compactedRevision = operation.revision;
        return { type: 'compact', revision: this.revision };
      case 'leaseGrant':
        return this.#grant(operation.id ?? 0, operation.ttl);
      case 'leaseRevoke': {
        const { id, grantedAt: wanted = 0 } = operation;
        const { grantedAt } = this.leases.find((lease) => lease.id === id) ?? {};
        const isThisOne = wanted === 0 || grantedAt === 0 || wanted === grantedAt;
        if (grantedAt === undefined || !isThisOne) throw new Refusal('KV_LEASE_NOT_FOUND');
        const keys = this.keysOf(id);
        for (const key of keys) this.#delete({ key });
        this.leases.splice(
          this.leases.findIndex((lease) => lease.id === id),
          1,
        );
        return { type: 'leaseRevoke', revision: this.#reached(), deleted: keys.length };
      }
      case 'mark':
        return { type: 'mark', revision: this.revision };
    }
  }

  #grant(id: number, ttl: number): Result {
    if (this.#hasLease(id)) throw new Refusal('KV_LEASE_EXISTS');
    let chosen = id;
    if (id === 0) {
      while (this.#hasLease(this.#nextLease)) this.#nextLease += 1;
      chosen = this.#nextLease;
      this.#nextLease += 1;
    }
    this.leases.push({ id: chosen, ttl, grantedAt: this.#index });
    return { type: 'leaseGrant', revision: this.revision, id: chosen, ttl };
  }

  #change(operation: TxnOperation, decision: Decision | undefined): TxnResult {
    switch (operation.type) {
      case 'put':
        return { type: 'put', ...this.#put(operation) };
      case 'delete':
        return { type: 'delete', ...this.#delete(operation) };
      case 'range':
        return { type: 'range', ...this.range(operation) };
      case 'txn': {
        const { succeeded, inner } = decision as Decision;
        const side = succeeded ? operation.then : operation.else;
        const results = side.map((step, place) => this.#change(step, inner[place]));
        return { type: 'txn', revision: this.#reached(), succeeded, results };
      }
    }
  }

  #put(request: PutRequest): { revision: Revision; previous?: KeyValue } {
    const old = this.#find(request.key);
    const revision = this.revision + 1;
    const pair: KeyValue = {
      key: request.key,
      value: request.ignoreValue === true ? (old?.value as Uint8Array) : request.value,
      createRevision: old?.createRevision ?? revision,
      modRevision: revision,
      version: (old?.version ?? 0) + 1,
      lease: request.ignoreLease === true ? (old?.lease as number) : (request.lease ?? 0),
    };
    this.#changes.push({ revision, pair, isDelete: false });
    return request.previous === true && old !== undefined
      ? { revision, previous: old }
      : { revision };
  }

  #delete(request: DeleteRequest): { revision: Revision; deleted: number; previous: KeyValue[] } {
    const gone = this.#now().filter((pair) => isIn(request, pair));
    const revision = this.revision + 1;
    const value = Buffer.alloc(0);
    const numbers = { createRevision: 0, modRevision: revision, version: 0, lease: 0 };
    for (const { key } of gone) {
      this.#changes.push({ revision, pair: { key, value, ...numbers }, isDelete: true });
    }
    const previous = request.previous === true ? gone : [];
    return { revision: this.#reached(), deleted: gone.length, previous };
  }

  #decide(request: TxnRequest): Decision {
    const succeeded = request.compare.every((compare) => this.#holds(compare));
    const side = succeeded ? request.then : request.else;
    return {
      succeeded,
      inner: side.map((step) => (step.type === 'txn' ? this.#decide(step) : undefined)),
    };
  }

  #check(request: TxnRequest, { succeeded, inner }: Decision): void {
    checkDuplicates(request.then);
    checkDuplicates(request.else);
    for (const [place, step] of (succeeded ? request.then : request.else).entries()) {
      if (step.type === 'txn') this.#check(step, inner[place] as Decision);
      if (step.type === 'range') this.#checkRevision(step.revision ?? 0);
      if (step.type !== 'put') continue;
      if (step.lease && !this.#hasLease(step.lease)) throw new Refusal('KV_LEASE_NOT_FOUND');
      const isKept = step.ignoreValue === true || step.ignoreLease === true;
      if (isKept && this.#find(step.key) === undefined) throw new Refusal('KV_KEY_NOT_FOUND');
    }
  }

  #holds(compare: Compare): boolean {
    const pairs = this.#now().filter((pair) => isIn(compare, pair));
    if (pairs.length === 0) {
      return compare.target !== 'value' && holds(compare.result, 0 - compare.number);
    }
    return pairs.every((pair) => {
      if (compare.target === 'value') {
        return holds(compare.result, Buffer.compare(pair.value, compare.value));
      }
      const number = {
        version: pair.version,
        create: pair.createRevision,
        mod: pair.modRevision,
        lease: pair.lease,
      }[compare.target];
      return holds(compare.result, number - compare.number);
    });
  }

  #checkRevision(revision: Revision): void {
    if (revision > this.revision) throw new Refusal('KV_FUTURE_REVISION');
    if (revision !== 0 && revision < this.compactedRevision) throw new Refusal('KV_COMPACTED');
  }

  #now(): KeyValue[] {
    return this.pairsAt(Infinity);
  }

  #find(wanted: Uint8Array): KeyValue | undefined {
    return this.#now().find(({ key }) => Buffer.compare(key, wanted) === 0);
  }

  #hasLease(id: number): boolean {
    return this.leases.some((lease) => lease.id === id);
  }

  /** The revision that answers name: the next one as soon as it has changed something. */
  #reached(): Revision {
    return Math.max(this.revision, this.#changes.at(-1)?.revision ?? 0);
  }
}

interface Decision {
  readonly succeeded: boolean;
  readonly inner: readonly (Decision | undefined)[];
}

/** Compares each operation with each other one. */
function checkDuplicates(operations: readonly TxnOperation[]): void {
  for (const [place, one] of operations.entries()) {
    for (const other of operations.slice(place + 1)) {
      const puts = (operation: TxnOperation): PutRequest[] => changed(operation).puts;
      for (const { key } of puts(one)) {
        if (puts(other).some((put) => Buffer.compare(put.key, key) === 0)) {
          throw new Refusal('KV_DUPLICATE_KEY');
        }
      }
      for (const [put, deleted] of [
        [one, other],
        [other, one],
      ] as const) {
        const ranges = changed(deleted).deletes;
        if (puts(put).some((pair) => ranges.some((range) => isIn(range, pair)))) {
          throw new Refusal('KV_DUPLICATE_KEY');
        }
      }
    }
    if (one.type !== 'txn') continue;
    checkDuplicates(one.then);
    checkDuplicates(one.else);
  }
}

function changed(operation: TxnOperation): { puts: PutRequest[]; deletes: DeleteRequest[] } {
  if (operation.type === 'put') return { puts: [operation], deletes: [] };
  if (operation.type === 'delete') return { puts: [], deletes: [operation] };
  if (operation.type === 'range') return { puts: [], deletes: [] };
  const inner = [...operation.then, ...operation.else].map(changed);
  return {
    puts: inner.flatMap(({ puts }) => puts),
    deletes: inner.flatMap(({ deletes }) => deletes),
  };
}

function isIn({ key, end }: KeyRange, pair: { readonly key: Uint8Array }): boolean {
  if (end === undefined) return Buffer.compare(pair.key, key) === 0;
  if (Buffer.compare(pair.key, key) < 0) return false;
  return Buffer.compare(end, Buffer.of(0)) === 0 || Buffer.compare(pair.key, end) < 0;
}

function isWithin(request: RangeRequest, { modRevision, createRevision }: KeyValue): boolean {
  return (
    modRevision >= (request.minModRevision || 0) &&
    modRevision <= (request.maxModRevision || Infinity) &&
    createRevision >= (request.minCreateRevision || 0) &&
    createRevision <= (request.maxCreateRevision || Infinity)
  );
}

function sorted(pairs: readonly KeyValue[], { sort }: RangeRequest): KeyValue[] {
  const target = sort?.target ?? 'key';
  const sign = sort?.order === 'descend' ? -1 : 1;
  return [...pairs].sort((one, other) => {
    if (target === 'key') return sign * Buffer.compare(one.key, other.key);
    if (target === 'value') return sign * Buffer.compare(one.value, other.value);
    if (target === 'version') return sign * (one.version - other.version);
    const name = target === 'create' ? 'createRevision' : 'modRevision';
    return sign * (one[name] - other[name]);
  });
}

function holds(result: Compare['result'], difference: number): boolean {
  if (result === 'equal') return difference === 0;
  if (result === 'notEqual') return difference !== 0;
  return result === 'greater' ? difference > 0 : difference < 0;
}
