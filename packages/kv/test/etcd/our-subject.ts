import { byteString } from '../../src/bytes.ts';
import { KvError } from '../../src/errors.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { decodeResults } from '../../src/protocol/results.ts';
import { KvStore } from '../../src/store/store.ts';
import type {
  KeyValue,
  KvEvent,
  Operation,
  RangeResponse,
  Result,
  TxnResult,
} from '../../src/types.ts';
import type { Answer, Happened, Pair, Step, Subject } from './answers.ts';

/** The store of this package, asked as the log and the service ask it. */
export class OurSubject implements Subject {
  readonly store = new KvStore();

  async answer(step: Step): Promise<Answer> {
    try {
      return this.#answer(step);
    } catch (error) {
      if (error instanceof KvError) return { type: 'error', code: error.code };
      throw error;
    }
  }

  #answer(step: Step): Answer {
    switch (step.type) {
      case 'range':
        return rangeAnswer(this.store.range(step));
      case 'leaseKeys':
        return leaseKeysAnswer(this.store.lease(step.id)?.keys);
      case 'events':
        return { type: 'events', events: this.#eventsFrom(step.from) };
      default:
        return this.#apply(step);
    }
  }

  #apply(operation: Operation): Answer {
    const [result] = decodeResults(this.store.apply(encodeCommand([operation])));
    if (result === undefined) throw new Error('An operation must have a result.');
    return answerOf(result);
  }

  #eventsFrom(from: number): readonly Happened[] {
    const events: Happened[] = [];
    for (let revision = from; revision <= this.store.revision; revision += 1) {
      for (const stored of this.store.changesAt(revision) ?? []) {
        events.push(happened(this.store.eventOf(stored, { previous: true })));
      }
    }
    return events;
  }
}

function leaseKeysAnswer(keys: readonly string[] | undefined): Answer {
  return keys === undefined
    ? { type: 'error', code: 'KV_LEASE_NOT_FOUND' }
    : { type: 'leaseKeys', keys: keys.toSorted() };
}

function answerOf(result: Result): Answer {
  switch (result.type) {
    case 'put':
    case 'delete':
    case 'txn':
      return txnAnswer(result, 0);
    case 'error':
      return { type: 'error', code: result.code };
    case 'leaseGrant': {
      const { type, revision, id, ttl } = result;
      return { type, revision, id, ttl };
    }
    case 'compact':
    case 'leaseRevoke':
      return { type: result.type, revision: result.revision };
    case 'mark':
      throw new Error('Nobody asked for a mark.');
  }
}

function txnAnswer(result: TxnResult, depth: number): Answer {
  switch (result.type) {
    case 'put':
      return { type: 'put', revision: result.revision, previous: pairOf(result.previous) };
    case 'delete': {
      const { revision, deleted, previous } = result;
      return { type: 'delete', revision, deleted, previous: previous.map(pair) };
    }
    case 'range':
      return rangeAnswer(result);
    case 'txn': {
      const { succeeded, results } = result;
      return {
        type: 'txn',
        // etcd leaves it out of inner ones.
        revision: depth === 0 ? result.revision : undefined,
        succeeded,
        results: results.map((one) => txnAnswer(one, depth + 1)),
      };
    }
  }
}

function rangeAnswer({ revision, kvs, more, count }: RangeResponse): Answer {
  return { type: 'range', revision, pairs: kvs.map(pair), more, count };
}

function pairOf(kv: KeyValue | undefined): Pair | undefined {
  return kv === undefined ? undefined : pair(kv);
}

function pair({ key, value, createRevision, modRevision, version, lease }: KeyValue): Pair {
  return {
    key: byteString(key),
    value: byteString(value),
    create: createRevision,
    mod: modRevision,
    version,
    lease,
  };
}

function happened({ type, kv, previous }: KvEvent): Happened {
  const key = byteString(kv.key);
  const before = { previous: pairOf(previous) };
  if (type === 'delete') return { type, key, mod: kv.modRevision, ...before };
  return { type, key, mod: kv.modRevision, pair: pair(kv), ...before };
}
