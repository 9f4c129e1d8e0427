import type { Key, KeyRange } from './keys.ts';

/** A key with its value, as bytes. */
export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** The state as something to read. */
export interface StateView {
  /** The value under the key, or `undefined` where there is none. */
  get(key: Key): Promise<Uint8Array | undefined>;
  /** The keys of a stretch with their values, in the order of the keys' bytes. */
  entries(range?: KeyRange): AsyncIterable<Entry>;
}

/**
 * The state while a batch of commands is applied. What was put and deleted is seen at once by this
 * command and those after it; the disk and all other readers get the whole batch in one write,
 * after its last command.
 */
export interface BatchView extends StateView {
  /** `value` is not copied: it must not change until the batch is applied. */
  put(key: Key, value: Uint8Array): void;
  /** Removes the key. It need not be there. */
  delete(key: Key): void;
}
