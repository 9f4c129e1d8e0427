import { KvError } from '../errors.ts';
import type { Operation, Result } from '../types.ts';
import type { CallsHost } from './calls-host.ts';
import { asKvError, canRetry, closedError, overloaded } from './failures.ts';
import { BackOff } from './pauses.ts';
import { ClientSession } from './session.ts';
import { SessionOpener } from './session-opener.ts';
import type { Waiting } from './turn-message.ts';
import { WriteMessage } from './write-message.ts';

export type Accepted = Exclude<Result, { readonly type: 'error' }>;

/**
 * All writes of a client. Those of one turn of the event loop are one message; each message has its
 * number in the session, the same at every try, so that it takes effect once.
 */
export class Writes {
  readonly #host: CallsHost;
  readonly #opener: SessionOpener;
  /** Not numbered yet; what is before `#queueFrom` has left. */
  readonly #queue: WriteMessage[] = [];
  #queueFrom = 0;
  readonly #unanswered = new Set<WriteMessage>();
  #open: WriteMessage | undefined;
  #session: ClientSession | undefined;
  #calls = 0;
  #bytes = 0;
  #isClosed = false;

  constructor(host: CallsHost) {
    this.#host = host;
    this.#opener = new SessionOpener(host);
  }

  /** Calls without an answer. */
  get pending(): number {
    return this.#calls;
  }

  /** The session in use, if there is one. */
  get session(): number | undefined {
    return this.#session?.isExpired === false ? this.#session.id : undefined;
  }

  /** Resolves with what `read` makes of the result. Not `async`: this is run for every put. */
  write<Answer>(
    operation: Operation,
    read: (result: Accepted) => Answer,
    { timeoutMs, signal }: Waiting,
  ): Promise<Answer> {
    try {
      if (signal?.aborted === true) return Promise.reject(signal.reason);
      this.#demandRoom();
      const message = this.#messageFor(timeoutMs, operation);
      message.batch.add(operation);
      const bytes = message.batch.byteLength;
      this.#bytes += bytes - message.bytes;
      message.bytes = bytes;
      this.#calls += 1;
      const answer = message.wait(read, signal);
      if (this.#isFull(message)) this.#flush(message);
      return answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Ends everything that waits. */
  close(): void {
    this.#isClosed = true;
    this.#open = undefined;
    this.#queue.length = 0;
    this.#queueFrom = 0;
    for (const message of [...this.#unanswered]) {
      message.fail(closedError({ isOpen: message.isOpen || message.isSent }));
    }
  }

  #demandRoom(): void {
    if (this.#isClosed) throw closedError({ isOpen: false });
    const { maxPendingCalls, maxPendingBytes } = this.#host;
    if (this.#calls >= maxPendingCalls) {
      throw overloaded(`${this.#calls} writes wait already, as many as maxPendingCalls allows.`);
    }
    if (this.#bytes >= maxPendingBytes) {
      throw overloaded(`Writes of ${this.#bytes} bytes wait; maxPendingBytes allows no more.`);
    }
  }

  #messageFor(timeoutMs: number, operation: Operation): WriteMessage {
    const open = this.#open;
    if (open !== undefined) {
      const isSame = open.timeoutMs === timeoutMs && !open.isOver;
      if (isSame && !this.#isLarge(operation)) return open;
      this.#flush(open);
    }
    const { wire, runtime } = this.#host;
    const deadline = runtime.now() + timeoutMs;
    const message = new WriteMessage(wire.newBatch(), {
      deadline,
      timeoutMs,
      onOver: this.#onOver,
    });
    this.#open = message;
    this.#unanswered.add(message);
    this.#host.deadlines.add(message);
    queueMicrotask(() => {
      if (this.#open === message) this.#flush(message);
    });
    return message;
  }

  /** What is large goes alone: if it is too large, nobody else is refused with it. */
  #isLarge(operation: Operation): boolean {
    return operation.type === 'put' && operation.value.length >= this.#host.wire.fullBatch.bytes;
  }

  #isFull({ batch }: WriteMessage): boolean {
    const { fullBatch } = this.#host.wire;
    return batch.byteLength >= fullBatch.bytes || batch.count >= fullBatch.count;
  }

  #flush(message: WriteMessage): void {
    this.#open = undefined;
    message.batch.seal();
    // The only operation may have been refused by the batch.
    if (message.calls.length === 0) message.fail(undefined);
    if (message.isOver) return;
    this.#queue.push(message);
    this.#pump();
  }

  /** Sends what the window of the session has room for. */
  #pump(): void {
    while (this.#queueFrom < this.#queue.length) {
      const message = this.#queue[this.#queueFrom] as WriteMessage;
      if (!message.isOver) {
        const session = this.#session;
        if (session === undefined || session.isExpired) {
          this.#openSession();
          return;
        }
        if (!session.hasRoom) return;
        message.enter(session);
        void this.#send(message, session);
      }
      this.#queueFrom += 1;
      this.#trimQueue();
    }
  }

  /** The part that has left is cut off now and then, not at each message. */
  #trimQueue(): void {
    if (this.#queueFrom < 1024 && this.#queueFrom < this.#queue.length) return;
    this.#queue.splice(0, this.#queueFrom);
    this.#queueFrom = 0;
  }

  #openSession(): void {
    this.#opener.open({
      isWanted: () => this.#unanswered.size > 0,
      onOpen: (id) => {
        if (this.#isClosed) return;
        this.#session = new ClientSession(id, this.#host.wire.maxUnanswered);
        this.#pump();
      },
      onTry: (error) => {
        for (const message of this.#queued()) message.lastError = error;
      },
      onFail: (error) => {
        const queued = this.#queued();
        this.#queue.length = 0;
        this.#queueFrom = 0;
        for (const message of queued) message.fail(error);
      },
    });
  }

