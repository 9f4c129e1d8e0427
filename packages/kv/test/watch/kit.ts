import { KvError } from '../../src/errors.ts';
import { WatchHub, type WatchHubOptions } from '../../src/server/watch/hub.ts';
import type { KvEvent, WatchBatch, WatchRequest } from '../../src/types.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';
import { FakeStore, type Write } from './fake-store.ts';

export type Watch = AsyncIterableIterator<WatchBatch, undefined>;

/** A request for a watch in short: keys as text. */
export interface Wanted extends Omit<WatchRequest, 'key' | 'end'> {
  readonly end?: string;
  readonly signal?: AbortSignal;
}

/** A hub over a store that is a mere history, in virtual time. */
export class HubKit {
  readonly runtime = new VirtualRuntime();
  readonly store: FakeStore;
  readonly hub: WatchHub;

  constructor(options: Partial<WatchHubOptions> = {}, store: FakeStore = new FakeStore()) {
    this.store = store;
    const limits = { maxWatchers: 100_000, maxKeyBytes: 1024 };
    this.hub = new WatchHub({ store: this.store, runtime: this.runtime, limits, ...options });
  }

  readonly watch = (key: string, wanted: Wanted = {}): Watch => {
    const { signal = new AbortController().signal, end, ...others } = wanted;
    const request = { key: bytes(key), ...others };
    return this.hub.watch(end === undefined ? request : { ...request, end: bytes(end) }, {
      signal,
    });
  };

  /** One applied batch with one transaction. */
  readonly txn = (...writes: readonly Write[]): number => {
    const revision = this.store.txn(...writes);
    this.hub.applied();
    return revision;
  };

  readonly put = (key: string, value = 'v'): number => this.txn([key, value]);
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** An event in short: `+a=1@2` was put at revision 2, `-a@3` deleted at 3; `(0)`: it was 0. */
export function inShort({ type, kv, previous }: KvEvent): string {
  const key = textOf(kv.key);
  const what = type === 'put' ? `+${key}=${textOf(kv.value)}` : `-${key}`;
  return `${what}@${kv.modRevision}${previous === undefined ? '' : `(${textOf(previous.value)})`}`;
}

/** The next batch in short. */
export async function nextOf(watch: Watch): Promise<string> {
  const { value, done } = await watch.next();
  return done === true ? 'end' : batchInShort(value);
}

export function batchInShort({ revision, events }: WatchBatch): string {
  return [...events.map(inShort), `to ${revision}`].join(' ');
}

/** Whether it has settled by now. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
  return !isSettled;
}

export function stopping(): KvError {
  return new KvError('KV_STOPPING', 'This member is stopping.');
}

function textOf(part: Uint8Array): string {
  return Buffer.from(part).toString('latin1');
}
