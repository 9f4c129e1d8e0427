import type { CallOptions } from '../contract/network.ts';
import type { CallId } from '../core/event.ts';
import type { Identity } from '../core/types.ts';

export interface OpenCallOptions {
  readonly from: Identity;
  readonly to: { readonly node: string; readonly incarnation?: string };
  readonly deadline: number;
}

/**
 * A call under way, as the options that its network sees. Most networks ask for the signal and some
 * never do, so it is made when it is asked for.
 */
export class OpenCall implements CallOptions {
  readonly call: CallId;
  readonly from: Identity;
  readonly to: { readonly node: string; readonly incarnation?: string };
  readonly deadline: number;
  #controller: AbortController | undefined = undefined;

  constructor(call: CallId, { from, to, deadline }: OpenCallOptions) {
    this.call = call;
    this.from = from;
    this.to = to;
    this.deadline = deadline;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}
