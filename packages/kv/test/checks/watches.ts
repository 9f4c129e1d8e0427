import { isDeepStrictEqual } from 'node:util';
import { byteString } from '../../src/bytes.ts';
import type {
  EventType,
  KeyRange,
  KeyValue,
  KvEvent,
  Revision,
  WatchBatch,
  WatchRequest,
} from '../../src/types.ts';

/** All that happened at one revision, in order. */
export interface Change {
  readonly revision: Revision;
  /** With the pairs as they were before, where there were any. */
  readonly events: readonly KvEvent[];
}

/** What one watcher was told; if it went on elsewhere meanwhile, all of it one after the other. */
export interface WatchRecord {
  readonly request: WatchRequest;
  /** The first revision that it has a right to. */
  readonly from: Revision;
  readonly batches: readonly WatchBatch[];
  /** It waited long enough for everything up to here. */
  readonly until?: Revision;
}

export type WatchRule =
  /** It goes back, or its events do. */
  | 'order'
  /** The same was told twice. */
  | 'twice'
  /** Of one revision a part was told, and the batch ended. */
  | 'torn'
  /** A revision, or everything behind the last one, was left out. */
  | 'missing'
  /** It did not happen so, or not in this range. */
  | 'invented'
  /** The event is right, and the pair before it is not. */
  | 'previous';

export interface WatchViolation {
  readonly rule: WatchRule;
  readonly text: string;
}

/** How what a watcher was told differs from what happened: empty if all of it is right. */
export function checkWatch(
  { request, from, batches, until = 0 }: WatchRecord,
  changes: readonly Change[],
): readonly WatchViolation[] {
  const due = dueOf(request, changes);
  const violations: WatchViolation[] = [];
  const told = new Set<string>();
  let upTo = from - 1;
  for (const [at, batch] of batches.entries()) {
    const add = (rule: WatchRule, text: string): void => {
      violations.push({ rule, text: `Batch ${at} (up to ${batch.revision}): ${text}` });
    };
    if (batch.revision < upTo) add('order', `it goes back from ${upTo}.`);
    checkOrder(batch, { upTo, told, add });
    checkContent(batch, { upTo, due, add });
    upTo = Math.max(upTo, batch.revision);
  }
  for (const revision of due.keys()) {
    if (revision <= upTo || revision > until) continue;
    const text = `Nothing was told of revision ${revision}; it ended with ${upTo}.`;
    violations.push({ rule: 'missing', text });
  }
  return violations;
}

interface Checking {
  readonly upTo: Revision;
  readonly add: (rule: WatchRule, text: string) => void;
}

function checkOrder(
  { events, revision }: WatchBatch,
  { upTo, told, add }: Checking & { readonly told: Set<string> },
): void {
  let last = 0;
  for (const event of events) {
    const at = event.kv.modRevision;
    const name = `${at} ${byteString(event.kv.key)}`;
    if (told.has(name)) add('twice', `${show(event)} was told before.`);
    else if (at <= upTo) add('order', `${show(event)} comes too late, or before the first.`);
    else if (at < last) add('order', `${show(event)} comes after revision ${last}.`);
    else if (at > revision) add('order', `${show(event)} is newer than the batch.`);
    told.add(name);
    last = Math.max(last, at);
  }
}

function checkContent(
  { events, revision }: WatchBatch,
  { upTo, due, add }: Checking & { readonly due: ReadonlyMap<Revision, readonly KvEvent[]> },
): void {
  const found = Map.groupBy(events, ({ kv }) => kv.modRevision);
  for (const [at, wanted] of due) {
    if (at <= upTo || at > revision) continue;
    const told = found.get(at) ?? [];
    if (told.length === 0) add('missing', `nothing was told of revision ${at}.`);
    else if (told.length < wanted.length) {
      add('torn', `revision ${at} has ${wanted.length} events; ${told.length} were told.`);
    }
  }
  for (const [at, told] of found) {
    const wanted = due.get(at) ?? [];
    for (const [place, event] of told.entries()) {
      const expected = wanted[place];
      if (expected === undefined || !isSameEvent(event, expected)) {
        const other = expected === undefined ? 'nothing' : show(expected);
        add('invented', `${show(event)}, where ${other} was to be told.`);
      } else if (!isDeepStrictEqual(plain(event.previous), plain(expected.previous))) {
        const [was, wants] = [event.previous, expected.previous].map(showPair);
        add('previous', `${show(event)} says that it was ${was} before, not ${wants}.`);
      }
    }
  }
}

