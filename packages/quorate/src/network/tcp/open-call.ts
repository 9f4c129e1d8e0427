import { UnreachableError } from '../../errors.ts';
import type { Speaker } from './handshake-messages.ts';

export interface OpenCallOptions<Answer> {
  /** How messages call it. */
  readonly name: string;
  /** The body of the request; its large parts do not change any more. */
  readonly body: readonly Uint8Array[];
  readonly bodyBytes: number;
  /** Reads the body of the response. */
  readonly read: (body: Uint8Array) => Answer;
  /** If it may have arrived and was not answered, it may have been done. */
  readonly hasEffect: boolean;
  readonly now: number;
  /** How long the answer is waited for. */
  readonly timeoutMs: number;
  /** Who asks and who is meant. */
  readonly from?: Speaker['from'] | undefined;
  readonly to?: Speaker['to'] | undefined;
  /** It goes on with a stream, in one direction or the other. */
  readonly stream?: CallStream | undefined;
}

/** The stream that belongs to a call, as the link sees it. */
export interface CallStream {
  /** The request has been sent, so chunks may follow. */
  onSent(call: OpenCall): void;
  onChunk(bytes: Uint8Array): void;
  onStreamEnd(): void;
  onCredit(bytes: number): void;
  /** The socket has room again. */
  onDrain(): void;
  /** The call is over; `error` says why, if that was no answer. */
  onEnd(error: unknown): void;
}

/** Who is told that a call has ended. */
export interface CallObserver {
  onCallEnd(call: OpenCall): void;
}

/** A call under way. It ends once: by an answer, a failure, its deadline or its caller's signal. */
export class OpenCall<Answer = unknown> {
  readonly name: string;
  readonly promise: Promise<Answer>;
  readonly hasEffect: boolean;
  readonly bodyBytes: number;
  readonly from: Speaker['from'];
  readonly to: Speaker['to'];
  readonly stream: CallStream | undefined;
  readonly timeoutMs: number;
  /** On the clock of the runtime. */
  deadline: number;
  /** Its number on the link. */
  number = 0;
  /** How many writes there were when it was sent; -1 while it waits for a connection. */
  sentAt = -1;
  observer: CallObserver | undefined;
  /** The body, until it is sent. */
  body: readonly Uint8Array[];
  readonly #read: (body: Uint8Array) => unknown;
  #resolve!: (answer: never) => void;
  #reject!: (reason: unknown) => void;
  #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;

  constructor(options: OpenCallOptions<Answer>) {
    this.name = options.name;
    this.body = options.body;
    this.bodyBytes = options.bodyBytes;
    this.hasEffect = options.hasEffect;
    this.timeoutMs = options.timeoutMs;
    this.deadline = options.now + options.timeoutMs;
    this.from = options.from;
    this.to = options.to;
    this.stream = options.stream;
    this.#read = options.read;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Calls `abort` when the signal does, until the call has ended. */
  abortBy(signal: AbortSignal, abort: () => void): void {
    this.#signal = signal;
    this.#onAbort = abort;
    signal.addEventListener('abort', abort, { once: true });
  }

  /** To be called once, by the link that has the call on its books. */
  answer(body: Uint8Array): void {
    let answer: unknown;
    try {
      answer = this.#read(body);
    } catch (cause) {
      this.fail(this.lost('got an answer that is none', cause));
      return;
    }
    this.#end(undefined);
    this.#resolve(answer as never);
  }

  /** The same, without an answer. */
  fail(reason: unknown): void {
    this.#end(reason);
    this.#reject(reason);
  }

  /** The error for a call of which nobody knows whether it has arrived. */
  lost(what: string, cause?: unknown): UnreachableError {
    return this.#unreachable(what, cause, this.hasEffect);
  }

  /** The error for a call that certainly has not arrived. */
  notSent(what: string, cause?: unknown): UnreachableError {
    return this.#unreachable(what, cause, false);
  }

  #unreachable(what: string, cause: unknown, maybeApplied: boolean): UnreachableError {
    const why = cause instanceof Error ? `: ${cause.message}` : '.';
    const options = cause === undefined ? { maybeApplied } : { maybeApplied, cause };
    return new UnreachableError(`${this.name} ${what}${why}`, options);
  }

  #end(error: unknown): void {
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.body = [];
    this.stream?.onEnd(error);
    this.observer?.onCallEnd(this);
  }
}
