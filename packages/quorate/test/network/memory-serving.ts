import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import type { MemoryNetwork } from '../../src/network/memory.ts';
import type { NetworkUnderTest } from '../../src/testing/network/options.ts';

/** What the suite needs to put nodes behind a memory network. */
export interface MemoryServing extends Omit<NetworkUnderTest, 'network'> {
  breakConnections(id: NodeId): void;
}

export function serving(network: MemoryNetwork): MemoryServing {
  const served = new Map<NodeId, RaftRpc>();
  return {
    serve: async (id, rpc, info) => {
      served.set(id, rpc);
      network.attach(id, rpc);
      return info ?? {};
    },
    stop: async (id) => network.detach(id),
    // Attached again, the same node gives no more answers to what it was asked before.
    breakConnections: (id) => {
      const rpc = served.get(id);
      if (rpc !== undefined) network.attach(id, boundCalls(rpc));
    },
    close: async () => undefined,
  };
}

/** Another object with the calls of `rpc`, which need that as their `this`. */
export function boundCalls(rpc: RaftRpc): RaftRpc {
  return {
    requestVote: (...args) => rpc.requestVote(...args),
    appendEntries: (...args) => rpc.appendEntries(...args),
    installSnapshot: (...args) => rpc.installSnapshot(...args),
    timeoutNow: (...args) => rpc.timeoutNow(...args),
    readIndex: (...args) => rpc.readIndex(...args),
    forward: (...args) => rpc.forward(...args),
    identify: (...args) => rpc.identify(...args),
    join: (...args) => rpc.join(...args),
    leave: (...args) => rpc.leave(...args),
  };
}
