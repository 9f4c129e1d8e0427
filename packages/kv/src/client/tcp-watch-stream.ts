import type { Channel } from 'quorate/network/tcp';
import { KvError } from '../errors.ts';
import { errorOf } from '../protocol/failures.ts';
import { encodeRareCall, encodeWatchStream, type OpenedWatch } from '../protocol/rare-calls.ts';
import { type WatchFrame, WatchFrameReader } from '../protocol/watching.ts';
import type { WatchRequest } from '../types.ts';
import { canRetry } from './failures.ts';
import type { WatchReceiver, WatchStream } from './transport.ts';

interface TcpWatchStreamOptions {
  readonly channel: Channel;
  /** Draws the name by which watches are added to a stream: nobody can guess it. */
  readonly drawName: () => string;
  readonly receiver: WatchReceiver;
}

/** How long a member may take to add a watch, or to end one. */
const tellTimeoutMs = 5000;
/** A stream is opened with so many watches at most, and the others are added to it. */
const mostAtFirst = 1000;
const mostKeyBytesAtFirst = 256 * 1024;

/** One stream of the native protocol, for many watches. */
export class TcpWatchStream implements WatchStream {
  readonly #options: TcpWatchStreamOptions;
  readonly #reading = new AbortController();
  /** Wait for the stream to be there. */
  readonly #waiting = new Map<number, WatchRequest>();
  #name = '';
  #state: 'empty' | 'asked' | 'open' | 'closed' = 'empty';
  /** A member has refused several of them together: the next try is with one. */
  #isCareful = false;

  constructor(options: TcpWatchStreamOptions) {
    this.#options = options;
  }

  add(watch: number, request: WatchRequest): void {
    if (this.#state === 'open') {
      void this.#tellToAdd({ watch, request });
      return;
    }
    this.#waiting.set(watch, request);
    if (this.#state !== 'empty') return;
    this.#state = 'asked';
    // All that are added in this turn are asked for together.
    queueMicrotask(() => void this.#run());
  }

  remove(watch: number): void {
    if (this.#waiting.delete(watch) || this.#state === 'closed') return;
    void this.#tellToRemove(watch);
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#waiting.clear();
    this.#reading.abort(new Error('The stream of watches was closed.'));
  }

  async #run(): Promise<void> {
    while (this.#state === 'asked') {
      const watches = this.#takeFirst();
      if (watches.length === 0) {
        this.#state = 'empty';
        return;
      }
      try {
        await this.#read(watches);
        this.#onClosed(new KvError('KV_MAYBE', 'The member has ended the stream of watches.'));
      } catch (thrown) {
        const error = errorOf(thrown);
        if (this.#state === 'asked' && !canRetry(error)) this.#onRefused(watches, error);
        else this.#onClosed(error);
      }
    }
  }

  async #read(watches: readonly OpenedWatch[]): Promise<void> {
    const { channel, drawName } = this.#options;
    this.#name = drawName();
    const request = encodeWatchStream({ stream: this.#name, watches });
    const frames = new WatchFrameReader();
    const { signal } = this.#reading;
    for await (const chunk of channel.stream(request, { signal })) {
      for (const frame of frames.push(chunk)) this.#onFrame(frame);
    }
  }

  #takeFirst(): readonly OpenedWatch[] {
    const watches: OpenedWatch[] = [];
    let bytes = 0;
    for (const [watch, request] of this.#waiting) {
      bytes += request.key.length + (request.end?.length ?? 0);
      const isFull = watches.length >= mostAtFirst || bytes > mostKeyBytesAtFirst;
      if (watches.length > 0 && (isFull || this.#isCareful)) break;
      this.#waiting.delete(watch);
      watches.push({ watch, request });
    }
    return watches;
  }

  /** One that is wrong must not end the others, and it is not said which one it is. */
  #onRefused(watches: readonly OpenedWatch[], error: KvError): void {
    const [first, ...others] = watches;
    if (first !== undefined && others.length === 0) {
      this.#options.receiver.onEnded(first.watch, error);
      return;
    }
    this.#isCareful = true;
    for (const { watch, request } of watches) this.#waiting.set(watch, request);
  }

  #onFrame(frame: WatchFrame): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'asked') this.#onOpen();
    const { receiver } = this.#options;
    switch (frame.type) {
      case 'created':
        return;
      case 'events':
        for (const watch of frame.watches) receiver.onBatch(watch, frame.batch);
        return;
      case 'progress':
        for (const watch of frame.watches) receiver.onProgress(watch, frame.revision);
        return;
      case 'ended':
        receiver.onEnded(frame.watch, frame.error ?? endedEarly(frame.watch));
    }
  }

  /** The member knows the stream from the first frame on, so that watches can be added. */
  #onOpen(): void {
    this.#state = 'open';
    for (const [watch, request] of this.#waiting) void this.#tellToAdd({ watch, request });
    this.#waiting.clear();
  }

  async #tellToAdd(opened: OpenedWatch): Promise<void> {
    const { channel, receiver } = this.#options;
    try {
      const call = encodeRareCall('watch', { ...opened, stream: this.#name });
      await channel.call(call, { timeoutMs: tellTimeoutMs });
    } catch (thrown) {
      const error = errorOf(thrown);
      if (this.#state === 'closed') return;
      // Without the stream, all of them have to move.
      if (canRetry(error) || error.code === 'KV_NOT_FOUND') this.#onClosed(gone(error));
      else receiver.onEnded(opened.watch, error);
    }
  }

  async #tellToRemove(watch: number): Promise<void> {
    try {
      const call = encodeRareCall('unwatch', { stream: this.#name, watch });
      await this.#options.channel.call(call, { timeoutMs: tellTimeoutMs });
    } catch (thrown) {
      const error = errorOf(thrown);
      // It may have ended by itself; but if it goes on, the member sends what nobody reads.
      if (canRetry(error)) this.#onClosed(error);
    }
  }

  #onClosed(error: KvError): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#options.receiver.onClosed(error);
  }
}

function endedEarly(watch: number): KvError {
  return new KvError('KV_MAYBE', `The member has ended watch ${watch} and did not say why.`);
}

function gone(error: KvError): KvError {
  if (canRetry(error)) return error;
  return new KvError('KV_MAYBE', 'The member does not know the stream of watches any more.', {
    cause: error,
  });
}
