import { type ByteString, byteString } from '../bytes.ts';
import { KvError } from '../errors.ts';
import { AnswerRoom, pairBytes } from '../store/answer-size.ts';
import { isOneKey, spanOf } from '../store/key-span.ts';
import { isFiltered, isWithin, limitOf } from '../store/range-rules.ts';
import { checkRevision, rangeWithoutKey } from '../store/refusals.ts';
import type {
  KeyRange,
  RangeRequest,
  RangeResponse,
  Revision,
  SortOrder,
  SortTarget,
} from '../types.ts';
import type { Source } from './source.ts';
import { keyValueOf, noBytes, type Version } from './version.ts';

/**
 * Reads the state as it is, in a transaction also what that changed so far, or as it was.
 *
 * @param mostBytes of all pairs in the answer.
 * @throws {KvError} `KV_COMPACTED`, `KV_FUTURE_REVISION`, `KV_INVALID`, `KV_TOO_LARGE`
 */
export async function readRange(
  source: Source,
  request: RangeRequest,
  mostBytes: number = Infinity,
): Promise<RangeResponse> {
  checkRequest(source, request);
  const { revision } = source;
  const at = revisionOf(source, request);
  if (request.countOnly === true) {
    return { revision, kvs: [], more: false, count: await countingIn(source, request, at)() };
  }
  const keysOnly = request.keysOnly === true;
  const room = new AnswerRoom(mostBytes, { keysOnly });
  const { versions, count } = await found(source, request, { at, room });
  const kept = versions.slice(0, limitOf(request));
  const kvs = kept.map((version) => keyValueOf(version, { keysOnly }));
  return { revision, kvs, more: versions.length > kept.length, count };
}

/** @throws {KvError} what can be known to be wrong without reading. */
export function checkRequest(
  known: Pick<Source, 'revision' | 'compactedRevision'>,
  request: RangeRequest,
): void {
  if (request.key.length === 0) throw rangeWithoutKey();
  checkRevision(known, request.revision);
}

/** How much the pairs of the answer are, without keeping more of them than its limit. */
export async function rangeBytes(source: Source, request: RangeRequest): Promise<number> {
  if (request.countOnly === true) return 0;
  const at = revisionOf(source, request);
  const sizeOf = ({ key, value }: Version): number =>
    request.keysOnly === true ? pairBytes(key) : pairBytes(key, value);
  let bytes = 0;
  if (limitOf(request) === Infinity) {
    await visitRange(source, request, at, (version) => {
      if (isWithin(version, request)) bytes += sizeOf(version);
      return true;
    });
    return bytes;
  }
  const { versions } = await found(source, request, { at, room: new AnswerRoom(Infinity) });
  for (const version of versions.slice(0, limitOf(request))) bytes += sizeOf(version);
  return bytes;
}

/** The newest versions of the live keys of a range, in the order of the keys. */
export async function newestIn(source: Source, range: KeyRange): Promise<Version[]> {
  const versions: Version[] = [];
  await visitRange(source, range, source.revision, (version) => versions.push(version) > 0);
  return versions;
}

/** Shows the live pairs of a range as of a revision, until `look` has enough. */
export async function visitRange(
  source: Source,
  range: KeyRange,
  at: Revision,
  look: (version: Version) => boolean,
): Promise<void> {
  if (!isOneKey(range)) return source.visit(spanOf(range), at, look);
  const version = await oneIn(source, byteString(range.key), at);
  if (version !== undefined) look(version);
}

/** What is in the answer before it is cut, and how many there are. */
interface Found {
  readonly versions: readonly Version[];
  readonly count: number;
}

interface How {
  readonly at: Revision;
  readonly room: AnswerRoom;
}

/** @throws {KvError} `KV_TOO_LARGE` if there is no room for those that are in the answer. */
async function found(source: Source, request: RangeRequest, how: How): Promise<Found> {
  const { at, room } = how;
  if (isOneKey(request)) {
    const version = await oneIn(source, byteString(request.key), at);
    const all = version === undefined ? [] : [version];
    const versions = all.filter((one) => isWithin(one, request));
    for (const { key, value } of versions) room.takePair(key, value);
    return { versions, count: all.length };
  }
  const { target = 'key', order = 'ascend' } = request.sort ?? {};
  if (target === 'key') return inKeyOrder(source, request, { ...how, isDown: order === 'descend' });
  const sorting = new Sorting({ target, order, limit: limitOf(request), room });
  let count = 0;
  await source.visit(spanOf(request), at, (version) => {
    count += 1;
    if (isWithin(version, request)) sorting.add(version);
    return true;
  });
  return { versions: sorting.finish(), count };
}

