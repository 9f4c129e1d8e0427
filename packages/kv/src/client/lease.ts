import type { KvError } from '../errors.ts';
import type { LeaseId, LeaseTimeToLive } from '../types.ts';

export interface LeaseCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** What a lease needs of its client. */
export interface LeaseHost {
  now(): number;
  revoke(lease: Lease, options: LeaseCallOptions): Promise<void>;
  timeToLive(
    id: LeaseId,
    options: LeaseCallOptions & { readonly keys: boolean },
  ): Promise<LeaseTimeToLive>;
}

/** A store may be quicker than this side by so much of a lease: its clock is another one. */
const sureShare = 0.9;

/**
 * A lease that keeps itself alive until it is revoked or lost, or the client is closed. Keys that
 * are put with its id are deleted when it ends.
 */
export class Lease implements AsyncDisposable {
  readonly id: LeaseId;
  /** How long it lives after each sign of life, in seconds. */
  readonly ttlSeconds: number;
  readonly #host: LeaseHost;
  readonly #lost = new AbortController();
  #sureUntil: number;
  #isKept = true;

  constructor(
    host: LeaseHost,
    { id, ttlSeconds, askedAt }: { id: LeaseId; ttlSeconds: number; askedAt: number },
  ) {
    this.#host = host;
    this.id = id;
    this.ttlSeconds = ttlSeconds;
    this.#sureUntil = askedAt + this.#sureMs;
  }

  /**
   * Aborts when the lease may have expired, and before it can have: when nine tenths of its time
   * have passed since the last call was sent that was answered. Also when the store knows it no
   * more, when it is revoked by this object, and when the client is closed. Its reason is a
   * `KvError`.
   *
   * An event loop that stood still tells it late; `remainingMs` does not.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** How long the lease lives certainly, by the clock of this process; 0 if that is not known. */
  get remainingMs(): number {
    if (this.#lost.signal.aborted) return 0;
    return Math.max(0, this.#sureUntil - this.#host.now());
  }

  /** Ends the lease now, and deletes its keys. It is not kept alive from the call on. */
  revoke(options: LeaseCallOptions = {}): Promise<void> {
    return this.#host.revoke(this, options);
  }

  /** How long it lives yet by the leader's clock, and the keys that are attached to it. */
  timeToLive({
    keys = false,
    ...options
  }: LeaseCallOptions & { readonly keys?: boolean } = {}): Promise<LeaseTimeToLive> {
    return this.#host.timeToLive(this.id, { ...options, keys });
  }

  /** The same as `revoke`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.revoke();
  }

  /** @internal */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** @internal When it cannot be believed any more, on the clock of the runtime. */
  get sureUntil(): number {
    return this.#sureUntil;
  }

  /** @internal A call that was sent at `askedAt` kept it alive. */
  renewed(askedAt: number): void {
    this.#sureUntil = Math.max(this.#sureUntil, askedAt + this.#sureMs);
  }

  /** @internal Nobody keeps it alive any more. */
  end(reason: KvError): void {
    this.#isKept = false;
    this.#lost.abort(reason);
  }

  /** @internal The same, without a word yet: it is being revoked. */
  letGo(): void {
    this.#isKept = false;
  }

  get #sureMs(): number {
    return this.ttlSeconds * 1000 * sureShare;
  }
}
