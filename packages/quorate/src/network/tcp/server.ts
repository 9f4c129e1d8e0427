import type { RaftRpc } from '../../contract/network.ts';
import { OverloadedError, StoppedError, UnreachableError } from '../../errors.ts';
import { nodeRuntime, type Runtime } from '../../platform/runtime.ts';
import { Caller } from './caller.ts';
import type {
  CallerHost,
  CallerLimits,
  Served,
  ServedCaller,
  ServedIdentity,
} from './caller-host.ts';
import type { ChannelHandler } from './channel.ts';
import { nodeAcceptor } from './node-sockets.ts';
import { type ConnectionOptions, connectionLimits, positive } from './options.ts';
import type { Acceptor, Arrival, Listener, SocketHandler } from './sockets.ts';
import { nodeNamesOf, type TlsOptions } from './tls.ts';

export interface TcpServerOptions extends ConnectionOptions {
  /** Default: every address of this machine. */
  readonly host?: string;
  /** Default 0: one that is free; `server.port` says which. */
  readonly port?: number;
  /** Without it nothing is encrypted, and everybody who can connect is believed. */
  readonly tls?: TlsOptions;
  /** Connections at a time; one more is refused. Default 1024. */
  readonly maxConnections?: number;
  /**
   * Unanswered calls of one connection at which nothing more is read from it until half of them are
   * answered. Default 4096.
   */
  readonly maxOpenCalls?: number;
  /** The same for the bytes of these calls. Default 64 MiB. */
  readonly maxOpenBytes?: number;
  /** Streams under way on one connection, snapshots too; one more is refused. Default 256. */
  readonly maxOpenStreams?: number;
  /** How long a caller may take for its hello, in milliseconds. Default 5000. */
  readonly handshakeTimeoutMs?: number;
  /** Time and chance. Default: those of the process. */
  readonly runtime?: Runtime;
  /** Who brings the sockets: for a simulator. Default: Node, with `tls` if that is given. */
  readonly sockets?: Acceptor;
  /** Called with everybody who was turned away or broke the rules: for a log. */
  readonly onRefusal?: (refusal: Refusal) => void;
}

export interface Refusal {
  readonly remote: string;
  readonly reason: Error;
}

export interface ServeOptions {
  /** Default 0. Only 0 is called so far. */
  readonly group?: number;
  /**
   * Who the node is. With it, a caller that means another node or comes from another cluster is
   * refused as a whole when it connects; without it, `raft.rpc` refuses each of its calls.
   */
  readonly identity?: () => ServedIdentity;
}

/** What a server has to do now, and what it has refused since it was opened. */
export interface TcpServerStats {
  readonly connections: number;
  readonly openCalls: number;
  readonly refusals: number;
}

/**
 * Answers the calls of other nodes, and an application's own calls on named channels:
 *
 *     const server = await TcpServer.listen({ host: '10.0.0.1', port: 7001 });
 *     server.serve(raft.rpc);
 *     server.handle('kv', { call: (request) => ... });
 */
export class TcpServer implements AsyncDisposable {
  readonly #callers = new Set<ServedCaller>();
  readonly #served = new Map<number, Served>();
  readonly #handlers = new Map<string, ChannelHandler>();
  readonly #options: TcpServerOptions;
  readonly #maxConnections: number;
  readonly #host: CallerHost;
  #listener: Listener | undefined;
  #refusals = 0;
  #isClosed = false;
  #onEmpty: (() => void)[] = [];

  private constructor(options: TcpServerOptions) {
    const limits: CallerLimits = {
      ...connectionLimits('TcpServer', options),
      maxOpenCalls: positive('TcpServer', 'maxOpenCalls', options.maxOpenCalls ?? 4096),
      maxOpenBytes: positive('TcpServer', 'maxOpenBytes', options.maxOpenBytes ?? 64 * 1024 ** 2),
      maxOpenStreams: positive('TcpServer', 'maxOpenStreams', options.maxOpenStreams ?? 256),
    };
    this.#options = options;
    this.#maxConnections = positive('TcpServer', 'maxConnections', options.maxConnections ?? 1024);
    const handshakeTimeoutMs = options.handshakeTimeoutMs ?? 5000;
    this.#host = {
      runtime: options.runtime ?? nodeRuntime,
      limits,
      handshakeTimeoutMs: positive('TcpServer', 'handshakeTimeoutMs', handshakeTimeoutMs),
      nodeNames: nodeNamesOf(options.tls),
      served: (group) => this.#served.get(group),
      handler: (channel) => this.#handlers.get(channel),
      onRefused: (remote, reason) => this.#refused({ remote, reason }),
      onClosed: (caller) => this.#closed(caller),
    };
  }

  /**
   * @throws {RangeError} if a bound is not a positive number.
   * @throws {Error} if the port cannot be had, or the certificate cannot be read.
   */
  static async listen(options: TcpServerOptions = {}): Promise<TcpServer> {
    const server = new TcpServer(options);
    const acceptor = options.sockets ?? nodeAcceptor(options.tls);
    const { host, port } = options;
    const where = {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      maxSockets: 2 * server.#maxConnections,
    };
    server.#listener = await acceptor.listen(where, {
      onSocket: (arrival) => server.#accept(arrival),
      onFailedArrival: ({ remote, error: reason }) => server.#refused({ remote, reason }),
    });
    return server;
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get stats(): TcpServerStats {
    let openCalls = 0;
    for (const caller of this.#callers) openCalls += caller.openCalls;
    return { connections: this.#callers.size, openCalls, refusals: this.#refusals };
  }

  /** Lets `rpc` answer from now on, instead of whoever did before. */
  serve(rpc: RaftRpc, { group = 0, identity }: ServeOptions = {}): void {
    this.#served.set(group, { rpc, identity });
  }

  /** Nobody answers for the group any more. */
  stopServing(group = 0): void {
    this.#served.delete(group);
  }

  /** Lets `handler` answer calls and streams on the channel `name`, instead of any before. */
  handle(name: string, handler: ChannelHandler): void {
    this.#handlers.set(name, handler);
  }

  /** Ends every connection, without an answer to what is under way. Callers may come again. */
  disconnectAll(): void {
    for (const caller of this.#callers) {
      caller.destroy(new UnreachableError('This side ended the connection.'));
    }
  }

  /** Ends every connection, and says why. Resolves when no socket and no timer is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const reason = new StoppedError('The server was closed.', { maybeApplied: true });
    for (const caller of this.#callers) caller.close(reason);
    await this.#listener?.close();
    while (this.#callers.size > 0) {
      await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept({ socket, refusal }: Arrival): SocketHandler {
    const caller = new Caller(this.#host, socket);
    this.#callers.add(caller);
    const max = this.#maxConnections;
    if (this.#isClosed) caller.close(new StoppedError('The server was closed.'));
    else if (refusal !== undefined) {
      caller.turnAway(new UnreachableError(`This side refused the caller: ${refusal}.`));
    } else if (this.#callers.size > max) {
      caller.turnAway(new OverloadedError(`The server has ${max} connections already.`));
      // They linger for a while; those beyond any measure do not even that.
      if (this.#callers.size > 2 * max) caller.destroy(new UnreachableError('Too many callers.'));
    }
    return caller.handler;
  }

  #closed(caller: ServedCaller): void {
    this.#callers.delete(caller);
    if (this.#callers.size > 0) return;
    for (const onEmpty of this.#onEmpty.splice(0)) onEmpty();
  }

  #refused(refusal: Refusal): void {
    this.#refusals += 1;
    this.#options.onRefusal?.(refusal);
  }
}
