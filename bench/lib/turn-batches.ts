/** A batch that has as much does not wait for more. */
const fullBytes = 48 * 1024;

/** What was asked and not sent yet. */
interface Batch<Request, Answer> {
  readonly timeoutMs: number;
  readonly requests: Request[];
  readonly asking: Asking<Answer>[];
  bytes: number;
}

interface Asking<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/** Puts requests together that are made in one turn of the event loop, without any delay. */
export class TurnBatches<Request, Answer> {
  readonly #send: (requests: readonly Request[], timeoutMs: number) => Promise<readonly Answer[]>;
  #open: Batch<Request, Answer> | undefined;

  /** @param send resolves with the answer to each, in their order; if it fails, they all do. */
  constructor(
    send: (requests: readonly Request[], timeoutMs: number) => Promise<readonly Answer[]>,
  ) {
    this.#send = send;
  }

  /** @param bytes about how much there is to be sent for it. */
  ask(request: Request, bytes: number, timeoutMs: number): Promise<Answer> {
    let batch = this.#open;
    if (batch === undefined || batch.timeoutMs !== timeoutMs || batch.bytes >= fullBytes) {
      if (batch !== undefined) void this.#leave(batch);
      const fresh = { timeoutMs, requests: [], asking: [], bytes: 0 };
      batch = fresh;
      this.#open = fresh;
      queueMicrotask(() => {
        if (this.#open === fresh) void this.#leave(fresh);
      });
    }
    const { requests, asking } = batch;
    requests.push(request);
    batch.bytes += bytes;
    return new Promise((resolve, reject) => asking.push({ resolve, reject }));
  }

  async #leave({ requests, asking, timeoutMs }: Batch<Request, Answer>): Promise<void> {
    this.#open = undefined;
    try {
      const answers = await this.#send(requests, timeoutMs);
      if (answers.length !== asking.length) {
        throw new Error(`${asking.length} answers were wanted; got ${answers.length}.`);
      }
      for (const [at, { resolve }] of asking.entries()) resolve(answers[at] as Answer);
    } catch (error) {
      for (const { reject } of asking) reject(error);
    }
  }
}
