import type { Network, RaftRpc } from '../contract/network.ts';
import type { NodeId, NodeInfo } from '../core/types.ts';
import { HttpPeer, type HttpPeerOptions } from './http/peer.ts';

export {
  type RaftHttpHandler,
  type RaftHttpHandlerOptions,
  raftHttpHandler,
} from './http/handler.ts';

export interface HttpNetworkOptions {
  /**
   * How long a call waits for its answer, in milliseconds, if its caller does not say how long it
   * waits. A node says so for each of its calls: by `RaftConfig.callTimeoutMs`, by the election
   * timeouts, and for a write that it passes on by both. Default 5000.
   */
  readonly callTimeoutMs?: number;
  /**
   * The same for a snapshot: how long the other side may take for a chunk, and at the end to verify
   * and store it all. It is no bound for the whole transfer, and the time in which this side has no
   * chunk to send does not count. `RaftConfig.snapshotStallMs` is also in force, so for a slower
   * receiver raise both. Default 30000.
   */
  readonly snapshotTimeoutMs?: number;
  /** The longest answer that is read. Default 64 MiB. */
  readonly maxAnswerBytes?: number;
  /** Sockets to one node; further calls wait for a free one, within their deadline. Default 16. */
  readonly maxSocketsPerNode?: number;
}

/**
 * Reaches nodes by JSON over HTTP, on sockets that are kept open. `NodeInfo.address` is
 * `host:port`, or a URL whose path is the prefix of the other side's `raftHttpHandler`.
 *
 * Everything that goes wrong on the way is an `UnreachableError` that says what; what the other
 * node refuses is the error it threw. There is no encryption and no authentication: use it between
 * machines that trust one another.
 */
export class HttpNetwork implements Network, AsyncDisposable {
  /** Each call may take another socket. */
  readonly ordered = false;
  readonly #options: HttpPeerOptions;
  readonly #peers = new Set<HttpPeer>();

  /** @throws {RangeError} if an option is not a positive number. */
  constructor(options: HttpNetworkOptions = {}) {
    this.#options = {
      callTimeoutMs: positive('callTimeoutMs', options.callTimeoutMs ?? 5000),
      snapshotTimeoutMs: positive('snapshotTimeoutMs', options.snapshotTimeoutMs ?? 30_000),
      maxAnswerBytes: positive('maxAnswerBytes', options.maxAnswerBytes ?? 64 * 1024 * 1024),
      maxSocketsPerNode: positive('maxSocketsPerNode', options.maxSocketsPerNode ?? 16),
    };
  }

  connect(target: NodeId, info: NodeInfo): RaftRpc & AsyncDisposable {
    const peer = new HttpPeer(target, info, this.#options, () => this.#peers.delete(peer));
    this.#peers.add(peer);
    return peer;
  }

  /** Ends all calls that are under way and closes all sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) await peer[Symbol.asyncDispose]();
  }
}

function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new RangeError(`HttpNetwork: ${name} must be a positive number; got ${value}.`);
}
