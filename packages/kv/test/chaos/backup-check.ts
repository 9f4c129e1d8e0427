import { isDeepStrictEqual } from 'node:util';
import { byteString } from '../../src/bytes.ts';
import type { KvStore } from '../../src/store/store.ts';
import type { KeyValue, KvEvent, RangeRequest } from '../../src/types.ts';
import type { Change } from '../checks/watches.ts';

/** Of a backup the first few faults say it all. */
const mostFaults = 3;
const all: RangeRequest = { key: Buffer.of(0), end: Buffer.of(0) };

/**
 * What a backup has that never was, and what it lacks: the pairs, and the past as far as it is
 * kept. The changes are all that there were up to its revision.
 */
export function checkSaved(store: KvStore, changes: readonly Change[]): readonly string[] {
  const { revision, compactedRevision } = store;
  const past = changes.filter((change) => change.revision <= revision);
  const told = past.at(-1)?.revision ?? 1;
  if (told !== revision) {
    return [`It is of revision ${revision}, and the last change up to that is ${told}.`];
  }
  const pairs = new Map<string, KeyValue>();
  const faults: string[] = [];
  for (const change of past) {
    for (const { type, kv } of change.events) {
      if (type === 'put') pairs.set(byteString(kv.key), kv);
      else pairs.delete(byteString(kv.key));
    }
    if (change.revision > compactedRevision && faults.length < mostFaults) {
      faults.push(...pastFaults(store, change));
    }
  }
  return [...comparePairs([...pairs.values()], store.range(all).kvs), ...faults];
}

/** How pairs differ from those that are wanted. */
export function comparePairs(
  wanted: readonly KeyValue[],
  found: readonly KeyValue[],
): readonly string[] {
  const there = new Map(found.map((pair) => [byteString(pair.key), pair]));
  const faults: string[] = [];
  for (const pair of wanted) {
    const key = byteString(pair.key);
    const other = there.get(key);
    there.delete(key);
    if (other === undefined) faults.push(`${key} is lost; it should be ${show(pair)}.`);
    else if (!isSame(pair, other)) faults.push(`${key} is ${show(other)}, not ${show(pair)}.`);
  }
  for (const [key, pair] of there) faults.push(`${key} is ${show(pair)}, and should not be.`);
  return faults.slice(0, mostFaults);
}

function pastFaults(store: KvStore, { revision, events }: Change): readonly string[] {
  const stored = store.changesAt(revision) ?? [];
  const found = stored.map((one) => store.eventOf(one, { previous: false }));
  const isWell =
    found.length === events.length && found.every((one, at) => isSameEvent(one, events[at]));
  if (isWell) return [];
  const [is, was] = [found, events].map((some) => some.map(showEvent).join(','));
  return [`Its revision ${revision} is ${is}, not ${was}.`];
}

function isSameEvent({ type, kv }: KvEvent, other: KvEvent | undefined): boolean {
  if (other === undefined || type !== other.type) return false;
  if (type === 'put') return isSame(kv, other.kv);
  return byteString(kv.key) === byteString(other.kv.key);
}

function isSame(one: KeyValue, other: KeyValue): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

function plain(pair: KeyValue): object {
  return { ...pair, key: byteString(pair.key), value: byteString(pair.value) };
}

function showEvent({ type, kv }: KvEvent): string {
  return `the ${type} of ${byteString(kv.key)} (${show(kv)})`;
}

function show({ value, createRevision, modRevision, version, lease }: KeyValue): string {
  const text = JSON.stringify(byteString(value));
  return `${text}, ${createRevision}/${modRevision}, version ${version}, lease ${lease}`;
}
