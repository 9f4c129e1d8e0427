import { UnreachableError } from '../../src/errors.ts';
import type { Crossing } from './links.ts';
import type { SimProcess } from './process.ts';

export interface CrossingOptions {
  readonly sender: SimProcess;
  readonly receiver: SimProcess;
  /** The sender's: it gave the call up. */
  readonly signal: AbortSignal | undefined;
  readonly cross: (crossing: Pick<Crossing, 'arrive' | 'lose'>) => void;
}

/**
 * Brings chunks from one process to another, each over the wire by itself, at the reader's pull. A
 * chunk that is lost breaks the stream; if the sender is gone, nothing more comes of it.
 */
export function crossingStream(
  source: AsyncIterable<Uint8Array>,
  options: CrossingOptions,
): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => new CrossingIterator(source, options) };
}

/** A stream of which nothing comes. */
export function brokenStream(): AsyncIterable<Uint8Array> {
  const next = (): Promise<never> => Promise.reject(broken());
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

class CrossingIterator implements AsyncIterator<Uint8Array, undefined> {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #options: CrossingOptions;
  #isBroken = false;
  #reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(source: AsyncIterable<Uint8Array>, options: CrossingOptions) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#options = options;
    const { signal } = options;
    signal?.addEventListener('abort', () => this.#break(), { once: true });
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { sender, receiver, cross, signal } = this.#options;
    if (this.#isBroken || signal?.aborted === true) return Promise.reject(broken());
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      sender.enter(() => {
        this.#iterator.next().then(
          (result) =>
            cross({
              arrive: () =>
                receiver.enter(() => {
                  if (result.done === true) resolve({ done: true, value: undefined });
                  else resolve(result);
                }),
              lose: () => this.#break(),
            }),
          () => this.#break(),
        );
      });
    });
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#isBroken = true;
    this.#options.sender.enter(() => {
      void this.#iterator.return?.().catch(() => undefined);
    });
    return { done: true, value: undefined };
  }

  #break(): void {
    this.#isBroken = true;
    const reject = this.#reject;
    this.#reject = undefined;
    if (reject !== undefined) this.#options.receiver.enter(() => reject(broken()));
  }
}

function broken(): UnreachableError {
  return new UnreachableError('The stream of the snapshot broke.');
}
