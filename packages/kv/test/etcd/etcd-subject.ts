import type {
  Etcd3,
  IDeleteRangeResponse,
  IKeyValue,
  IPutResponse,
  IRangeResponse,
  IResponseOp,
  ITxnResponse,
  IWatchResponse,
} from 'etcd3';
import { byteString } from '../../src/bytes.ts';
import type { KvErrorCode } from '../../src/errors.ts';
import type { Answer, Happened, Pair, Step, Subject } from './answers.ts';
import {
  deleteThere,
  leaseThere,
  putThere,
  rangeThere,
  revisionThere,
  txnThere,
} from './etcd-requests.ts';

/** What etcd says, and which of our codes means the same. */
const codes: readonly (readonly [string, KvErrorCode])[] = [
  ['required revision has been compacted', 'KV_COMPACTED'],
  ['required revision is a future revision', 'KV_FUTURE_REVISION'],
  ['duplicate key given', 'KV_DUPLICATE_KEY'],
  ['requested lease not found', 'KV_LEASE_NOT_FOUND'],
  ['lease already exists', 'KV_LEASE_EXISTS'],
  ['key not found', 'KV_KEY_NOT_FOUND'],
  ['value is provided', 'KV_INVALID'],
  ['lease is provided', 'KV_INVALID'],
];

/** Leases of one sequence have the numbers below this. */
const mostLeases = 16;
const everything = { key: Buffer.of(0), range_end: Buffer.of(0) };
const watchTimeoutMs = 10_000;

type Header = Pick<IPutResponse, 'header'>;

/** etcd, as if its store were empty at each `begin`. */
export class EtcdSubject implements Subject {
  readonly #client: Etcd3;
  #firstRevision = 1;
  #firstLease = 0;

  constructor(client: Etcd3) {
    this.#client = client;
  }

  /** Deletes and forgets everything. */
  async begin(): Promise<void> {
    const deleted = await this.#client.kv.deleteRange(everything);
    this.#firstRevision = Number(deleted.header.revision);
    this.#firstLease += mostLeases;
    try {
      await this.#client.kv.compact({ revision: this.#firstRevision });
    } catch (error) {
      // Nothing has happened since the last time.
      if (codeOf(error) !== 'KV_COMPACTED') throw error;
    }
  }

  async answer(step: Step): Promise<Answer> {
    try {
      return await this.#answer(step);
    } catch (error) {
      return { type: 'error', code: codeOf(error) };
    }
  }

  get #numbering(): { readonly firstRevision: number; readonly firstLease: number } {
    return { firstRevision: this.#firstRevision, firstLease: this.#firstLease };
  }