  #queued(): readonly WriteMessage[] {
    return this.#queue.slice(this.#queueFrom);
  }

  /** Tries until there is an answer, always with the same number. */
  async #send(message: WriteMessage, session: ClientSession): Promise<void> {
    const { runtime, pauses } = this.#host;
    const backOff = new BackOff(runtime);
    while (!message.isOver) {
      const failure = await this.#try(message, session);
      if (failure === undefined) return;
      if (failure.code === 'KV_SESSION_EXPIRED') {
        this.#onExpired(message, { session, failure });
        return;
      }
      if (failure.maybeApplied) message.isOpen = true;
      message.lastError = failure;
      if (!canRetry(failure)) {
        this.#onRefused(message, failure);
        return;
      }
      if (!message.isOver) await pauses.pause(backOff.next());
    }
  }

  async #try(message: WriteMessage, session: ClientSession): Promise<KvError | undefined> {
    const { members, runtime, wire } = this.#host;
    const { batch, sequence } = message;
    const member = members.leader();
    const leftMs = Math.max(1, message.deadline - runtime.now());
    const timeoutMs = Math.min(leftMs, wire.attemptMs);
    message.isSent = true;
    try {
      const { transport } = member;
      const write = { session: session.id, sequence, batch };
      const results = await transport.write(write, { timeoutMs });
      members.worked(member);
      const crowdedOut = message.settle(results);
      if (crowdedOut !== undefined) this.#sendAgain([crowdedOut]);
      return undefined;
    } catch (thrown) {
      const failure = asKvError(thrown);
      message.isSent = false;
      members.failed(member, failure);
      return failure;
    }
  }

  /** Only what certainly took no effect may go on in another session. */
  #onExpired(
    message: WriteMessage,
    { session, failure }: { session: ClientSession; failure: KvError },
  ): void {
    session.isExpired = true;
    if (message.isOver) return;
    if (message.isOpen || failure.details['maybeApplied'] === true) {
      message.fail(withOpenFate(failure));
      return;
    }
    message.leave();
    message.lastError = failure;
    this.#queue.splice(this.#queueFrom, 0, message);
    this.#pump();
  }

  /** One operation may be the only one that is wrong: the others are not refused with it. */
  #onRefused(message: WriteMessage, failure: KvError): void {
    const isOfOne = failure.code === 'KV_INVALID' || failure.code === 'KV_TOO_LARGE';
    if (message.isOver) return;
    if (message.isOpen) {
      message.fail(withOpenFate(failure));
    } else if (!isOfOne || message.batch.count < 2) {
      message.fail(failure);
    } else {
      this.#sendAgain(message.split());
    }
  }

  /** With numbers of their own: they certainly took no effect. */
  #sendAgain(messages: readonly WriteMessage[]): void {
    for (const message of messages) {
      this.#unanswered.add(message);
      this.#host.deadlines.add(message);
      this.#calls += message.calls.length;
      this.#bytes += message.bytes;
    }
    this.#queue.splice(this.#queueFrom, 0, ...messages);
    this.#pump();
  }

  readonly #onOver = (message: WriteMessage): void => {
    this.#unanswered.delete(message);
    this.#host.deadlines.delete(message);
    this.#calls -= message.calls.length;
    this.#bytes -= message.bytes;
    if (message.leave() && !this.#isClosed) this.#pump();
  };
}

/** The last try had no effect, and one before it may have had. */
function withOpenFate(failure: KvError): KvError {
  const message = `${failure.message} An earlier try of this write may have taken effect.`;
  const details = { ...failure.details, maybeApplied: true };
  return new KvError(failure.code, message, { cause: failure, details });
}
