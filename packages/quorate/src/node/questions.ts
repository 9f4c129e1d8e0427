import type { CallOptions } from '../contract/network.ts';
import type { Identity } from '../core/types.ts';
import type { Runtime, Timer } from '../platform/runtime.ts';
import { late, OpenCall } from './open-call.ts';

/** Who is asked by whom, and for how long. */
export interface Question {
  readonly from: Identity;
  readonly to: NonNullable<CallOptions['to']>;
  readonly timeoutMs: number;
}

/**
 * The calls to other nodes that are not the core's: writes passed on, reads that ask the leader.
 * Each has a deadline, and all end when the node does.
 */
export class Questions {
  readonly #runtime: Runtime;
  readonly #open = new Map<OpenCall, (reason: unknown) => void>();
  #timer: { readonly handle: Timer; readonly at: number } | undefined = undefined;
  #closed: { readonly reason: unknown } | undefined = undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get openCalls(): number {
    return this.#open.size;
  }

  /** Rejects with what the call threw, or with an `UnreachableError` when its time is over. */
  ask<Answer>(
    { from, to, timeoutMs }: Question,
    put: (options: CallOptions) => Promise<Answer>,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed.reason);
      const open = new OpenCall(0, from, to, timeoutMs);
      open.deadline = this.#runtime.now() + timeoutMs;
      this.#open.set(open, reject);
      this.#arm(open.deadline);
      attempt(() => put(open)).then(
        (answer) => {
          if (this.#open.delete(open)) resolve(answer);
        },
        (reason: unknown) => {
          if (this.#open.delete(open)) reject(reason);
        },
      );
    });
  }

  close(reason: unknown): void {
    this.#closed = { reason };
    this.#timer?.handle.cancel();
    for (const open of [...this.#open.keys()]) this.#end(open, reason);
  }

  #end(open: OpenCall, reason: unknown): void {
    const reject = this.#open.get(open);
    this.#open.delete(open);
    open.abort(reason);
    reject?.(reason);
  }

  /** One timer for all: it rings at the earliest deadline and looks who is late. */
  #arm(deadline: number): void {
    if (this.#timer !== undefined && this.#timer.at <= deadline) return;
    this.#timer?.handle.cancel();
    const ms = Math.ceil(deadline - this.#runtime.now());
    this.#timer = { handle: this.#runtime.setTimer(() => this.#ring(), ms), at: deadline };
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#runtime.now();
    let next = Infinity;
    for (const open of [...this.#open.keys()]) {
      if (open.deadline > now) next = Math.min(next, open.deadline);
      else this.#end(open, late(open));
    }
    if (next < Infinity) this.#arm(next);
  }
}

/** A network that throws at once is as good as one that rejects. */
async function attempt<Answer>(put: () => Promise<Answer>): Promise<Answer> {
  return put();
}