  async #answer(step: Step): Promise<Answer> {
    const { kv, leaseClient } = this.#client;
    const numbering = this.#numbering;
    switch (step.type) {
      case 'put':
        return this.#put(await kv.put(putThere(step, numbering)));
      case 'range':
        return this.#range(await kv.range(rangeThere(step, numbering)));
      case 'delete':
        return this.#deleted(await kv.deleteRange(deleteThere(step)));
      case 'txn':
        return this.#txn(await kv.txn(txnThere(step, numbering)), 0);
      case 'compact': {
        const response = await kv.compact({ revision: revisionThere(step.revision, numbering) });
        return { type: step.type, revision: this.#header(response) };
      }
      case 'leaseGrant': {
        const id = leaseThere(step.id, numbering);
        const granted = await leaseClient.leaseGrant({ ID: id, TTL: step.ttl });
        const { type } = step;
        const ours = Number(granted.ID) - this.#firstLease;
        return { type, revision: this.#header(granted), id: ours, ttl: Number(granted.TTL) };
      }
      case 'leaseRevoke': {
        const response = await leaseClient.leaseRevoke({ ID: leaseThere(step.id, numbering) });
        return { type: step.type, revision: this.#header(response) };
      }
      case 'leaseKeys':
        return this.#leaseKeys(step.id);
      case 'events':
        return { type: 'events', events: await this.#eventsFrom(step.from) };
    }
  }

  /** It has no error for a lease that is not there. */
  async #leaseKeys(id: number): Promise<Answer> {
    const asked = { ID: leaseThere(id, this.#numbering), keys: true };
    const { TTL: left, keys } = await this.#client.leaseClient.leaseTimeToLive(asked);
    if (Number(left) < 0) return { type: 'error', code: 'KV_LEASE_NOT_FOUND' };
    return { type: 'leaseKeys', keys: keys.map(byteString).sort() };
  }

  /** Up to the newest revision, which has an event unless all of them are older. */
  async #eventsFrom(from: number): Promise<readonly Happened[]> {
    const newest = this.#header(await this.#client.kv.range(everything));
    if (newest < from) return [];
    const events: Happened[] = [];
    const stream = await this.#client.watchClient.watch();
    const told = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`The watch told ${events.length} events, and not ${newest}.`));
      }, watchTimeoutMs);
      stream.on('error', reject);
      stream.on('data', (response: IWatchResponse) => {
        for (const event of response.events) events.push(this.#happened(event));
        if (events.at(-1)?.mod !== newest && !response.canceled) return;
        clearTimeout(timer);
        resolve();
      });
    });
    const start = { start_revision: revisionThere(from, this.#numbering), prev_kv: true };
    stream.write({ create_request: { ...everything, ...start } });
    await told;
    stream.end();
    return events;
  }

  #happened({ type, kv, prev_kv: before }: IWatchResponse['events'][number]): Happened {
    const pair = this.#pair(kv);
    const { key, mod } = pair;
    const previous = this.#pairOf(before);
    if (type === 'Delete') return { type: 'delete', key, mod, previous };
    return { type: 'put', key, mod, pair, previous };
  }

  #put(response: IPutResponse): Answer {
    const previous = this.#pairOf(response.prev_kv);
    return { type: 'put', revision: this.#header(response), previous };
  }

  #range(response: IRangeResponse): Answer {
    const { kvs, more, count } = response;
    const pairs = kvs.map((kv) => this.#pair(kv));
    return { type: 'range', revision: this.#header(response), pairs, more, count: Number(count) };
  }

  #deleted(response: IDeleteRangeResponse): Answer {
    const previous = response.prev_kvs.map((kv) => this.#pair(kv));
    const deleted = Number(response.deleted);
    return { type: 'delete', revision: this.#header(response), deleted, previous };
  }

  #txn(response: ITxnResponse, depth: number): Answer {
    return {
      type: 'txn',
      revision: depth === 0 ? this.#header(response) : undefined,
      succeeded: response.succeeded,
      results: response.responses.map((one) => this.#result(one, depth + 1)),
    };
  }

  /** One of them is there, whatever their types say. */
  #result(result: Partial<IResponseOp>, depth: number): Answer {
    if (result.response_put) return this.#put(result.response_put);
    if (result.response_range) return this.#range(result.response_range);
    if (result.response_delete_range) return this.#deleted(result.response_delete_range);
    if (result.response_txn) return this.#txn(result.response_txn, depth);
    throw new Error(`etcd answered ${Object.keys(result).join(', ')} in a transaction.`);
  }

  #header({ header }: Header): number {
    return Number(header.revision) - this.#firstRevision + 1;
  }

  /** What is not there is null. */
  #pairOf(kv: IKeyValue | null): Pair | undefined {
    return kv === null ? undefined : this.#pair(kv);
  }

  #pair(kv: IKeyValue): Pair {
    const lease = Number(kv.lease);
    const create = Number(kv.create_revision);
    return {
      key: byteString(kv.key),
      value: byteString(kv.value),
      create: create === 0 ? 0 : create - this.#firstRevision + 1,
      mod: Number(kv.mod_revision) - this.#firstRevision + 1,
      version: Number(kv.version),
      lease: lease === 0 ? 0 : lease - this.#firstLease,
    };
  }
}

function codeOf(error: unknown): KvErrorCode {
  const known = codes.find(([words]) => error instanceof Error && error.message.includes(words));
  if (known === undefined) throw error;
  return known[1];
}
