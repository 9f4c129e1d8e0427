import type { NodeId } from '../../core/types.ts';
import type { Runtime, Timer } from '../../platform/runtime.ts';

interface Delayed {
  /** When it may arrive, if nothing before it on the same link is still on its way. */
  readonly dueAt: number;
  /** Asked at that moment; if `false`, the message is lost after all. */
  readonly canArrive: () => boolean;
  readonly arrive: () => void;
}

/** Messages on their way. Those on one directed link arrive in the order they were sent. */
export class Delays {
  readonly #runtime: Runtime;
  readonly #links = new Map<NodeId | undefined, Map<NodeId | undefined, Link>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get isEmpty(): boolean {
    return this.#links.size === 0;
  }

  /**
   * Resolves when a message sent now, and slowed by `ms`, arrives. `undefined` if it does so at
   * once: an `await` then lasts one microtask, just as after a promise that resolves on arrival,
   * and no message overtakes another.
   */
  pass(
    from: NodeId | undefined,
    to: NodeId | undefined,
    ms: number,
    canArrive: () => boolean,
  ): Promise<void> | undefined {
    const link = this.#links.get(from)?.get(to);
    if (ms <= 0 && link === undefined) return undefined;
    const dueAt = this.#runtime.now() + ms;
    return new Promise((arrive) => {
      (link ?? this.#open(from, to)).send({ dueAt, canArrive, arrive });
    });
  }

  #open(from: NodeId | undefined, to: NodeId | undefined): Link {
    const targets = this.#links.get(from) ?? new Map<NodeId | undefined, Link>();
    const link = new Link(this.#runtime, () => {
      targets.delete(to);
      if (targets.size === 0) this.#links.delete(from);
    });
    this.#links.set(from, targets.set(to, link));
    return link;
  }
}

/** One directed link while something is on its way there. */
class Link {
  readonly #runtime: Runtime;
  readonly #onEmpty: () => void;
  readonly #queue: Delayed[] = [];
  #timer: Timer | undefined;

  constructor(runtime: Runtime, onEmpty: () => void) {
    this.#runtime = runtime;
    this.#onEmpty = onEmpty;
  }

  send(message: Delayed): void {
    this.#queue.push(message);
    if (this.#timer === undefined) this.#arm(message);
  }

  #arm(first: Delayed): void {
    const waitMs = Math.max(0, first.dueAt - this.#runtime.now());
    this.#timer = this.#runtime.setTimer(() => this.#arriveDue(), waitMs);
  }

  #arriveDue(): void {
    this.#timer = undefined;
    const now = this.#runtime.now();
    let first = this.#queue[0];
    while (first !== undefined && first.dueAt <= now) {
      this.#queue.shift();
      if (first.canArrive()) first.arrive();
      first = this.#queue[0];
    }
    if (first === undefined) this.#onEmpty();
    else this.#arm(first);
  }
}
