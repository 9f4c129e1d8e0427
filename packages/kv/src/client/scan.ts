import { KvError } from '../errors.ts';
import type { RangeRequest, RangeResponse, Revision } from '../types.ts';
import { Entry } from './entry.ts';
import { pageRequest } from './operations.ts';
import { type Keys, keyAfter } from './text.ts';

export interface ScanOptions {
  /** Entries that are asked for at a time. Default 500; fewer if their values are too large. */
  readonly pageSize?: number | undefined;
  /** At most so many entries in all. */
  readonly limit?: number | undefined;
  /** As of this revision; none: that of the first page. */
  readonly revision?: Revision | undefined;
  /** Entries come without their values. */
  readonly keysOnly?: boolean | undefined;
  /** From the last key to the first. */
  readonly descending?: boolean | undefined;
  /** What some member has at once; it may be old. Still one revision for all pages. */
  readonly serializable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For each page, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

const defaultPageSize = 500;

type Read = (request: RangeRequest, options: ScanOptions) => Promise<RangeResponse>;

/** Reads page by page, and no page before it is wanted. */
export async function* readPages(
  read: Read,
  keys: Keys,
  options: ScanOptions,
): AsyncGenerator<Entry, undefined, undefined> {
  let size = positiveWhole('pageSize', options.pageSize ?? defaultPageSize);
  let left = options.limit === undefined ? Infinity : positiveWhole('limit', options.limit);
  const { limit: _, ...rest } = options;
  let request: RangeRequest = pageRequest(keys, rest);
  while (left > 0) {
    const limit = Math.min(size, left);
    let page: RangeResponse;
    try {
      page = await read({ ...request, limit }, options);
    } catch (error) {
      if (!isTooLarge(error) || limit === 1) throw error;
      size = limit >> 1;
      continue;
    }
    for (const kv of page.kvs) yield new Entry(kv);
    left -= page.kvs.length;
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return undefined;
    const revision = request.revision ?? page.revision;
    request =
      options.descending === true
        ? { ...request, revision, end: last.key }
        : { ...request, revision, key: keyAfter(last.key) };
  }
  return undefined;
}

/** The answer is too large, or would be. */
function isTooLarge(error: unknown): boolean {
  return error instanceof KvError && error.code === 'KV_TOO_LARGE';
}

function positiveWhole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${name} must be a whole number above 0; got ${value}.`);
}
