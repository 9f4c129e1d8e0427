import { pieceCostBytes, streamWindowBytes } from './chunk-writer.ts';

/** Granted in steps, so that not every chunk costs a frame. */
const grantStepBytes = streamWindowBytes / 4;

export interface ChunkReaderOptions {
  /** The sender may send so many bytes more. */
  readonly grant: (bytes: number) => void;
  /** Whoever reads has stopped before the end. */
  readonly onStop: () => void;
}

/**
 * A stream as it comes in, to be read once. What nobody has read yet is at most what was granted;
 * the sender waits for the reader.
 */
export class ChunkReader implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #options: ChunkReaderOptions;
  #chunks: Uint8Array[] = [];
  #granted = streamWindowBytes;
  /** Read and not granted again yet. */
  #consumed = 0;
  #state: 'flowing' | 'ended' | 'failed' | 'stopped' = 'flowing';
  #error: unknown;
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array, undefined>> | undefined;

  constructor(options: ChunkReaderOptions) {
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#state !== 'flowing';
  }

  /** Takes what came. `false`: that is more than was granted, which no honest sender sends. */
  push(bytes: Uint8Array): boolean {
    const cost = bytes.length + pieceCostBytes;
    if (cost > this.#granted) return false;
    this.#granted -= cost;
    if (this.#state !== 'flowing') return true;
    if (this.#waiting === undefined) {
      this.#chunks.push(bytes);
      return true;
    }
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    this.#consume(bytes.length);
    resolve({ done: false, value: bytes });
    return true;
  }

  /** Nothing more comes. What is here can still be read. */
  end(): void {
    if (this.#state !== 'flowing') return;
    this.#state = 'ended';
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** It broke. What is here is not handed out any more. */
  fail(error: unknown): void {
    if (this.#state !== 'flowing') return;
    this.#state = 'failed';
    this.#error = error;
    this.#chunks = [];
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#consume(chunk.length);
      return { done: false, value: chunk };
    }
    if (this.#state === 'failed') throw this.#error;
    if (this.#state !== 'flowing') return { done: true, value: undefined };
    if (this.#waiting !== undefined) throw new TypeError('One chunk at a time can be asked for.');
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    const wasFlowing = this.#state === 'flowing';
    if (this.#state !== 'failed') this.#state = 'stopped';
    this.#chunks = [];
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
    if (wasFlowing) this.#options.onStop();
    return { done: true, value: undefined };
  }

  #consume(size: number): void {
    if (this.#state !== 'flowing') return;
    this.#consumed += size + pieceCostBytes;
    if (this.#consumed < grantStepBytes) return;
    this.#granted += this.#consumed;
    this.#options.grant(this.#consumed);
    this.#consumed = 0;
  }
}
