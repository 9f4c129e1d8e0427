import type { RaftRpc } from '../../../src/contract/network.ts';
import type { NodeId } from '../../../src/core/types.ts';
import { frame, frameTypes } from '../../../src/network/tcp/frame.ts';
import { writeWelcome } from '../../../src/network/tcp/handshake-messages.ts';
import { TcpNetwork, type TcpNetworkOptions, TcpServer } from '../../../src/network/tcp.ts';
import type { NetworkUnderTest, StrangeTarget } from '../../../src/testing/network/options.ts';
import { RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import { TestServer } from '../http-server.ts';

/** TCP as the suite sees it. */
export interface TcpUnderTest extends NetworkUnderTest {
  /** Resolves with 0, once no socket is open any more. */
  countOpen(): Promise<number>;
  /** Ends all connections to a node, which goes on listening. */
  breakConnections(id: NodeId): Promise<void>;
}

export async function openTcp(options?: TcpNetworkOptions): Promise<TcpUnderTest> {
  const network = new TcpNetwork(options);
  const servers = new Map<NodeId, TcpServer>();
  return {
    network,
    serve: async (id, rpc, info) => {
      const port = Number(info?.address?.split(':').at(-1) ?? 0);
      const server = await TcpServer.listen({ host: '127.0.0.1', port });
      server.serve(rpc);
      servers.set(id, server);
      return { address: `127.0.0.1:${server.port}` };
    },
    stop: async (id) => {
      const server = servers.get(id);
      servers.delete(id);
      server?.disconnectAll();
      await server?.close();
    },
    breakConnections: async (id) => {
      servers.get(id)?.disconnectAll();
    },
    countOpen: async () => {
      for (const server of servers.values()) await noConnections(server);
      return 0;
    },
    close: async () => {
      await network[Symbol.asyncDispose]();
      for (const server of servers.values()) await server.close();
    },
  };
}

/** Resolves once the server has seen all of its connections end. */
export async function noConnections(server: TcpServer): Promise<void> {
  while (server.stats.connections > 0) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** A server whose node accepts calls and never answers. */
export async function openSilent(): Promise<StrangeTarget> {
  const node = new RecordingRpc();
  node.onArrival = () => new Promise(() => {});
  return openServed(node, { callTimeoutMs: 40 });
}

async function openServed(rpc: RaftRpc, options: TcpNetworkOptions): Promise<StrangeTarget> {
  const network = new TcpNetwork(options);
  const server = await TcpServer.listen({ host: '127.0.0.1' });
  server.serve(rpc);
  return {
    network,
    info: { address: `127.0.0.1:${server.port}` },
    close: async () => {
      await network[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

/** Somebody who begins as a node would, and answers the first call with what is no frame. */
export async function openGarbage(): Promise<StrangeTarget> {
  const welcome = frame(
    { type: frameTypes.welcome, group: 0, call: 0 },
    writeWelcome({ version: 1, maxBodyBytes: 2 ** 20 }),
  );
  const network = new TcpNetwork({ callTimeoutMs: 1000 });
  const server = await TestServer.tcp((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.concat(welcome));
      socket.once('data', () => socket.end('SSH-2.0-whatever\r\n'));
    });
  });
  return {
    network,
    info: server.info,
    close: async () => {
      await network[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
