import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import { TcpNetwork, type TcpNetworkOptions, TcpServer } from '../../src/network/tcp.ts';
import type { TestNetwork } from './networks.ts';

/** Every node has a server of its own on a free port of this machine. */
export function openTcp(options?: TcpNetworkOptions): TestNetwork {
  const network = new TcpNetwork(options);
  const servers = new Map<NodeId, TcpServer>();
  return {
    network,
    place: async (id) => {
      const server = servers.get(id) ?? (await TcpServer.listen({ host: '127.0.0.1' }));
      servers.set(id, server);
      return { address: `127.0.0.1:${server.port}` };
    },
    attach: (id, rpc: RaftRpc) => servers.get(id)?.serve(rpc),
    detach: (id) => {
      servers.get(id)?.stopServing();
      servers.get(id)?.disconnectAll();
    },
    [Symbol.asyncDispose]: async () => {
      await network[Symbol.asyncDispose]();
      await Promise.all([...servers.values()].map((server) => server.close()));
    },
  };
}
