import type { CallOptions } from '../contract/network.ts';
import type { CallId } from '../core/event.ts';
import type { Identity } from '../core/types.ts';
import { UnreachableError } from '../errors.ts';

/**
 * A call under way, as the options that its network sees. Most networks ask for the signal and some
 * never do, so it is made when it is asked for.
 */
export class OpenCall implements CallOptions {
  readonly call: CallId;
  readonly from: Identity;
  readonly to: { readonly node: string; readonly incarnation?: string };
  readonly timeoutMs: number;
  /** On the clock of the runtime; set when it is known that the answer has to be waited for. */
  deadline: number = Infinity;
  /** Payload that it carries, in bytes. */
  bytes: number = 0;
  #controller: AbortController | undefined = undefined;
  /** Aborted before anybody has asked for the signal. */
  #aborted: { readonly reason: unknown } | undefined = undefined;

  constructor(call: CallId, from: Identity, to: OpenCall['to'], timeoutMs: number) {
    this.call = call;
    this.from = from;
    this.to = to;
    this.timeoutMs = timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.#controller === undefined) this.#aborted ??= { reason };
    else this.#controller.abort(reason);
  }
}

/** It may have arrived all the same, and what it asked for may have been done. */
export function late(open: OpenCall): UnreachableError {
  const message = `Node ${open.to.node} did not answer in time.`;
  return new UnreachableError(message, { maybeApplied: true });
}
