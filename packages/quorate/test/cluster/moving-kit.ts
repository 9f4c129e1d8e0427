import type { NodeId, NodeInfo } from '../../src/core/types.ts';
import { type Cluster, TestNode } from './kit.ts';
import { type OpenNetwork, openHttp, type TestNetwork } from './networks.ts';

/** Loopback HTTP on which a node may get another port, as one that comes back elsewhere. */
export class MovableHttp {
  readonly #http = openHttp();
  readonly #homes = new Map<NodeId, string>();

  readonly open: OpenNetwork = (): TestNetwork => ({
    network: this.#http.network,
    place: (id) => this.#http.place(this.#homeOf(id)),
    attach: (id, rpc) => this.#http.attach(this.#homeOf(id), rpc),
    detach: (id) => this.#http.detach(this.#homeOf(id)),
    [Symbol.asyncDispose]: () => this.#http[Symbol.asyncDispose](),
  });

  /** Stops a node, and gives it another address; nobody answers at the old one any more. */
  async move(cluster: Cluster, id: NodeId): Promise<NodeInfo> {
    await cluster.stop(id);
    this.#homes.set(id, `${this.#homeOf(id)} again`);
    const info = await this.#http.place(this.#homeOf(id));
    comeBackAs(cluster, id, info);
    return info;
  }

  #homeOf(id: NodeId): string {
    return this.#homes.get(id) ?? id;
  }
}

/** A node that was stopped says this of itself from now on; its log stays. */
export function comeBackAs(cluster: Cluster, id: NodeId, info: NodeInfo): void {
  const { raft, store } = cluster.node(id);
  const node = new TestNode(id, info, store);
  node.raft = raft;
  cluster.nodes.set(id, node);
}
