import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { UnreachableError } from '../../errors.ts';
import { nodeRuntime, type Timer } from '../../platform/runtime.ts';

/** One HTTP request, as far as this file needs to know. */
export interface HttpQuestion {
  readonly agent: Agent;
  readonly hostname: string;
  readonly port: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body, or the head of one that goes on with `chunks`. */
  readonly body?: string;
  readonly chunks?: AsyncIterable<Uint8Array>;
  /** How messages call it. */
  readonly name: string;
  /** If it was sent and not answered, it may have taken effect. */
  readonly hasEffect: boolean;
  /**
   * How long to wait for the other side: for the answer or, while a body is streamed, for each
   * chunk to go. The time in which a chunk is waited for does not count.
   */
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/**
 * One HTTP call under way. It ends exactly once: with the answer, a failure, the deadline, the
 * caller's signal, or `fail`. Then its timer and listener are gone, and so is its socket, unless
 * the exchange was complete and the socket can serve the next call.
 */
export class HttpCall {
  readonly answer: Promise<HttpAnswer>;
  readonly #question: HttpQuestion;
  readonly #request: ClientRequest;
  readonly #onAbort = (): void => this.#end(() => this.#reject(this.#question.signal?.reason));
  #resolve: (answer: HttpAnswer) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  #response: IncomingMessage | undefined;
  #deadline: Timer;
  #mayHaveArrived = false;
  #isOver = false;

  constructor(question: HttpQuestion) {
    this.#question = question;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { agent, hostname, port, method, path, headers } = question;
    this.#request = request({ agent, hostname, port, method, path, headers });
    this.#deadline = this.#startDeadline();
    question.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#listen();
    if (question.chunks === undefined) this.#request.end(question.body);
    else void this.#upload(question.body ?? '', question.chunks);
  }

  /** Ends the call, if it is not over, with an `UnreachableError` that says why. */
  fail(why: string, cause?: unknown): void {
    const { name, hasEffect } = this.#question;
    const maybeApplied = hasEffect && this.#mayHaveArrived;
    this.#end(() => {
      this.#reject(new UnreachableError(`${name} failed: ${why}`, { maybeApplied, cause }));
    });
  }

  #listen(): void {
    this.#request.on('socket', (socket) => {
      if (!socket.connecting) this.#mayHaveArrived = true;
      else socket.once('connect', () => (this.#mayHaveArrived = true));
    });
    // Stays after the end: a request that is destroyed still has an error to tell.
    this.#request.on('error', (error) => this.fail(error.message, error));
    this.#request.on('response', (response) => this.#collect(response));
  }

  #collect(response: IncomingMessage): void {
    this.#response = response;
    const { maxAnswerBytes } = this.#question;
    const parts: Buffer[] = [];
    let size = 0;
    response.on('data', (part: Buffer) => {
      size += part.byteLength;
      if (size > maxAnswerBytes) this.fail(`the answer is longer than ${maxAnswerBytes} bytes.`);
      else parts.push(part);
    });
    response.on('error', (error) => this.fail(`the answer broke off: ${error.message}`, error));
    response.on('close', () => this.fail('the answer broke off.'));
    response.on('end', () => {
      this.#end(() => {
        this.#resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? 'without a content type',
          text: Buffer.concat(parts, size).toString(),
        });
      });
    });
  }

  async #upload(head: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#write(Buffer.from(head));
      this.#deadline.cancel();
      for await (const chunk of chunks) {
        // The other side may answer before it has seen everything; then nobody wants the rest.
        if (this.#isOver) return;
        this.#deadline = this.#startDeadline();
        await this.#write(chunk);
        this.#deadline.cancel();
      }
      if (this.#isOver) return;
      this.#deadline = this.#startDeadline();
      this.#request.end();
    } catch (error) {
      // The chunks could not be read. That is no fault of the other side, so it passes as it is.
      this.#end(() => this.#reject(error));
    }
  }

  /** Resolves when the socket has taken the chunk: one at a time, so memory stays bounded. */
  async #write(chunk: Uint8Array): Promise<void> {
    if (chunk.byteLength === 0) return;
    await new Promise<void>((resolve) => {
      // Runs too when the socket is destroyed, so an ended call lets go of its chunks.
      this.#request.write(chunk, () => resolve());
    });
  }

  #startDeadline(): Timer {
    const { timeoutMs } = this.#question;
    return nodeRuntime.setTimer(() => this.fail(`no answer within ${timeoutMs} ms.`), timeoutMs);
  }

  #end(settle: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadline.cancel();
    this.#question.signal?.removeEventListener('abort', this.#onAbort);
    settle();
    // Also after an answer, if it came before the request was out: what is left of that must not
    // be the beginning of the next request on this socket.
    if (!this.#isCleanlyDone()) this.#request.destroy();
  }

  #isCleanlyDone(): boolean {
    return this.#request.writableFinished && this.#response?.complete === true;
  }
}
