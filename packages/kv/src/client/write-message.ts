import { KvError } from '../errors.ts';
import type { Result } from '../types.ts';
import { timedOut, unanswered } from './failures.ts';
import type { ClientSession } from './session.ts';
import type { CommandBatch } from './transport.ts';
import { type Halves, TurnMessage, type TurnMessageOptions } from './turn-message.ts';

export interface WriteMessageOptions extends TurnMessageOptions {
  readonly onOver: (message: WriteMessage) => void;
}

/** Operations that are one command of the log. */
export class WriteMessage extends TurnMessage<Result> {
  readonly batch: CommandBatch;
  /** What it counts for. */
  bytes = 0;
  /** Its number in the session; 0 while it has none. */
  sequence = 0;
  /** A try is under way. */
  isSent = false;
  /** A try has ended, and nobody knows whether it took effect. */
  isOpen = false;
  #session: ClientSession | undefined;
  readonly #options: WriteMessageOptions;

  constructor(batch: CommandBatch, options: WriteMessageOptions) {
    super(options);
    this.batch = batch;
    this.#options = options;
  }

  /** Takes the next number of the session, for all of its tries. */
  enter(session: ClientSession): void {
    this.#session = session;
    this.sequence = session.begin();
  }

  /** Gives the number up; `false` if it has none. */
  leave(): boolean {
    const session = this.#session;
    if (session === undefined) return false;
    session.end(this.sequence);
    this.#session = undefined;
    this.sequence = 0;
    return true;
  }

  /**
   * Answers the calls. Those that were refused since there was no room for their results beside the
   * others are not answered, but returned as a message of their own: they took no effect.
   */
  settle(results: readonly Result[]): WriteMessage | undefined {
    const wanted = this.batch.count;
    if (results.length === wanted) {
      const crowdedOut = wanted > 1 && !this.isOver ? this.#crowdedOut(results) : undefined;
      this.answer(results);
      return crowdedOut;
    }
    const message = `A write of ${wanted} operations was answered with ${results.length} results.`;
    this.fail(new KvError('KV_INTERNAL', message, { details: { maybeApplied: true } }));
    return undefined;
  }

  /** Two messages with half of the operations each, which their callers wait for instead. */
  split(): Halves<WriteMessage> {
    const [first, second] = this.batch.split();
    const halves: Halves<WriteMessage> = [this.#half(first), this.#half(second)];
    for (let at = 0; at < this.calls.length; at += 1) {
      this.move(at, halves[at < first.count ? 0 : 1]);
    }
    this.disband();
    return halves;
  }

  expire(): void {
    const { timeoutMs, lastError } = this;
    const isOpen = this.isOpen || this.isSent;
    this.fail(isOpen ? timedOut(timeoutMs, lastError) : unanswered(timeoutMs, lastError));
  }

  protected refusalIn(result: Result): KvError | undefined {
    if (result.type !== 'error') return undefined;
    return new KvError(result.code, result.message);
  }

  protected onOver(): void {
    this.#options.onOver(this);
  }

  #crowdedOut(results: readonly Result[]): WriteMessage | undefined {
    const places: number[] = [];
    for (let at = 1; at < results.length; at += 1) {
      const result = results[at] as Result;
      // The first one is too large by itself.
      if (result.type === 'error' && result.code === 'KV_TOO_LARGE') places.push(at);
    }
    if (places.length === 0) return undefined;
    const rest = this.#half(this.batch.pick(places));
    for (const at of places) this.move(at, rest);
    return rest;
  }

  #half(batch: CommandBatch): WriteMessage {
    const half = new WriteMessage(batch, this.#options);
    half.bytes = batch.byteLength;
    return half;
  }
}
