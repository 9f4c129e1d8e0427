import type { RaftRpc } from '../../contract/network.ts';
import type { Identity } from '../../core/types.ts';
import type { Runtime } from '../../platform/runtime.ts';
import type { ChannelHandler } from './channel.ts';
import type { ConnectionLimits } from './connection.ts';
import type { NodeNames } from './tls.ts';

/** A node behind a server. */
export interface Served {
  readonly rpc: RaftRpc;
  /** Who the node is; see `ServeOptions`. */
  readonly identity?: (() => ServedIdentity) | undefined;
}

export type ServedIdentity = Pick<Identity, 'cluster' | 'node' | 'incarnation'>;

export interface CallerLimits extends ConnectionLimits {
  /** Unanswered calls, and bytes of their requests, at which nothing more is read for a while. */
  readonly maxOpenCalls: number;
  readonly maxOpenBytes: number;
  /** Streams that may be under way at a time; one more is refused. */
  readonly maxOpenStreams: number;
}

/** A caller as its server sees it. */
export interface ServedCaller {
  /** Calls and streams whose answer is awaited. */
  readonly openCalls: number;
  /** Ends in good order: the caller may come again. */
  close(reason: Error): void;
  /** Ends without a word. */
  destroy(reason: Error): void;
}

/** What a caller finds on the server. */
export interface CallerHost {
  readonly runtime: Runtime;
  readonly limits: CallerLimits;
  readonly handshakeTimeoutMs: number;
  readonly nodeNames: NodeNames | undefined;
  served(group: number): Served | undefined;
  handler(channel: string): ChannelHandler | undefined;
  /** The caller was turned away, or broke the rules. */
  onRefused(remote: string, reason: Error): void;
  onClosed(caller: ServedCaller): void;
}
