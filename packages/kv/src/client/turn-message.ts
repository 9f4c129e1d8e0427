import type { KvError } from '../errors.ts';
import type { Expiring } from './deadlines.ts';

/** One caller that waits for one answer of a message. */
export interface PendingCall {
  readonly resolve: (answer: never) => void;
  readonly reject: (reason: unknown) => void;
  /** Makes of what the member answered what the caller wanted. */
  readonly read: (answer: never) => unknown;
  /** Takes the listener off the caller's signal. */
  release: (() => void) | undefined;
  isOver: boolean;
}

export type Halves<Whole> = readonly [Whole, Whole];

/** How a call waits. */
export interface Waiting {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TurnMessageOptions {
  /** On the clock of the runtime. */
  readonly deadline: number;
  readonly timeoutMs: number;
}

/** Calls of one turn of the event loop that are asked and answered together. */
export abstract class TurnMessage<Answer> implements Expiring {
  readonly timeoutMs: number;
  readonly deadline: number;
  readonly calls: PendingCall[] = [];
  /** What the last try failed with. */
  lastError: KvError | undefined;
  #isOver = false;

  constructor({ deadline, timeoutMs }: TurnMessageOptions) {
    this.timeoutMs = timeoutMs;
    this.deadline = deadline;
  }

  /** Nobody waits any more; whatever is answered now is thrown away. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The deadline is over. */
  abstract expire(): void;

  /** What one answer refuses, if it does. */
  protected abstract refusalIn(answer: Answer): KvError | undefined;

  /** Once, when nobody waits any more: nothing is tried again. */
  protected abstract onOver(): void;

  wait<Wanted>(read: (answer: never) => Wanted, signal: AbortSignal | undefined): Promise<Wanted> {
    return new Promise<Wanted>((resolve, reject) => {
      const call = { resolve, reject, read, release: undefined, isOver: false };
      this.calls.push(call);
      if (signal !== undefined) this.#abortBy(signal, call);
    });
  }

  /** Hands out the answers, which are as many as the calls. */
  answer(answers: readonly Answer[]): void {
    if (this.#isOver) return;
    const { calls } = this;
    for (let at = 0; at < calls.length; at += 1) {
      const call = calls[at] as PendingCall;
      if (call.isOver) continue;
      call.isOver = true;
      call.release?.();
      const answer = answers[at] as Answer;
      const refusal = this.refusalIn(answer);
      if (refusal !== undefined) call.reject(refusal);
      else this.#resolve(call, answer);
    }
    this.#end();
  }

  fail(reason: unknown): void {
    if (this.#isOver) return;
    for (const call of this.calls) {
      if (call.isOver) continue;
      call.isOver = true;
      call.release?.();
      call.reject(reason);
    }
    this.#end();
  }

  /** From now on that call waits for another message. */
  protected move(at: number, to: TurnMessage<Answer>): void {
    to.calls.push(this.calls[at] as PendingCall);
    this.calls[at] = moved;
  }

  /** Ends this message, whose calls have all moved. */
  protected disband(): void {
    this.#end();
  }

  #resolve(call: PendingCall, answer: Answer): void {
    try {
      call.resolve(call.read(answer as never) as never);
    } catch (error) {
      call.reject(error);
    }
  }

  #abortBy(signal: AbortSignal, call: PendingCall): void {
    const onAbort = (): void => {
      call.isOver = true;
      call.reject(signal.reason);
      // Another message may have it by now, and finds out at its deadline.
      if (this.calls.every(({ isOver }) => isOver)) this.#end();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    call.release = () => signal.removeEventListener('abort', onAbort);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onOver();
  }
}

/** Stands where a call was that has moved. */
const moved: PendingCall = {
  resolve: () => undefined,
  reject: () => undefined,
  read: () => undefined,
  release: undefined,
  isOver: true,
};
