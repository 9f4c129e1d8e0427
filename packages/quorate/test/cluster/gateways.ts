import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { NodeId } from '../../src/core/types.ts';
import { openHttp, type TestNetwork } from './networks.ts';

/** What a gateway does with who connects. */
type Manner = 'pass' | 'reset' | 'hang';

/**
 * The address under which a node is known, in front of its server. What goes wrong here goes wrong
 * in one direction alone: the node can be called no more, and goes on calling the others.
 */
export class Gateway implements AsyncDisposable {
  /** The server behind the address, as `host:port`. */
  target: string;
  connectionCount = 0;
  /** How many times anything came, over whatever connection. */
  arrivalCount = 0;
  #manner: Manner = 'pass';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string) {
    this.target = target;
    this.#server = createServer((socket) => this.#take(socket));
  }

  static async open(target: string): Promise<Gateway> {
    const gateway = new Gateway(target);
    gateway.#server.listen(0, '127.0.0.1');
    await once(gateway.#server, 'listening');
    return gateway;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Changes what is done with connections, those that are open included. */
  turn(manner: Manner): void {
    this.#manner = manner;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #take(socket: Socket): void {
    this.connectionCount += 1;
    this.#keep(socket);
    if (this.#manner === 'reset') socket.resetAndDestroy();
    if (this.#manner !== 'pass') return;
    socket.on('data', () => (this.arrivalCount += 1));
    const [host = '', port] = this.target.split(':');
    const behind = connect(Number(port), host);
    this.#keep(behind);
    socket.pipe(behind).pipe(socket);
    socket.on('close', () => behind.destroy());
    behind.on('close', () => socket.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Resetting connections is what these tests are about.
    socket.on('error', () => undefined);
  }
}

/** HTTP with a gateway in front of each node. */
export class GatewayNetwork {
  readonly gateways = new Map<NodeId, Gateway>();

  /** To be given to a cluster, which closes it. */
  readonly open = (): TestNetwork => {
    const inner = openHttp();
    return {
      ...inner,
      place: async (id) => {
        const known = this.gateways.get(id);
        if (known !== undefined) return { address: known.address };
        const { address } = await inner.place(id);
        const gateway = await Gateway.open(address ?? '');
        this.gateways.set(id, gateway);
        return { address: gateway.address };
      },
      [Symbol.asyncDispose]: async () => {
        for (const gateway of this.gateways.values()) await gateway[Symbol.asyncDispose]();
        await inner[Symbol.asyncDispose]();
      },
    };
  };

  at(id: NodeId): Gateway {
    const gateway = this.gateways.get(id);
    if (gateway === undefined) throw new RangeError(`There is no node ${id} in this test.`);
    return gateway;
  }
}
