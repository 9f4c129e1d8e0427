import { KvError } from '../errors.ts';
import type {
  KeyRange,
  RangeRequest,
  RangeResponse,
  Revision,
  SortOrder,
  SortTarget,
} from '../types.ts';
import { AnswerRoom, versionsBytes } from './answer-size.ts';
import { isOneKey, type KeySpan, spanOf } from './key-span.ts';
import { isFiltered, isWithin, limitOf } from './range-rules.ts';
import { checkRevision, rangeWithoutKey } from './refusals.ts';
import type { KvState } from './state.ts';
import { compareValues, keyValueOf, type StoredVersion, versionAt } from './versions.ts';

/**
 * Reads the state as it is, in a transaction also what that changed so far, or as it was.
 *
 * @param mostBytes of all pairs in the answer; none is made if they have more.
 * @throws {KvError} `KV_COMPACTED`, `KV_FUTURE_REVISION`, `KV_INVALID`, `KV_TOO_LARGE`
 */
export function readRange(
  state: KvState,
  request: RangeRequest,
  mostBytes: number = Infinity,
): RangeResponse {
  if (request.key.length === 0) throw rangeWithoutKey();
  const { revision } = state;
  checkRevision(state, request.revision);
  const at = request.revision === undefined || request.revision === 0 ? revision : request.revision;
  const view: View = { state, at, isNewest: at === revision };
  if (request.countOnly === true) {
    return { revision, kvs: [], more: false, count: countIn(view, request) };
  }
  const keysOnly = request.keysOnly === true;
  const { versions, count } = found(view, request, new AnswerRoom(mostBytes, { keysOnly }));
  const kept = cut(versions, request);
  const kvs = kept.map((version) => keyValueOf(version, { keysOnly }));
  return { revision, kvs, more: versions.length > kept.length, count };
}

/** How much the pairs of the answer are, without making them. */
export function rangeBytes(state: KvState, request: RangeRequest): number {
  if (request.countOnly === true) return 0;
  const { revision } = state;
  const { revision: wanted = 0, keysOnly = false } = request;
  const at = wanted === 0 ? revision : wanted;
  const view = { state, at, isNewest: at === revision };
  const { versions } = found(view, request, new AnswerRoom(Infinity));
  return versionsBytes(cut(versions, request), { keysOnly });
}

function cut(versions: readonly StoredVersion[], request: RangeRequest): readonly StoredVersion[] {
  const limit = limitOf(request);
  return versions.length > limit ? versions.slice(0, limit) : versions;
}

/** The newest versions of the live keys of a range, in the order of the keys. */
export function newestIn(state: KvState, range: KeyRange): StoredVersion[] {
  const view = { state, at: state.revision, isNewest: true };
  if (isOneKey(range)) return oneIn(view, range);
  const versions: StoredVersion[] = [];
  visit(view, spanOf(range), (version) => versions.push(version) > 0);
  return versions;
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

/** @throws {KvError} `KV_TOO_LARGE` if there is no room for those that are in the answer. */
function found(view: View, request: RangeRequest, room: AnswerRoom): Found {
  if (isOneKey(request)) {
    const all = oneIn(view, request);
    const versions = all.filter((version) => isWithin(version, request));
    for (const version of versions) room.take(version);
    return { versions, count: all.length };
  }
  const { target = 'key', order = 'ascend' } = request.sort ?? {};
  if (target === 'key') return inKeyOrder(view, request, { room, isDown: order === 'descend' });
  const within: StoredVersion[] = [];
  let count = 0;
  visit(view, spanOf(request), (version) => {
    count += 1;
    if (isWithin(version, request)) within.push(version);
    return true;
  });
  const versions = sorted(within, { target, order });
  for (const version of cut(versions, request)) room.take(version);
  return { versions, count };
}

/** No more are taken than are in the answer, and one that says that there are more. */
function inKeyOrder(
  view: View,
  request: RangeRequest,
  { room, isDown }: { readonly room: AnswerRoom; readonly isDown: boolean },
): Found {
  const span = spanOf(request);
  const limit = limitOf(request);
  const counts = isFiltered(request);
  const versions: StoredVersion[] = [];
  let count = 0;
  const look = (version: StoredVersion): boolean => {
    count += 1;
    if (versions.length > limit || !isWithin(version, request)) return true;
    versions.push(version);
    if (versions.length <= limit) room.take(version);
    return counts || versions.length <= limit;
  };
  visit(view, span, look, { isDown });
  const isAll = counts || versions.length <= limit;
  return { versions, count: isAll ? count : countIn(view, request) };
}

function oneIn(view: View, { key }: KeyRange): StoredVersion[] {
  const stored = view.state.findKey(key);
  const version = stored === undefined ? undefined : versionAt(stored, view.at);
  return version === undefined ? [] : [version];
}

/** Shows the live keys of a span as of the revision, in their order, until `look` says `false`. */
function visit(
  { state, at, isNewest }: View,
  { from, to }: KeySpan,
  look: (version: StoredVersion) => boolean,
  { isDown = false }: { readonly isDown?: boolean } = {},
): void {
  const direction = isDown ? 'descend' : 'ascend';
  state.tree[direction](from, to, (stored) => {
    const { newest } = stored;
    const isLive = newest.version > 0;
    const version = isNewest ? (isLive ? newest : undefined) : versionAt(stored, at);
    return version === undefined || look(version);
  });
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

/** Of equal ones the lower key is first, whichever the order. */
function sorted(
  versions: StoredVersion[],
  { target, order }: { readonly target: Exclude<SortTarget, 'key'>; readonly order: SortOrder },
): StoredVersion[] {
  const sign = order === 'descend' ? -1 : 1;
  switch (target) {
    case 'version':
      return versions.sort((one, other) => sign * (one.version - other.version));
    case 'create':
      return versions.sort((one, other) => sign * (one.createRevision - other.createRevision));
    case 'mod':
      return versions.sort((one, other) => sign * (one.modRevision - other.modRevision));
    case 'value':
      return versions.sort((one, other) => sign * compareValues(one, other));
    default:
      throw new KvError(
        'KV_INVALID',
        `Pairs cannot be sorted by ${String(target satisfies never)}.`,
      );
  }
}
