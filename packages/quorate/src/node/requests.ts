import type { Answer } from '../core/action.ts';
import { assert } from '../core/assert.ts';
import type { RequestId } from '../core/event.ts';
import { OverloadedError } from '../errors.ts';

interface Open {
  readonly answer: (answer: Answer) => void;
  readonly fail: (reason: unknown) => void;
}

/**
 * The questions put to the core that it has not answered. Each gets one answer; a caller that gave
 * up is forgotten, and the answer with it.
 */
export class Requests {
  readonly #open = new Map<RequestId, Open>();
  readonly #maxOpen: number;
  #last: RequestId = 0;

  constructor(maxOpen: number) {
    this.#maxOpen = maxOpen;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws {OverloadedError} if `maxWaitingCalls` are open. */
  open(answer: Open['answer'], fail: Open['fail']): RequestId {
    if (this.#open.size >= this.#maxOpen) {
      throw new OverloadedError(
        `${this.#open.size} calls are waiting already, and maxWaitingCalls is ${this.#maxOpen}. Try again later.`,
      );
    }
    const request = ++this.#last;
    this.#open.set(request, { answer, fail });
    return request;
  }

  forget(request: RequestId): void {
    this.#open.delete(request);
  }

  answer(request: RequestId, answer: Answer): void {
    assert(request <= this.#last, () => `request ${request} was never opened`);
    const open = this.#open.get(request);
    this.#open.delete(request);
    open?.answer(answer);
  }

  failAll(reason: unknown): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { fail } of open) fail(reason);
  }
}
