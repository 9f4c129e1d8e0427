import { KvError } from '../../src/errors.ts';
import type {
  Compare,
  KeyRange,
  KeyValue,
  KvEvent,
  LeaseId,
  RangeRequest,
  RangeResponse,
  Revision,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  TxnResult,
} from '../../src/types.ts';

type State = Map<string, KeyValue>;

/** What one transaction does, on a state of its own until it is done. */
interface Change {
  readonly state: State;
  readonly revision: Revision;
  readonly events: KvEvent[];
}

/** The data model as plainly as it can be said: a whole copy of the state for each revision. */
export class PlainStore {
  revision = 1;
  compacted = 0;
  readonly leases = new Set<LeaseId>();
  readonly #states = new Map<Revision, State>([[1, new Map()]]);
  readonly #events = new Map<Revision, readonly KvEvent[]>();

  range(request: RangeRequest): RangeResponse {
    const at = request.revision ?? this.revision;
    if (at < this.compacted) throw compactedError(at);
    return { ...rangeOf(this.#state(at), request), revision: this.revision };
  }

  txn(request: TxnRequest): TxnResponse {
    const state = new Map(this.#state(this.revision));
    const change: Change = { state, revision: this.revision + 1, events: [] };
    const { succeeded, results } = this.#run(change, request);
    this.#finish(change);
    return { revision: this.revision, succeeded, results };
  }

  /** Deletes the keys of the lease. */
  revoke(id: LeaseId): void {
    if (!this.leases.delete(id)) throw leaseNotFound(id);
    const state = new Map(this.#state(this.revision));
    const change: Change = { state, revision: this.revision + 1, events: [] };
    for (const { key, lease } of [...state.values()]) if (lease === id) remove(change, { key });
    this.#finish(change);
  }

  /** The changes of a revision; `undefined` if it is still to come. */
  eventsAt(revision: Revision): readonly KvEvent[] | undefined {
    if (revision <= this.compacted) throw compactedError(revision);
    return this.#events.get(revision);
  }

  #state(revision: Revision): State {
    const state = this.#states.get(revision);
    if (state === undefined) throw new KvError('KV_FUTURE_REVISION', `No revision ${revision}.`);
    return state;
  }

  #finish({ state, revision, events }: Change): void {
    if (events.length === 0) return;
    this.revision = revision;
    this.#states.set(revision, state);
    this.#events.set(revision, events);
  }

  #run(change: Change, request: TxnRequest): Pick<TxnResponse, 'succeeded' | 'results'> {
    const succeeded = request.compare.every((compare) => holds(change.state, compare));
    const operations = succeeded ? request.then : request.else;
    return { succeeded, results: operations.map((operation) => this.#do(change, operation)) };
  }

  #do(change: Change, operation: TxnOperation): TxnResult {
    const { state, revision } = change;
    switch (operation.type) {
      case 'put': {
        const { key, value, lease = 0, ignoreLease = false } = operation;
        const before = state.get(nameOf(key));
        if (lease !== 0 && !this.leases.has(lease)) throw leaseNotFound(lease);
        const kv = {
          key,
          value,
          createRevision: before?.createRevision ?? revision,
          modRevision: revision,
          version: (before?.version ?? 0) + 1,
          lease: ignoreLease ? (before?.lease ?? 0) : lease,
        };
        state.set(nameOf(key), kv);
        change.events.push({ type: 'put', kv });
        return { type: 'put', revision };
      }
      case 'delete':
        return { type: 'delete', revision, deleted: remove(change, operation), previous: [] };
      case 'range':
        return { type: 'range', ...rangeOf(state, operation), revision: this.revision };
      case 'txn':
        return { type: 'txn', revision, ...this.#run(change, operation) };
      default:
        throw new TypeError(`Not an operation: ${JSON.stringify(operation)}`);
    }
  }
}

export function leaseNotFound(id: LeaseId): KvError {
  return new KvError('KV_LEASE_NOT_FOUND', `There is no lease ${id}.`);
}

function compactedError(revision: Revision): KvError {
  return new KvError('KV_COMPACTED', `Revision ${revision} is compacted.`);
}

function remove({ state, revision, events }: Change, range: KeyRange): number {
  const keys = inRange(state, range).map(({ key }) => key);
  for (const key of keys) {
    state.delete(nameOf(key));
    const nothing = { value: new Uint8Array(), createRevision: 0, version: 0, lease: 0 };
    events.push({ type: 'delete', kv: { key, modRevision: revision, ...nothing } });
  }
  return keys.length;
}

function rangeOf(state: State, request: RangeRequest): Omit<RangeResponse, 'revision'> {
  const all = inRange(state, request);
  const { maxCreateRevision = Infinity, limit = 0, sort, keysOnly = false } = request;
  const fitting = all.filter(({ createRevision }) => createRevision <= maxCreateRevision);
  if (sort?.target === 'create') fitting.sort((a, b) => a.createRevision - b.createRevision);
  if (sort?.order === 'descend') fitting.reverse();
  const kvs = limit === 0 ? fitting : fitting.slice(0, limit);
  return {
    kvs: request.countOnly ? [] : kvs.map((kv) => (keysOnly ? withoutValue(kv) : kv)),
    more: kvs.length < fitting.length,
    count: all.length,
  };
}

function withoutValue(kv: KeyValue): KeyValue {
  return { ...kv, value: new Uint8Array() };
}

function holds(state: State, compare: Compare): boolean {
  const pairs = inRange(state, compare);
  if (compare.target === 'value' || compare.result !== 'equal') {
    throw new TypeError('The recipes compare numbers for being equal.');
  }
  const { target, number } = compare;
  const field = { version: 'version', create: 'createRevision', mod: 'modRevision' } as const;
  const name = target === 'lease' ? 'lease' : field[target];
  if (pairs.length === 0) return number === 0;
  return pairs.every((pair) => pair[name] === number);
}

function inRange(state: State, { key, end }: KeyRange): KeyValue[] {
  const from = nameOf(key);
  const to = end === undefined ? `${from}\0` : nameOf(end);
  const names = [...state.keys()].filter((name) => name >= from && name < to).sort();
  return names.map((name) => state.get(name) as KeyValue);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}
