/** Who has called a handler. */
export interface ChannelCaller {
  /** The node that it says it is; with `nodeNames`, its certificate says so too. */
  readonly node?: string;
  /** The names in its verified certificate; none without TLS. */
  readonly certificateNames: readonly string[];
}

export interface ChannelContext {
  /** Aborted when the caller no longer waits, or is gone. */
  readonly signal: AbortSignal;
  readonly peer: ChannelCaller;
}

/**
 * Answers an application's own calls on a named channel. What it throws reaches the caller: a
 * `ChannelError` or an error of the library as what it is, anything else as an `UnreachableError`
 * that quotes its message. Bytes that are handed over must not change afterwards, except the chunks
 * of a stream: the next one may be made in the same buffer.
 */
export interface ChannelHandler {
  /** The request is a part of a larger buffer: copy what is to be kept for long. */
  call?(request: Uint8Array, context: ChannelContext): Promise<Uint8Array> | Uint8Array;
  /** Is pulled as fast as the caller reads; at most 1 MiB is on its way. */
  stream?(request: Uint8Array, context: ChannelContext): AsyncIterable<Uint8Array>;
}
