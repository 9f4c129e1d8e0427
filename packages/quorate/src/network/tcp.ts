import type { ConnectOptions, Network, RaftRpc } from '../contract/network.ts';
import type { NodeId, NodeInfo } from '../core/types.ts';
import { readAddress } from './tcp/address.ts';
import { nodeDialer } from './tcp/node-sockets.ts';
import { type DialingOptions, linkOptions, positive } from './tcp/options.ts';
import { TcpPeer, type TcpPeerOptions } from './tcp/peer.ts';
import type { Dialer } from './tcp/sockets.ts';

export type { ServedIdentity } from './tcp/caller-host.ts';
export type { ChannelCaller, ChannelContext, ChannelHandler } from './tcp/channel.ts';
export {
  type Channel,
  type ChannelCallOptions,
  TcpClient,
  type TcpClientOptions,
} from './tcp/client.ts';
export { ChannelError } from './tcp/failure.ts';
export type { ConnectionOptions, DialingOptions, FailedDial } from './tcp/options.ts';
export {
  type Refusal,
  type ServeOptions,
  TcpServer,
  type TcpServerOptions,
  type TcpServerStats,
} from './tcp/server.ts';
export type {
  Acceptor,
  Arrival,
  Dialer,
  FailedArrival,
  Listener,
  ListenerHandler,
  ListenOptions,
  Socket,
  SocketAddress,
  SocketHandler,
} from './tcp/sockets.ts';
export type { NodeNames, TlsOptions } from './tcp/tls.ts';

export interface TcpNetworkOptions extends DialingOptions {
  /**
   * How long a call waits for its answer, in milliseconds, if its caller does not say how long it
   * waits. A node says so for each of its calls. Default 5000.
   */
  readonly callTimeoutMs?: number;
  /**
   * The same for a snapshot: how long the other side may take for a part of it, and at the end to
   * verify and store it all. It is no bound for the whole transfer, and the time in which this side
   * has no chunk to send does not count. `RaftConfig.snapshotStallMs` is also in force, so for a
   * slower receiver raise both. Default 30000.
   */
  readonly snapshotTimeoutMs?: number;
}

/** What the connections of a network have to do now, all together. */
export interface TcpNetworkStats {
  /** Calls that are not answered. */
  readonly openCalls: number;
  /** Bytes that wait for a connection, or that the system has not taken from one yet. */
  readonly queuedBytes: number;
}

/**
 * Reaches nodes by binary frames over TCP, with TLS if it has options for it. `NodeInfo.address` is
 * `host:port`, `tcp://host:port` or `tls://host:port`; there a `TcpServer` answers. Each node is
 * reached by two connections, so that heartbeats and votes never wait behind snapshots and large
 * entries; each is dialled at the first call and again when it was lost.
 *
 * Everything that goes wrong on the way is an `UnreachableError` that says what; what the other
 * node refuses is the error it threw. No call is ever sent twice.
 */
export class TcpNetwork implements Network, AsyncDisposable {
  /** Calls of one kind arrive in the order in which they were made. */
  readonly ordered = true;
  readonly #dialer: Dialer;
  readonly #link: TcpPeerOptions['link'];
  readonly #callTimeoutMs: number;
  readonly #snapshotTimeoutMs: number;
  readonly #peers = new Set<TcpPeer>();

  /**
   * @throws {RangeError} if an option is not a positive number.
   * @throws {Error} if the certificate or the key cannot be read.
   */
  constructor(options: TcpNetworkOptions = {}) {
    const owner = 'TcpNetwork';
    this.#dialer = options.sockets ?? nodeDialer(options.tls, { demand: 'node' });
    this.#link = linkOptions(owner, options, this.#dialer);
    this.#callTimeoutMs = positive(owner, 'callTimeoutMs', options.callTimeoutMs ?? 5000);
    const snapshotTimeoutMs = options.snapshotTimeoutMs ?? 30_000;
    this.#snapshotTimeoutMs = positive(owner, 'snapshotTimeoutMs', snapshotTimeoutMs);
  }

  /** Looks at everything that is under way. */
  get stats(): TcpNetworkStats {
    let openCalls = 0;
    let queuedBytes = 0;
    for (const peer of this.#peers) {
      openCalls += peer.openCalls;
      queuedBytes += peer.queuedBytes;
    }
    return { openCalls, queuedBytes };
  }

  connect(
    target: NodeId,
    info: NodeInfo,
    { isStranger = false }: ConnectOptions = {},
  ): RaftRpc & AsyncDisposable {
    const name = isStranger ? 'the node' : `node ${target}`;
    const peer: TcpPeer = new TcpPeer({
      name,
      target: isStranger ? undefined : { node: target },
      address: readAddress(name, info.address, this.#dialer),
      link: this.#link,
      callTimeoutMs: this.#callTimeoutMs,
      snapshotTimeoutMs: this.#snapshotTimeoutMs,
      onClose: () => this.#peers.delete(peer),
    });
    this.#peers.add(peer);
    return peer;
  }

  /** Ends all calls that are under way. Resolves when no socket and no timer is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#peers].map((peer) => peer[Symbol.asyncDispose]()));
  }
}
