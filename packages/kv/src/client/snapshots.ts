import { KvError } from '../errors.ts';
import type { CallsHost } from './calls-host.ts';
import { asKvError, canRetry } from './failures.ts';
import type { Member } from './members.ts';
import { BackOff } from './pauses.ts';
import type { ClientRuntime } from './runtime.ts';
import type { Waiting } from './turn-message.ts';

export interface SnapshotOptions {
  /**
   * What the member that is asked has, at once; it may be old. It needs no leader, so it is also a
   * way to save what is left. Default: all that was acknowledged before the call is in it.
   */
  readonly serializable?: boolean | undefined;
}

/**
 * The whole store as a backup file. Until the first bytes come, one member after the other is
 * asked, followers first; a stream that breaks off later rejects.
 */
export async function* readSnapshot(
  { members, runtime, pauses }: CallsHost,
  { serializable = false }: SnapshotOptions,
  { timeoutMs, signal }: Waiting,
): AsyncGenerator<Uint8Array, void, undefined> {
  const deadline = runtime.now() + timeoutMs;
  const backOff = new BackOff(runtime);
  for (;;) {
    signal?.throwIfAborted();
    const member = members.besideLeader();
    const reading = new Reading(member, serializable, signal);
    try {
      const first = await reading.first(Math.max(1, deadline - runtime.now()), runtime);
      members.worked(member);
      if (first !== undefined) yield first;
      yield* reading.rest();
      return;
    } catch (thrown) {
      signal?.throwIfAborted();
      const failure = asKvError(thrown);
      members.failed(member, failure);
      if (reading.hasBegun) throw brokenOff(failure);
      if (!canRetry(failure) || runtime.now() >= deadline) throw failure;
    } finally {
      await reading.close();
    }
    await pauses.pause(backOff.next());
  }
}

/** Nothing was written, so that no fate is open. */
function brokenOff(failure: KvError): KvError {
  if (!failure.maybeApplied) return failure;
  const message = `The snapshot broke off: ${failure.message}`;
  return new KvError('KV_NO_LEADER', message, { cause: failure, details: { brokeOff: true } });
}

/** One try, at one member. */
class Reading {
  readonly #ending = new AbortController();
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#ending.abort(this.#signal?.reason);
  hasBegun = false;

  constructor({ transport }: Member, serializable: boolean, signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    const options = { serializable, signal: this.#ending.signal };
    this.#chunks = transport.snapshot(options)[Symbol.asyncIterator]();
  }

  /** What comes first; a member that has nothing to say in time is left. */
  async first(timeoutMs: number, runtime: ClientRuntime): Promise<Uint8Array | undefined> {
    const message = `No snapshot began within ${Math.ceil(timeoutMs)} ms.`;
    const late = new KvError('KV_TIMEOUT', message);
    const timer = runtime.setTimer(() => this.#ending.abort(late), timeoutMs);
    try {
      const next = await this.#chunks.next();
      this.hasBegun = true;
      return next.done === true ? undefined : next.value;
    } finally {
      timer.cancel();
    }
  }

  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done === true) return;
      yield next.value;
    }
  }

  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#ending.abort(new Error('The snapshot is not read any more.'));
    await this.#chunks.return?.();
  }
}
