import { KvError } from '../errors.ts';
import type { KeyValue, LeaseId, Revision } from '../types.ts';
import { textFrom } from './text.ts';

/** A pair as it was at some revision. */
export class Entry {
  /** The bytes of the key and of the value; they must not be changed. */
  readonly keyBytes: Uint8Array;
  readonly value: Uint8Array;
  /** The revision that created the key, after it was last deleted. */
  readonly createRevision: Revision;
  /** The revision of its last change. */
  readonly modRevision: Revision;
  /** How often it was put since it was created: 1 for a new key. */
  readonly version: number;
  /** The lease that it is attached to, or 0. */
  readonly lease: LeaseId;

  constructor(kv: KeyValue) {
    this.keyBytes = kv.key;
    this.value = kv.value;
    this.createRevision = kv.createRevision;
    this.modRevision = kv.modRevision;
    this.version = kv.version;
    this.lease = kv.lease;
  }

  /** The key as text. @throws {KvError} `KV_INVALID` if it is no UTF-8; see `keyBytes`. */
  get key(): string {
    return textFrom(this.keyBytes, 'key');
  }

  /** The value as text. @throws {KvError} `KV_INVALID` if it is no UTF-8; see `value`. */
  text(): string {
    return textFrom(this.value, `value of ${this.#name}`);
  }

  /**
   * The value as JSON. The type is what the caller says that it is; nothing is checked but that it
   * is JSON.
   *
   * @throws {KvError} `KV_INVALID` if it is no JSON in UTF-8.
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- It names the cast.
  json<Value = unknown>(): Value {
    const text = this.text();
    try {
      return JSON.parse(text) as Value;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KvError('KV_INVALID', `The value of ${this.#name} is no JSON: ${why}`, { cause });
    }
  }

  get #name(): string {
    try {
      return JSON.stringify(this.key);
    } catch {
      return 'a key that is no text';
    }
  }
}
