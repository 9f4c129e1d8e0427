import type { ChannelContext, ChannelHandler } from 'quorate/network/tcp';
import { limitsOf } from '../../src/protocol/limits.ts';
import {
  decodeRareAnswer,
  encodeRareCall,
  encodeWatchStream,
  type OpenedWatch,
} from '../../src/protocol/rare-calls.ts';
import { type WatchFrame, WatchFrameReader } from '../../src/protocol/watching.ts';
import { nativeHandler } from '../../src/server/native/handler.ts';
import type { WatchBatch } from '../../src/types.ts';
import type { FakeService, FakeWatch } from './fake-service.ts';

export const name: string = 'stream-of-a-test-1';
export const key: Uint8Array = Uint8Array.of(107);

export function handlerWith(service: FakeService, maxWatchers = 1000): Required<ChannelHandler> {
  return nativeHandler(service, { limits: limitsOf({ maxWatchers }) }) as Required<ChannelHandler>;
}

export function context(signal: AbortSignal = new AbortController().signal): ChannelContext {
  return { signal, peer: { certificateNames: [] } };
}

export function opened(count: number): OpenedWatch[] {
  return Array.from({ length: count }, (_, watch) => ({ watch, request: { key } }));
}

export function batchAt(revision: number, valueBytes = 1): WatchBatch {
  const value = new Uint8Array(valueBytes).fill(revision);
  const kv = { key, value, createRevision: 1, modRevision: revision, version: 1, lease: 0 };
  return { revision, events: [{ type: 'put', kv }] };
}

/** A stream that a test reads step by step. */
export class Reader {
  readonly chunks: AsyncIterator<Uint8Array>;
  readonly #frames = new WatchFrameReader();

  constructor(handler: Required<ChannelHandler>, watches: OpenedWatch[], signal?: AbortSignal) {
    const request = encodeWatchStream({ stream: name, watches });
    this.chunks = handler.stream(request, context(signal))[Symbol.asyncIterator]();
  }

  /** The frames of the next chunk. */
  async next(): Promise<WatchFrame[]> {
    const result = await this.chunks.next();
    return result.done === true ? [] : this.#frames.push(result.value);
  }
}

export async function call<Method extends 'watch' | 'unwatch'>(
  handler: Required<ChannelHandler>,
  method: Method,
  params: Parameters<typeof encodeRareCall<Method>>[1],
): Promise<ReturnType<typeof decodeRareAnswer<Method>>> {
  return decodeRareAnswer(method, await handler.call(encodeRareCall(method, params), context()));
}

/** Lets everything run that waits for no outside event. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) await Promise.resolve();
}

export function watchAt(service: FakeService, at: number): FakeWatch {
  return service.everyWatch[at] as FakeWatch;
}
