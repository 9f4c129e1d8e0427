import type { Answer } from '../core/action.ts';
import { assert } from '../core/assert.ts';
import type { RequestId } from '../core/event.ts';
import { OverloadedError } from '../errors.ts';

/** Whoever waits for an answer; is told either, once. */
export interface Asker {
  answer(answer: Answer): void;
  fail(reason: unknown): void;
}

/**
 * The questions put to the core that it has not answered. Each gets one answer; a caller that gave
 * up is forgotten, and the answer with it.
 */
export class Requests {
  readonly #open = new Map<RequestId, Asker>();
  readonly #maxOpen: number;
  #last: RequestId = 0;
  /** Who opened the last one: most are answered before the next, and never get into the map. */
  #newest: Asker | undefined = undefined;

  constructor(maxOpen: number) {
    this.#maxOpen = maxOpen;
  }

  get count(): number {
    return this.#open.size + (this.#newest === undefined ? 0 : 1);
  }

  /** @throws {OverloadedError} if `maxWaitingCalls` are open. */
  open(answer: Asker['answer'], fail: Asker['fail']): RequestId {
    return this.openFor({ answer, fail });
  }

  /** @throws {OverloadedError} if `maxWaitingCalls` are open. */
  openFor(asker: Asker): RequestId {
    if (this.count >= this.#maxOpen) {
      throw new OverloadedError(
        `${this.count} calls are waiting already, and maxWaitingCalls is ${this.#maxOpen}. Try again later.`,
      );
    }
    if (this.#newest !== undefined) this.#open.set(this.#last, this.#newest);
    this.#newest = asker;
    return ++this.#last;
  }

  forget(request: RequestId): void {
    this.#take(request);
  }

  answer(request: RequestId, answer: Answer): void {
    assert(request <= this.#last, () => `request ${request} was never opened`);
    this.#take(request)?.answer(answer);
  }

  failAll(reason: unknown): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    if (this.#newest !== undefined) open.push(this.#newest);
    this.#newest = undefined;
    for (const asker of open) asker.fail(reason);
  }

  #take(request: RequestId): Asker | undefined {
    let asker: Asker | undefined;
    if (request === this.#last) {
      asker = this.#newest;
      this.#newest = undefined;
    } else {
      asker = this.#open.get(request);
      if (asker !== undefined) this.#open.delete(request);
    }
    return asker;
  }
}
