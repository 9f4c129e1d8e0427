import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId, NodeInfo } from '../../src/core/types.ts';
import { HttpNetwork, type HttpNetworkOptions, raftHttpHandler } from '../../src/network/http.ts';
import type { NetworkUnderTest, StrangeTarget } from '../../src/testing/network/options.ts';

/** A server on a free port of this machine, and every socket that is open to it. */
export class TestServer implements AsyncDisposable {
  readonly sockets = new Set<Socket>();
  /** How many sockets were ever opened. */
  socketCount = 0;
  readonly #server: Server | ReturnType<typeof createTcpServer>;

  private constructor(server: Server | ReturnType<typeof createTcpServer>) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.socketCount += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      // Clients of these tests reset connections on purpose.
      socket.on('error', () => {});
    });
  }

  static async http(listener: RequestListener, port = 0): Promise<TestServer> {
    const server = new TestServer(createServer(listener));
    return server.#listen(port);
  }

  /** A server that hands out raw sockets. */
  static async tcp(onSocket: (socket: Socket) => void): Promise<TestServer> {
    const server = new TestServer(createTcpServer(onSocket));
    return server.#listen(0);
  }

  static serving(
    rpc: RaftRpc,
    options?: { prefix?: string; maxBodyBytes?: number },
  ): Promise<TestServer> {
    const handle = raftHttpHandler(rpc, options);
    return TestServer.http((request, response) => {
      if (!handle(request, response)) response.writeHead(404).end('nobody here');
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get info(): NodeInfo {
    return { address: `127.0.0.1:${this.port}` };
  }

  /** Resolves once no socket is open any more. */
  async allClosed(): Promise<void> {
    await Promise.all(
      [...this.sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async #listen(port: number): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }
}

/** HTTP as the suite sees it. */
export interface HttpUnderTest extends NetworkUnderTest {
  /** Resolves with 0, once no socket is open any more. */
  countOpen(): Promise<number>;
  /** Resets all sockets to a node, which goes on listening. */
  breakConnections(id: NodeId): Promise<void>;
}

export async function openHttp(options?: HttpNetworkOptions): Promise<HttpUnderTest> {
  const network = new HttpNetwork(options);
  const servers = new Map<NodeId, TestServer>();
  return {
    network,
    serve: async (id, rpc, info) => {
      const handle = raftHttpHandler(rpc);
      const port = Number(info?.address?.split(':').at(-1) ?? 0);
      const server = await TestServer.http((request, response) => {
        handle(request, response);
      }, port);
      servers.set(id, server);
      return server.info;
    },
    stop: async (id) => {
      await servers.get(id)?.[Symbol.asyncDispose]();
      servers.delete(id);
    },
    breakConnections: async (id) => {
      const server = servers.get(id);
      for (const socket of server?.sockets ?? []) socket.resetAndDestroy();
      await server?.allClosed();
    },
    countOpen: async () => {
      for (const server of servers.values()) await server.allClosed();
      return 0;
    },
    close: async () => {
      await network[Symbol.asyncDispose]();
      for (const server of servers.values()) await server[Symbol.asyncDispose]();
    },
  };
}

/** A place where something other than a node listens. */
export async function openStranger(onSocket: (socket: Socket) => void): Promise<StrangeTarget> {
  const network = new HttpNetwork({ callTimeoutMs: 40 });
  const server = await TestServer.tcp(onSocket);
  return {
    network,
    info: server.info,
    close: async () => {
      await network[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Sends text as it is on a socket of its own, and returns all that comes back until it closes. */
export async function rawExchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  for await (const part of socket) answer += String(part);
  return answer;
}
