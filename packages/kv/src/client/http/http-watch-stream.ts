import type { Timer } from 'quorate';
import { KvError } from '../../errors.ts';
import type { Revision, WatchRequest } from '../../types.ts';
import { asKvError, canRetry } from '../failures.ts';
import type { ClientRuntime } from '../runtime.ts';
import type { WatchReceiver, WatchStream } from '../transport.ts';
import { percentEncoded } from './bytes-json.ts';
import { errorFromJson, type HttpCaller } from './http-caller.ts';
import { type SseMessage, SseReader } from './sse.ts';
import { batchFromJson, numberFrom, type WatchBatchJson } from './store-json.ts';

/** A member says something every 15 seconds; what is silent for so long is gone. */
const silentMs = 40_000;
const lookMs = 10_000;

interface HttpWatchStreamOptions {
  readonly caller: HttpCaller;
  readonly runtime: ClientRuntime;
  readonly receiver: WatchReceiver;
}

interface OpenStream {
  readonly controller: AbortController;
  heardAt: number;
}

/** All watches at one member, a request for each. If one breaks off, all of them have to move. */
export class HttpWatchStream implements WatchStream {
  readonly #options: HttpWatchStreamOptions;
  readonly #open = new Map<number, OpenStream>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: HttpWatchStreamOptions) {
    this.#options = options;
  }

  add(watch: number, request: WatchRequest): void {
    void this.#run(watch, request);
  }

  remove(watch: number): void {
    const open = this.#open.get(watch);
    if (open === undefined) return;
    this.#open.delete(watch);
    this.#options.caller.end(open.controller);
    if (this.#open.size === 0) this.#disarm();
  }

  close(): void {
    this.#isClosed = true;
    for (const watch of [...this.#open.keys()]) this.remove(watch);
    this.#disarm();
  }

  async #run(watch: number, request: WatchRequest): Promise<void> {
    const { caller, runtime } = this.#options;
    let open: OpenStream | undefined;
    try {
      open = { controller: caller.begin(), heardAt: runtime.now() };
      this.#open.set(watch, open);
      this.#look();
      await this.#read(watch, request, open);
      throw new KvError('KV_MAYBE', 'The member has ended the stream of a watch.');
    } catch (thrown) {
      const error = asKvError(thrown);
      // Nobody wants to hear of a watch that was removed.
      if (this.#isClosed || (open !== undefined && this.#open.get(watch) !== open)) return;
      if (canRetry(error)) this.#onClosed(error);
      else this.#onEnded(watch, error);
    }
  }

  async #read(watch: number, request: WatchRequest, open: OpenStream): Promise<void> {
    const { caller, runtime } = this.#options;
    const response = await caller.open(pathOf(request), open.controller);
    const messages = new SseReader();
    const reader = response.body.getReader();
    for (;;) {
      let read: { readonly done: boolean; readonly value?: Uint8Array | undefined };
      try {
        read = await reader.read();
      } catch (cause) {
        throw new KvError('KV_MAYBE', 'The stream of a watch broke off.', { cause });
      }
      if (read.done || read.value === undefined || this.#open.get(watch) !== open) return;
      open.heardAt = runtime.now();
      for (const message of messages.push(read.value)) this.#onMessage(watch, message);
    }
  }

  #onMessage(watch: number, { event, data }: SseMessage): void {
    const { receiver } = this.#options;
    if (!this.#open.has(watch)) return;
    const json: unknown = JSON.parse(data);
    switch (event) {
      case 'changes':
        receiver.onBatch(watch, batchFromJson(json as WatchBatchJson));
        return;
      case 'progress':
        receiver.onProgress(watch, revisionOf(json));
        return;
      case 'compacted':
      case 'failed':
        throw (
          errorFromJson(json) ??
          new KvError('KV_INTERNAL', 'A watch failed with an error that is none.')
        );
      default:
    }
  }

  #onEnded(watch: number, error: KvError): void {
    this.remove(watch);
    this.#options.receiver.onEnded(watch, error);
  }

  #onClosed(error: KvError): void {
    this.close();
    this.#options.receiver.onClosed(error);
  }

  #look(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    const { runtime } = this.#options;
    this.#timer = runtime.setTimer(() => {
      this.#timer = undefined;
      if (this.#open.size === 0) return;
      const since = runtime.now() - silentMs;
      const isSilent = [...this.#open.values()].some(({ heardAt }) => heardAt < since);
      if (!isSilent) this.#look();
      else this.#onClosed(new KvError('KV_MAYBE', `A watch was silent for ${silentMs} ms.`));
    }, lookMs);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function pathOf({ key, end, from, previous, without, progress }: WatchRequest): string {
  const parameters = [
    `key=${percentEncoded(key)}`,
    ...(end === undefined ? [] : [`end=${percentEncoded(end)}`]),
    ...(from === undefined ? [] : [`from=${from}`]),
    ...(previous === true ? ['previous=true'] : []),
    ...(without === undefined ? [] : [`without=${without}`]),
    ...(progress === true ? ['progress=true'] : []),
  ];
  return `/v1/watch?${parameters.join('&')}`;
}

function revisionOf(json: unknown): Revision {
  return numberFrom((json as { readonly revision?: unknown } | null)?.revision, 'revision');
}
