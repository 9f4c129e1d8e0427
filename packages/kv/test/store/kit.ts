import { byteString, bytesOf } from '../../src/bytes.ts';
import { KvError, type KvErrorCode } from '../../src/errors.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { decodeResults } from '../../src/protocol/results.ts';
import { KvStore } from '../../src/store/store.ts';
import type { KeyValue, KvEvent, Operation, Result, Revision } from '../../src/types.ts';

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Applies operations as the command at an index of the log. */
export function applyAt(store: KvStore, index: number, operations: readonly Operation[]): Result[] {
  return decodeResults(store.apply(encodeCommand(operations), index));
}

/** Applies operations as one command. */
export function apply(store: KvStore, ...operations: readonly Operation[]): Result[] {
  return decodeResults(store.apply(encodeCommand(operations)));
}

/** Applies one operation that must not fail. */
export function run(store: KvStore, operation: Operation): Result {
  const [result] = apply(store, operation);
  if (result === undefined) throw new Error('An operation must have a result.');
  if (result.type === 'error') throw new KvError(result.code, result.message);
  return result;
}

/** Puts texts; a value of `undefined` deletes. Returns the revision that it made. */
export function put(store: KvStore, key: string, value: string | undefined): Revision {
  if (value === undefined) return runFor(store, { type: 'delete', key: bytes(key) });
  return runFor(store, { type: 'put', key: bytes(key), value: bytes(value) });
}

function runFor(store: KvStore, operation: Operation): Revision {
  const result = run(store, operation);
  if (result.type === 'error') throw new Error('It cannot have failed here.');
  return result.revision;
}

/** All pairs as of a revision, as `key=value`. */
export function pairs(store: KvStore, revision = 0): string[] {
  return store
    .range({ key: bytes('\0'), end: bytes('\0'), revision })
    .kvs.map(({ key, value }) => `${byteString(key)}=${byteString(value)}`);
}

/** What the revisions from `from` on changed, as `2: put a=1`. */
export function history(store: KvStore, from = store.compactedRevision + 1): string[] {
  const told: string[] = [];
  for (let revision = from; revision <= store.revision; revision += 1) {
    for (const stored of store.changesAt(revision) ?? []) {
      const { type, kv } = store.eventOf(stored, { previous: false });
      const value = type === 'put' ? `=${byteString(kv.value)}` : '';
      told.push(`${kv.modRevision}: ${type} ${byteString(kv.key)}${value}`);
    }
  }
  return told;
}

export function codeOf(run_: () => unknown): KvErrorCode | undefined {
  try {
    run_();
    return undefined;
  } catch (error) {
    if (error instanceof KvError) return error.code;
    throw error;
  }
}

/** The same with all bytes as text, and no messages: for comparing. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return shortened(byteString(value));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name, inner]) => {
    return name !== 'message' && inner !== undefined;
  });
  return Object.fromEntries(entries.map(([name, inner]) => [name, plain(inner)]));
}

/** So that a failure of a test can be read. */
function shortened(text: string): string {
  return text.length > 1000 ? `${text.length} times ${text[0]}` : text;
}

export async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

export async function restored(chunks: Iterable<Uint8Array>): Promise<KvStore> {
  const store = new KvStore();
  await store.restore(streamOf(chunks));
  return store;
}

/** All that can be seen of a store, at every revision. */
export function picture(store: KvStore): unknown {
  const { revision, compactedRevision, keyCount, leaseCount } = store;
  const views: KeyValue[][] = [];
  const events: KvEvent[][] = [];
  for (let at = Math.max(compactedRevision, 1); at <= revision; at += 1) {
    views.push([...store.range({ key: bytes('\0'), end: bytes('\0'), revision: at }).kvs]);
    if (at === compactedRevision) continue;
    const stored = store.changesAt(at) ?? [];
    events.push(stored.map((change) => store.eventOf(change, { previous: true })));
  }
  const leases = [...store.leases()].map(({ id, ttl, grantedAt }) => ({
    id,
    ttl,
    grantedAt,
    keys: store.lease(id)?.keys.map(bytesOf),
  }));
  const counts = { revision, compactedRevision, keyCount, leaseCount };
  return plain({ ...counts, hash: store.hash(), views, events, leases });
}

/** The store of a member, which must be the one in memory. */
export function memoryStoreOf({ store }: { readonly store: unknown }): KvStore {
  if (store instanceof KvStore) return store;
  throw new Error('This member does not keep its store in memory.');
}
