import { KvError } from '../errors.ts';
import type { EventType, Revision, WatchRequest } from '../types.ts';
import { type Keys, keyFrom, rangeFrom, type Text } from './text.ts';

/** Which keys: exactly one of `key`, `prefix` and `range`. */
export type WatchedKeys =
  | { readonly key: Text; readonly prefix?: undefined; readonly range?: undefined }
  | { readonly prefix: Text; readonly key?: undefined; readonly range?: undefined }
  | {
      readonly range: Exclude<Keys, Text>;
      readonly key?: undefined;
      readonly prefix?: undefined;
    };

export type WatchOptions = WatchedKeys & {
  /** From this revision on; none: what changes from now on. */
  readonly from?: Revision | undefined;
  /** Tell too how each pair was before. */
  readonly previous?: boolean | undefined;
  /** Leave these out. */
  readonly without?: EventType | undefined;
  /** Once it aborts, reading rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
};

/** @throws {KvError} `KV_INVALID` if it does not say which keys. */
export function watchRequest(options: WatchOptions): WatchRequest {
  const { key, prefix, range, from, previous, without } = options;
  const named = [key, prefix, range].filter((keys) => keys !== undefined);
  if (named.length !== 1) {
    const message = `A watch wants one of key, prefix and range; got ${named.length} of them.`;
    throw new KvError('KV_INVALID', message);
  }
  const keys =
    key !== undefined
      ? { key: keyFrom(key) }
      : prefix === undefined
        ? rangeFrom(range)
        : rangeFrom({ prefix });
  if (from !== undefined && !(Number.isSafeInteger(from) && from >= 0)) {
    const message = `A watch begins with a revision, a whole number; got ${from}.`;
    throw new KvError('KV_INVALID', message);
  }
  return {
    ...keys,
    ...(from === undefined ? {} : { from }),
    ...(previous === true ? { previous } : {}),
    ...(without === undefined ? {} : { without }),
  };
}
