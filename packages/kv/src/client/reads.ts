import { KvError } from '../errors.ts';
import type { RangeRequest, RangeResponse } from '../types.ts';
import type { CallsHost } from './calls-host.ts';
import { asKvError, canRetry, closedError, overloaded, readUnanswered } from './failures.ts';
import { BackOff } from './pauses.ts';
import { type Halves, TurnMessage, type TurnMessageOptions, type Waiting } from './turn-message.ts';

export interface ReadWaiting extends Waiting {
  /** Whatever the member has, at once; it may be old. */
  readonly serializable?: boolean | undefined;
}

/** All reads of a client. Those of one turn of the event loop are one message, and one barrier. */
export class Reads {
  readonly #host: CallsHost;
  readonly #queue: ReadMessage[] = [];
  readonly #unanswered = new Set<ReadMessage>();
  #open: ReadMessage | undefined;
  #underWay = 0;
  #calls = 0;
  #isClosed = false;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  /** Calls without an answer. */
  get pending(): number {
    return this.#calls;
  }

  /** Resolves with what `read` makes of the response. */
  range<Answer>(
    request: RangeRequest,
    read: (response: RangeResponse) => Answer,
    { timeoutMs, signal, serializable = false }: ReadWaiting,
  ): Promise<Answer> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (this.#isClosed) return Promise.reject(closedError({ isOpen: false }));
    const { maxPendingCalls, wire } = this.#host;
    if (this.#calls >= maxPendingCalls) {
      const what = `${this.#calls} reads wait already, as many as maxPendingCalls allows.`;
      return Promise.reject(overloaded(what));
    }
    const message = this.#messageFor(timeoutMs, serializable);
    message.requests.push(request);
    this.#calls += 1;
    const answer = message.wait(read, signal);
    if (message.requests.length >= wire.fullRead.count) this.#flush(message);
    return answer;
  }

  /** Ends everything that waits. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    for (const message of [...this.#unanswered]) message.fail(closedError({ isOpen: false }));
  }

  #messageFor(timeoutMs: number, serializable: boolean): ReadMessage {
    const open = this.#open;
    if (open !== undefined) {
      const isSame = open.timeoutMs === timeoutMs && open.serializable === serializable;
      if (isSame && !open.isOver) return open;
      this.#flush(open);
    }
    const deadline = this.#host.runtime.now() + timeoutMs;
    const options = { deadline, timeoutMs, serializable, onOver: this.#onOver };
    const message = this.#take(new ReadMessage([], options));
    this.#open = message;
    queueMicrotask(() => {
      if (this.#open === message) this.#flush(message);
    });
    return message;
  }

  #take(message: ReadMessage): ReadMessage {
    this.#unanswered.add(message);
    this.#host.deadlines.add(message);
    return message;
  }

  #flush(message: ReadMessage): void {
    this.#open = undefined;
    this.#queue.push(message);
    this.#pump();
  }

  #pump(): void {
    while (this.#underWay < this.#host.wire.maxUnanswered) {
      const message = this.#queue.shift();
      if (message === undefined) return;
      if (message.isOver) continue;
      this.#underWay += 1;
      void this.#send(message);
    }
  }

  async #send(message: ReadMessage): Promise<void> {
    const { runtime, pauses } = this.#host;
    const backOff = new BackOff(runtime);
    while (!message.isOver) {
      const failure = await this.#try(message);
      if (failure === undefined || message.isOver) break;
      message.lastError = failure;
      if (!canRetry(failure)) {
        this.#onRefused(message, failure);
        break;
      }
      await pauses.pause(backOff.next());
    }
    this.#underWay -= 1;
    this.#pump();
  }

  async #try(message: ReadMessage): Promise<KvError | undefined> {
    const { members, runtime, wire } = this.#host;
    const { requests, serializable } = message;
    const member = serializable ? members.any() : members.leader();
    const leftMs = Math.max(1, message.deadline - runtime.now());
    const timeoutMs = Math.min(leftMs, wire.attemptMs);
    try {
      const { transport } = member;
      const answers = await transport.ranges(requests, { timeoutMs, serializable });
      members.worked(member);
      const crowdedOut = message.settle(answers);
      if (crowdedOut !== undefined) this.#askAgain([crowdedOut]);
      return undefined;
    } catch (thrown) {
      const failure = asKvError(thrown);
      members.failed(member, failure);
      return failure;
    }
  }

  /** The answers may be too much together, and one request may be the only one that is wrong. */
  #onRefused(message: ReadMessage, failure: KvError): void {
    const isOfOne = failure.code === 'KV_INVALID' || failure.code === 'KV_TOO_LARGE';
    if (!isOfOne || message.requests.length < 2) {
      message.fail(failure);
      return;
    }
    this.#askAgain(message.split());
  }

  /** They are sent when the message that they were part of has ended. */
  #askAgain(messages: readonly ReadMessage[]): void {
    for (const message of messages) {
      this.#take(message);
      this.#calls += message.calls.length;
    }
    this.#queue.unshift(...messages);
  }

  readonly #onOver = (message: ReadMessage): void => {
    this.#unanswered.delete(message);
    this.#host.deadlines.delete(message);
    this.#calls -= message.calls.length;
  };
}

interface ReadMessageOptions extends TurnMessageOptions {
  readonly serializable: boolean;
  readonly onOver: (message: ReadMessage) => void;
}

class ReadMessage extends TurnMessage<RangeResponse | KvError> {
  readonly requests: RangeRequest[];
  readonly #options: ReadMessageOptions;

  constructor(requests: RangeRequest[], options: ReadMessageOptions) {
    super(options);
    this.requests = requests;
    this.#options = options;
  }

  get serializable(): boolean {
    return this.#options.serializable;
  }

  /**
   * Answers the calls. Reads for which there was no room beside the others are not answered, but
   * returned as a message of their own.
   */
  settle(answers: readonly (RangeResponse | KvError)[]): ReadMessage | undefined {
    const wanted = this.requests.length;
    if (answers.length !== wanted) {
      const message = `${wanted} reads were answered with ${answers.length} responses.`;
      this.fail(new KvError('KV_INTERNAL', message));
      return undefined;
    }
    const crowdedOut = wanted > 1 && !this.isOver ? this.#crowdedOut(answers) : undefined;
    this.answer(answers);
    return crowdedOut;
  }

  split(): Halves<ReadMessage> {
    const middle = this.requests.length >> 1;
    const halves: Halves<ReadMessage> = [
      new ReadMessage(this.requests.slice(0, middle), this.#options),
      new ReadMessage(this.requests.slice(middle), this.#options),
    ];
    for (let at = 0; at < this.calls.length; at += 1) this.move(at, halves[at < middle ? 0 : 1]);
    this.disband();
    return halves;
  }

  expire(): void {
    this.fail(readUnanswered(this.timeoutMs, this.lastError));
  }

  protected refusalIn(answer: RangeResponse | KvError): KvError | undefined {
    return answer instanceof KvError ? answer : undefined;
  }

  protected onOver(): void {
    this.#options.onOver(this);
  }

  #crowdedOut(answers: readonly (RangeResponse | KvError)[]): ReadMessage | undefined {
    let rest: ReadMessage | undefined;
    for (const [at, answer] of answers.entries()) {
      if (!(answer instanceof KvError) || answer.code !== 'KV_TOO_LARGE') continue;
      // With no other in front of it, it is too large by itself.
      if (at === 0) continue;
      rest ??= new ReadMessage([], this.#options);
      rest.requests.push(this.requests[at] as RangeRequest);
      this.move(at, rest);
    }
    return rest;
  }
}
