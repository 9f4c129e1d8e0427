import { KvError } from '../errors.ts';
import type { KeyRange, RangeRequest, RangeResponse, Revision } from '../types.ts';
import { versionsBytes } from './answer-size.ts';
import { isOneKey, type KeySpan, spanOf } from './key-span.ts';
import type { KvState } from './state.ts';
import { compareValues, keyValueOf, type StoredVersion, versionAt } from './versions.ts';

/**
 * Reads the state as it is, in a transaction also what that changed so far, or as it was.
 *
 * @throws {KvError} `KV_COMPACTED`, `KV_FUTURE_REVISION`, `KV_INVALID`
 */
export function readRange(state: KvState, request: RangeRequest): RangeResponse {
  if (request.key.length === 0) {
    throw new KvError('KV_INVALID', 'A range must begin with a key of at least one byte.');
  }
  const { revision } = state;
  checkRevision(state, request.revision);
  const at = request.revision === undefined || request.revision === 0 ? revision : request.revision;
  const view: View = { state, at, isNewest: at === revision };
  if (request.countOnly === true) {
    return { revision, kvs: [], more: false, count: countIn(view, request) };
  }
  const { versions, count } = found(view, request);
  const kept = cut(versions, request);
  const keysOnly = request.keysOnly === true;
  const kvs = kept.map((version) => keyValueOf(version, { keysOnly }));
  return { revision, kvs, more: versions.length > kept.length, count };
}

/** How much the pairs of the answer are, without making them. */
export function rangeBytes(state: KvState, request: RangeRequest): number {
  if (request.countOnly === true) return 0;
  const { revision } = state;
  const { revision: wanted = 0, keysOnly = false } = request;
  const at = wanted === 0 ? revision : wanted;
  const { versions } = found({ state, at, isNewest: at === revision }, request);
  return versionsBytes(cut(versions, request), { keysOnly });
}

function cut(versions: readonly StoredVersion[], request: RangeRequest): readonly StoredVersion[] {
  const limit = limitOf(request);
  return versions.length > limit ? versions.slice(0, limit) : versions;
}

/** @throws {KvError} `KV_COMPACTED`, `KV_FUTURE_REVISION` */
export function checkRevision(state: KvState, wanted: Revision = 0): void {
  if (wanted === 0) return;
  const { revision, compactedRevision } = state;
  if (wanted > revision) {
    const message = `Revision ${wanted} does not exist yet; the newest one is ${revision}.`;
    throw new KvError('KV_FUTURE_REVISION', message, { details: { wanted, revision } });
  }
  if (wanted < compactedRevision) throw compacted(wanted, compactedRevision);
}

export function compacted(wanted: Revision, compactedRevision: Revision): KvError {
  const message = `Revision ${wanted} has been compacted, as all before ${compactedRevision}.`;
  return new KvError('KV_COMPACTED', message, { details: { wanted, compactedRevision } });
}

/** The newest versions of the live keys of a range, in the order of the keys. */
export function newestIn(state: KvState, range: KeyRange): StoredVersion[] {
  const view = { state, at: state.revision, isNewest: true };
  return isOneKey(range) ? oneIn(view, range) : walk(view, spanOf(range), { most: Infinity });
}

/** The state as of a revision. */
interface View {
  readonly state: KvState;
  readonly at: Revision;
  readonly isNewest: boolean;
}

/** What is in the answer before it is cut, and how many there are. */
interface Found {
  readonly versions: readonly StoredVersion[];
  readonly count: number;
}

function found(view: View, request: RangeRequest): Found {
  if (isOneKey(request)) {
    const versions = oneIn(view, request);
    return {
      versions: versions.filter((version) => isWithin(version, request)),
      count: versions.length,
    };
  }
  const span = spanOf(request);
  const { target = 'key', order = 'ascend' } = request.sort ?? {};
  if (target === 'key' && !isFiltered(request)) {
    const isDown = order === 'descend';
    const versions = walk(view, span, { most: limitOf(request) + 1, isDown });
    const isAll = versions.length <= limitOf(request);
    return { versions, count: isAll ? versions.length : countIn(view, request) };
  }
  const all = walk(view, span, { most: Infinity });
  const versions = sorted(
    all.filter((version) => isWithin(version, request)),
    { target, order },
  );
  return { versions, count: all.length };
}

function oneIn(view: View, { key }: KeyRange): StoredVersion[] {
  const stored = view.state.findKey(key);
  const version = stored === undefined ? undefined : versionAt(stored, view.at);
  return version === undefined ? [] : [version];
}

function walk(
  { state, at, isNewest }: View,
  { from, to }: KeySpan,
  { most, isDown = false }: { readonly most: number; readonly isDown?: boolean },
): StoredVersion[] {
  const versions: StoredVersion[] = [];
  const direction = isDown ? 'descend' : 'ascend';
  state.tree[direction](from, to, (stored) => {
    const { newest } = stored;
    const isLive = newest.version > 0;
    const version = isNewest ? (isLive ? newest : undefined) : versionAt(stored, at);
    if (version === undefined) return true;
    versions.push(version);
    return versions.length < most;
  });
  return versions;
}

function countIn(view: View, request: RangeRequest): number {
  if (isOneKey(request)) return oneIn(view, request).length;
  const { from, to } = spanOf(request);
  if (view.isNewest) return view.state.tree.countLive(from, to);
  let count = 0;
  view.state.tree.ascend(from, to, (stored) => {
    if (versionAt(stored, view.at) !== undefined) count += 1;
    return true;
  });
  return count;
}

function limitOf({ limit = 0 }: RangeRequest): number {
  return limit === 0 ? Infinity : limit;
}

function isFiltered(request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision].some(
    (bound = 0) => bound !== 0,
  );
}

/** Whether it is within the bounds of revisions. */
function isWithin({ modRevision, createRevision }: StoredVersion, request: RangeRequest): boolean {
  return (
    modRevision >= (request.minModRevision ?? 0) &&
    modRevision <= boundOf(request.maxModRevision) &&
    createRevision >= (request.minCreateRevision ?? 0) &&
    createRevision <= boundOf(request.maxCreateRevision)
  );
}

function boundOf(revision: Revision = 0): Revision {
  return revision === 0 ? Infinity : revision;
}

/** Of equal ones the lower key is first, whichever the order. */
function sorted(
  versions: StoredVersion[],
  { target, order }: Required<RangeRequest>['sort'],
): StoredVersion[] {
  const sign = order === 'descend' ? -1 : 1;
  switch (target) {
    case 'key':
      return order === 'descend' ? versions.toReversed() : versions;
    case 'version':
      return versions.sort((one, other) => sign * (one.version - other.version));
    case 'create':
      return versions.sort((one, other) => sign * (one.createRevision - other.createRevision));
    case 'mod':
      return versions.sort((one, other) => sign * (one.modRevision - other.modRevision));
    case 'value':
      return versions.sort((one, other) => sign * compareValues(one.value, other.value));
    default:
      throw new KvError(
        'KV_INVALID',
        `Pairs cannot be sorted by ${String(target satisfies never)}.`,
      );
  }
}
