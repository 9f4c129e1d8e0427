import type { CallOptions } from '../../contract/network.ts';
import type { ChannelCaller, ChannelContext } from './channel.ts';
import type { ChunkReader } from './chunk-reader.ts';
import type { ChunkWriter } from './chunk-writer.ts';
import type { Speaker } from './handshake-messages.ts';

/** A call that came in, as the one who answers it sees it. Its signal is made when asked for. */
export class IncomingCall implements CallOptions, ChannelContext {
  readonly number: number;
  readonly isStream: boolean;
  readonly bodyBytes: number;
  readonly from?: NonNullable<Speaker['from']>;
  readonly to?: NonNullable<Speaker['to']>;
  readonly peer: ChannelCaller;
  /** The stream that comes with the question. */
  reader: ChunkReader | undefined;
  /** The stream that is the answer. */
  writer: ChunkWriter | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(
    number: number,
    isStream: boolean,
    bodyBytes: number,
    { from, to, peer }: Speaker & { readonly peer: ChannelCaller },
  ) {
    this.number = number;
    this.isStream = isStream;
    this.bodyBytes = bodyBytes;
    if (from !== undefined) this.from = from;
    if (to !== undefined) this.to = to;
    this.peer = peer;
  }

  /** Aborted when nobody waits for the answer any more. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** Nobody waits for the answer any more. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
    this.reader?.fail(reason);
    this.writer?.stop();
  }
}
