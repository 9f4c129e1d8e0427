import type { CallOptions } from '../../contract/network.ts';
import { nodeRuntime, type Runtime } from '../../platform/runtime.ts';
import { readAddress } from './address.ts';
import { ChunkReader } from './chunk-reader.ts';
import { frameTypes } from './frame.ts';
import { Link } from './link.ts';
import { writeChannelRequest, writeCredit } from './messages.ts';
import { nodeDialer } from './node-sockets.ts';
import { type CallStream, OpenCall } from './open-call.ts';
import { type DialingOptions, linkOptions, positive } from './options.ts';

export interface TcpClientOptions extends DialingOptions {
  /** How long a call waits for its answer if it does not say so, in milliseconds. Default 5000. */
  readonly callTimeoutMs?: number;
}

export interface ChannelCallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** A named channel of one server. */
export interface Channel {
  /**
   * Asks the handler of the channel. The request must not change until the call has ended.
   *
   * @throws what the handler threw; `UnreachableError` if no answer came, with
   *   `maybeApplied` if the request may have arrived all the same; `signal.reason`.
   */
  call(request: Uint8Array, options?: ChannelCallOptions): Promise<Uint8Array>;
  /**
   * The same for a handler that answers with a stream. It is asked at once, and read once; it has
   * no deadline. Whoever stops reading early, by `return()` or by leaving a loop, ends it.
   */
  stream(request: Uint8Array, options?: Pick<CallOptions, 'signal'>): AsyncIterable<Uint8Array>;
}

/** Calls the channels of one server, over one connection that is dialled when it is needed. */
export class TcpClient implements AsyncDisposable {
  readonly #address: string;
  readonly #link: Link;
  readonly #runtime: Runtime;
  readonly #callTimeoutMs: number;

  /**
   * @param address `host:port`, `tcp://host:port` or `tls://host:port`.
   * @throws {RangeError} if the address is none, or an option is not a positive number.
   */
  constructor(address: string, options: TcpClientOptions = {}) {
    this.#address = address;
    this.#runtime = options.runtime ?? nodeRuntime;
    const timeoutMs = options.callTimeoutMs ?? 5000;
    this.#callTimeoutMs = positive('TcpClient', 'callTimeoutMs', timeoutMs);
    const dialer = options.sockets ?? nodeDialer(options.tls, { demand: 'host' });
    const read = readAddress('the server', address, dialer);
    if ('problem' in read) throw new RangeError(read.problem);
    const link = linkOptions('TcpClient', options, dialer);
    this.#link = new Link({ ...link, address: read, lane: 'main' });
  }

  channel(name: string): Channel {
    const title = `A call on channel ${JSON.stringify(name)} at ${this.#address}`;
    return {
      call: (request, options) => {
        if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason);
        const body = writeChannelRequest(name, 'call', request);
        const call = this.#open(title, body, options?.timeoutMs ?? this.#callTimeoutMs);
        return this.#link.start(call, options?.signal);
      },
      stream: (request, options) => {
        const body = writeChannelRequest(name, 'stream', request);
        return this.#stream(title, body, options?.signal);
      },
    };
  }

  /** Ends the calls that are under way. Resolves when no socket and no timer is left. */
  async close(): Promise<void> {
    await this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(
    name: string,
    body: readonly Uint8Array[],
    timeoutMs: number,
    stream?: CallStream,
  ): OpenCall<Uint8Array> {
    let bodyBytes = 0;
    for (const part of body) bodyBytes += part.length;
    const now = this.#runtime.now();
    const read = (bytes: Uint8Array): Uint8Array => bytes;
    return new OpenCall({ name, body, bodyBytes, read, hasEffect: true, now, timeoutMs, stream });
  }

  #stream(
    name: string,
    body: readonly Uint8Array[],
    signal: AbortSignal | undefined,
  ): AsyncIterable<Uint8Array> {
    const link = this.#link;
    const reader = new ChunkReader({
      grant: (bytes) => link.sendFrame(call, frameTypes.credit, writeCredit(bytes)),
      onStop: () => link.abandon(call, stopped),
    });
    const call: OpenCall<Uint8Array> = this.#open(name, body, Infinity, {
      onSent: () => undefined,
      onChunk: (bytes) => {
        if (!reader.push(bytes)) link.breakOff('sent more of a stream than was granted');
      },
      onStreamEnd: () => {
        reader.end();
        link.settle(call, noBytes);
      },
      onCredit: () => undefined,
      onDrain: () => undefined,
      onEnd: (error) => reader.fail(error),
    });
    // Whoever reads the stream is told; the call itself has no other answer.
    if (signal?.aborted === true) reader.fail(signal.reason);
    else link.start(call, signal).catch(() => undefined);
    return reader;
  }
}

const noBytes = new Uint8Array(0);
const stopped = new Error('The reader has stopped.');
