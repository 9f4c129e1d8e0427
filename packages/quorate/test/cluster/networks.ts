import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Network, RaftRpc } from '../../src/contract/network.ts';
import type { NodeId, NodeInfo } from '../../src/core/types.ts';
import { HttpNetwork, type HttpNetworkOptions, raftHttpHandler } from '../../src/network/http.ts';
import { MemoryNetwork } from '../../src/network/memory.ts';

/** A network, and the places on it where nodes answer. */
export interface TestNetwork extends AsyncDisposable {
  readonly network: Network;
  /** Makes a place for a node and returns what its peers must know to find it. */
  place(id: NodeId): Promise<NodeInfo>;
  attach(id: NodeId, rpc: RaftRpc): void;
  /** As if the process had ended: calls are refused from now on. */
  detach(id: NodeId): void;
}

export type OpenNetwork = () => TestNetwork;

export function openMemory(): TestNetwork {
  const network = new MemoryNetwork();
  return {
    network,
    place: async () => ({}),
    attach: (id, rpc) => network.attach(id, rpc),
    detach: (id) => network.detach(id),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Every node has a server of its own on a free port of this machine. */
export function openHttp(options?: HttpNetworkOptions): TestNetwork {
  const network = new HttpNetwork(options);
  const places = new Map<NodeId, HttpPlace>();
  return {
    network,
    place: async (id) => {
      const place = places.get(id) ?? (await HttpPlace.open());
      places.set(id, place);
      return { address: place.address };
    },
    attach: (id, rpc) => places.get(id)?.attach(rpc),
    detach: (id) => places.get(id)?.detach(),
    [Symbol.asyncDispose]: async () => {
      await network[Symbol.asyncDispose]();
      await Promise.all([...places.values()].map((place) => place.close()));
    },
  };
}

class HttpPlace {
  readonly #server: Server;
  #handle: ReturnType<typeof raftHttpHandler> | undefined = undefined;

  private constructor() {
    this.#server = createServer((request, response) => {
      if (this.#handle === undefined) request.socket.destroy();
      else if (!this.#handle(request, response)) response.writeHead(404).end();
    });
  }

  static async open(): Promise<HttpPlace> {
    const place = new HttpPlace();
    place.#server.listen(0, '127.0.0.1');
    await once(place.#server, 'listening');
    return place;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  attach(rpc: RaftRpc): void {
    this.#handle = raftHttpHandler(rpc);
  }

  detach(): void {
    this.#handle = undefined;
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