/** No more are taken than are in the answer, and one that says that there are more. */
async function inKeyOrder(
  source: Source,
  request: RangeRequest,
  { at, room, isDown }: How & { readonly isDown: boolean },
): Promise<Found> {
  const limit = limitOf(request);
  const counts = isFiltered(request);
  const versions: Version[] = [];
  let count = 0;
  // Before the first pair is waited for: what is counted is of the same moment.
  const needsCount = limit !== Infinity && !counts;
  const counting = needsCount ? countingIn(source, request, at) : undefined;
  const look = (version: Version): boolean => {
    count += 1;
    if (versions.length > limit || !isWithin(version, request)) return true;
    versions.push(request.keysOnly === true ? { ...version, value: noBytes } : version);
    if (versions.length <= limit) room.takePair(version.key, version.value);
    return counts || versions.length <= limit;
  };
  await source.visit(spanOf(request), at, look, { isDown, expected: limit + 1 });
  if (counting === undefined || versions.length <= limit) return { versions, count };
  return { versions, count: await counting() };
}

function oneIn(source: Source, key: ByteString, at: Revision): Promise<Version | undefined> {
  return at === source.revision ? source.newest(key) : source.at(key, at);
}

function countingIn(source: Source, request: RangeRequest, at: Revision): () => Promise<number> {
  if (isOneKey(request)) {
    return async () => Number((await oneIn(source, byteString(request.key), at)) !== undefined);
  }
  const span = spanOf(request);
  if (at === source.revision) return source.counting(span);
  return async () => {
    let count = 0;
    await source.visit(span, at, () => (count += 1) > 0);
    return count;
  };
}

function revisionOf({ revision }: Source, { revision: wanted = 0 }: RangeRequest): Revision {
  return wanted === 0 ? revision : wanted;
}

interface SortingOptions {
  readonly target: Exclude<SortTarget, 'key'>;
  readonly order: SortOrder;
  readonly limit: number;
  readonly room: AnswerRoom;
}

/** Keeps the first ones of an order, and one that says that there are more. */
class Sorting {
  readonly #compare: (one: Version, other: Version) => number;
  readonly #limit: number;
  readonly #room: AnswerRoom;
  #kept: Version[] = [];

  constructor({ target, order, limit, room }: SortingOptions) {
    this.#compare = comparison(target, order === 'descend' ? -1 : 1);
    this.#limit = limit;
    this.#room = room;
  }

  /** They come in the order of their keys, which is that of equal ones. */
  add(version: Version): void {
    this.#kept.push(version);
    // Without a limit all of them are in the answer.
    if (this.#limit === Infinity) this.#room.takePair(version.key, version.value);
    else if (this.#kept.length >= 2 * (this.#limit + 512)) this.#cut();
  }

  finish(): readonly Version[] {
    this.#cut();
    if (this.#limit === Infinity) return this.#kept;
    for (const { key, value } of this.#kept.slice(0, this.#limit)) this.#room.takePair(key, value);
    return this.#kept;
  }

  #cut(): void {
    this.#kept.sort(this.#compare);
    if (this.#kept.length > this.#limit + 1) this.#kept = this.#kept.slice(0, this.#limit + 1);
  }
}

/** Of equal ones the lower key is first, whichever the order. */
function comparison(
  target: Exclude<SortTarget, 'key'>,
  sign: 1 | -1,
): (one: Version, other: Version) => number {
  switch (target) {
    case 'version':
      return (one, other) => sign * (one.version - other.version);
    case 'create':
      return (one, other) => sign * (one.createRevision - other.createRevision);
    case 'mod':
      return (one, other) => sign * (one.modRevision - other.modRevision);
    case 'value':
      return (one, other) => sign * Buffer.compare(one.value, other.value);
    default:
      throw new KvError(
        'KV_INVALID',
        `Pairs cannot be sorted by ${String(target satisfies never)}.`,
      );
  }
}
