import type { Revision, TxnOperation, TxnRequest, TxnResponse } from '../../types.ts';
import { Txn } from '../txn.ts';
import { RecipeError } from './errors.ts';
import { createdAt, textOf, utf8, when } from './keys.ts';
import type { CallOptions, RecipeKv, RecipeLease } from './kv.ts';
import { linkSignals } from './signals.ts';
import { untilDeleted } from './watching.ts';

export interface LeasedKeyOptions extends CallOptions {
  /** The key is this, and the id of its lease. */
  readonly under: string;
  readonly ttl: number;
  readonly value?: Uint8Array;
  /** Besides that the key is new. */
  readonly compare?: TxnRequest['compare'];
  /** What is read if one of these does not hold. */
  readonly otherwise?: readonly TxnOperation[];
}

/** How it went: `own` is there if the comparisons held. */
export interface Created {
  readonly own: LeasedKey | undefined;
  readonly response: TxnResponse;
}

// oxlint-disable-next-line unicorn/no-thenable -- It is data.
const emptyTxn = { compare: [], then: [], else: [] } as const;

/**
 * A key of its own, with a lease of its own: it is there until it is released, or its owner has
 * been silent for the time of the lease. The revision that created it is a fencing token: no key
 * that was created later has a lower one, and no key that is created again has the same.
 */
export class LeasedKey {
  readonly key: Uint8Array;
  readonly createRevision: Revision;
  readonly #lease: RecipeLease;
  readonly #kv: RecipeKv;
  readonly #lost = new AbortController();
  readonly #released = new AbortController();
  #guarding: Promise<void> | undefined;
  /** The try that is under way, or has succeeded. */
  #releasing: Promise<void> | undefined;

  private constructor(
    kv: RecipeKv,
    own: { readonly key: Uint8Array; readonly lease: RecipeLease; readonly revision: Revision },
  ) {
    this.#kv = kv;
    this.key = own.key;
    this.#lease = own.lease;
    this.createRevision = own.revision;
    if (this.#lease.signal.aborted) this.#leaseEnded();
    else this.#lease.signal.addEventListener('abort', this.#leaseEnded, { once: true });
  }

  /** Grants a lease and puts the key. If that fails, or a comparison does, the lease is ended. */
  static async create(kv: RecipeKv, options: LeasedKeyOptions): Promise<Created> {
    const { under, ttl, value = new Uint8Array(), compare = [], signal } = options;
    signal?.throwIfAborted();
    const lease = await kv.grantLease(ttl, { signal });
    const key = utf8(`${under}${lease.id.toString(16).padStart(16, '0')}`);
    const put = { type: 'put', key, value, lease: lease.id } as const;
    const request = when([createdAt(key, 0), ...compare], [put], options.otherwise);
    try {
      const response = await kv.commit(request, { signal });
      if (response.succeeded) {
        return { own: new LeasedKey(kv, { key, lease, revision: response.revision }), response };
      }
      abandon(lease);
      return { own: undefined, response };
    } catch (error) {
      abandon(lease);
      throw isLeaseNotFound(error) ? notHeld(key, 'its lease has ended', error) : error;
    }
  }

  /** Aborts when the key may be gone: by its lease, or by somebody who deleted it. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isReleased(): boolean {
    return this.#released.signal.aborted;
  }

  /** Watches over the key from this revision on, until it is released. */
  guard(from: Revision): void {
    this.#guarding ??= this.#guard(from);
  }

  /**
   * A transaction that the store takes only while the key is there.
   *
   * @throws {RecipeError} `KV_NOT_HELD` if it is not; nothing was changed then.
   */
  async commit(request: TxnRequest, options: CallOptions = {}): Promise<TxnResponse> {
    if (this.isReleased) throw notHeld(this.key, 'it was released');
    const isHeld = createdAt(this.key, this.createRevision);
    const fenced = when([isHeld], [{ type: 'txn', ...request }]);
    const { succeeded, revision, results } = await this.#kv.commit(fenced, options);
    if (!succeeded) throw this.#lose('the key is gone');
    const [inner] = results;
    if (inner?.type !== 'txn') {
      throw new TypeError(`A transaction must be answered as one; got ${inner?.type}.`);
    }
    return { revision, succeeded: inner.succeeded, results: inner.results };
  }

  /** The same, put together step by step. */
  txn(): Txn {
    const send = (request: TxnRequest, options: CallOptions): Promise<TxnResponse> =>
      this.commit(request, options);
    return new Txn(send, emptyTxn);
  }

  /**
   * Deletes the key and ends the lease. If it is gone already, that is as good. Nobody keeps it
   * alive from here on; if this fails, another call tries again.
   */
  release(options: CallOptions = {}): Promise<void> {
    return (this.#releasing ??= this.#release(options));
  }

  /** For those who have to report something else, and cannot wait. */
  releaseInBackground(): void {
    // If it fails, the lease ends by itself.
    this.release().catch(() => undefined);
  }

  async #release(options: CallOptions): Promise<void> {
    this.#released.abort();
    this.#lease.signal.removeEventListener('abort', this.#leaseEnded);
    try {
      await this.#lease.revoke(options);
    } catch (error) {
      if (isLeaseNotFound(error)) return;
      this.#releasing = undefined;
      throw error;
    } finally {
      await this.#guarding;
    }
  }

  async #guard(from: Revision): Promise<void> {
    const { signal, unlink } = linkSignals(this.#released.signal, this.#lost.signal);
    try {
      for (let next = from; ; ) {
        await untilDeleted(this.#kv, { key: this.key, from: next }, signal);
        const { kvs, revision } = await this.#kv.read(
          { key: this.key, keysOnly: true },
          { signal },
        );
        if (kvs[0]?.createRevision !== this.createRevision) break;
        next = revision + 1;
      }
      this.#lose('somebody has deleted the key');
    } catch (error) {
      if (signal.aborted) return;
      this.#lost.abort(error);
    } finally {
      unlink();
    }
  }

  readonly #leaseEnded = (): void => {
    this.#lose('its lease may have expired', this.#lease.signal.reason);
  };

  #lose(why: string, cause?: unknown): RecipeError {
    const error = notHeld(this.key, why, cause);
    if (!this.isReleased) this.#lost.abort(error);
    return error;
  }
}

export function notHeld(key: Uint8Array, why: string, cause?: unknown): RecipeError {
  const text = textOf(key);
  const message = `"${text}" is not held any more: ${why}. Take it again before you go on.`;
  return new RecipeError('KV_NOT_HELD', message, {
    key: text,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Ends it for somebody who has something else to report. If that fails, it ends by itself. */
function abandon(lease: RecipeLease): void {
  lease.revoke().catch(() => undefined);
}

function isLeaseNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'KV_LEASE_NOT_FOUND';
}