/** What a request has a right to, by revision. */
function dueOf(
  request: WatchRequest,
  changes: readonly Change[],
): ReadonlyMap<Revision, readonly KvEvent[]> {
  const due = new Map<Revision, readonly KvEvent[]>();
  for (const { revision, events } of changes) {
    const some = events
      .filter(({ type, kv }) => type !== request.without && isIn(request, kv.key))
      .map((event) => (request.previous === true ? event : withoutPrevious(event)));
    if (some.length > 0) due.set(revision, some);
  }
  return due;
}

export function isIn({ key, end }: KeyRange, which: Uint8Array): boolean {
  if (end === undefined) return byteString(key) === byteString(which);
  if (byteString(which) < byteString(key)) return false;
  return byteString(end) === '\0' || byteString(which) < byteString(end);
}

function withoutPrevious({ type, kv }: KvEvent): KvEvent {
  return { type, kv };
}

/** Of a delete only the key and the revision count. */
function isSameEvent(left: KvEvent, right: KvEvent): boolean {
  if (left.type !== right.type) return false;
  if (left.type === 'put') return isDeepStrictEqual(plain(left.kv), plain(right.kv));
  const isSameKey = byteString(left.kv.key) === byteString(right.kv.key);
  return isSameKey && left.kv.modRevision === right.kv.modRevision;
}

function plain(pair: KeyValue | undefined): object | undefined {
  return pair && { ...pair, key: byteString(pair.key), value: byteString(pair.value) };
}

function show({ type, kv }: KvEvent): string {
  const key = JSON.stringify(byteString(kv.key));
  return `the ${type} of ${key} at ${kv.modRevision}${type === 'put' ? ` (${showPair(kv)})` : ''}`;
}

function showPair(pair: KeyValue | undefined): string {
  if (pair === undefined) return 'absent';
  const value = JSON.stringify(byteString(pair.value));
  const { createRevision, modRevision, version, lease } = pair;
  return `${value}, ${createRevision}/${modRevision}, version ${version}, lease ${lease}`;
}

/** What a watcher of everything, with the pairs before, was told: the history for all others. */
export function changesTold({ batches }: WatchRecord): readonly Change[] {
  const events = Map.groupBy(
    batches.flatMap((batch) => batch.events),
    ({ kv }) => kv.modRevision,
  );
  return [...events].map(([revision, some]) => ({ revision, events: some }));
}

/** Whether changes from the empty store on can follow each other so. */
export function checkChanges(changes: readonly Change[]): readonly string[] {
  const faults: string[] = [];
  const pairs = new Map<string, KeyValue>();
  let last = 1;
  for (const { revision, events } of changes) {
    if (revision !== last + 1) faults.push(`Revision ${revision} follows ${last}.`);
    last = revision;
    for (const event of events) {
      const key = byteString(event.kv.key);
      const before = pairs.get(key);
      if (!isDeepStrictEqual(plain(event.previous), plain(before))) {
        faults.push(`Before ${show(event)} it was ${showPair(before)}.`);
      }
      const isRight = event.type === 'put' ? follows(event.kv, before) : before !== undefined;
      if (!isRight || event.kv.modRevision !== revision) {
        faults.push(`At ${revision}, ${show(event)} does not follow ${showPair(before)}.`);
      }
      if (event.type === 'put') pairs.set(key, event.kv);
      else pairs.delete(key);
    }
  }
  return faults;
}

function follows(pair: KeyValue, before: KeyValue | undefined): boolean {
  const { version, createRevision, modRevision } = pair;
  if (before === undefined) return version === 1 && createRevision === modRevision;
  return version === before.version + 1 && createRevision === before.createRevision;
}

/** A write that its client knows to have taken effect. */
export interface Acknowledged {
  readonly type: EventType;
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
  readonly revision: Revision;
}

/** Acknowledged writes that did not happen, or not so. */
export function checkAcknowledged(
  writes: readonly Acknowledged[],
  changes: readonly Change[],
): readonly string[] {
  const at = new Map(changes.map(({ revision, events }) => [revision, events]));
  return writes.flatMap(({ type, key, value, revision }) => {
    const event = at.get(revision)?.find(({ kv }) => byteString(kv.key) === byteString(key));
    const isThere =
      event?.type === type &&
      (value === undefined || byteString(event.kv.value) === byteString(value));
    if (isThere) return [];
    const found = event === undefined ? 'nothing' : show(event);
    return [`The ${type} of ${byteString(key)} was acknowledged at ${revision}; found ${found}.`];
  });
}
