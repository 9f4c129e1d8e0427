import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Network, RaftRpc } from 'quorate';
import { HttpNetwork, raftHttpHandler } from 'quorate/network/http';
import { type ChannelHandler, TcpNetwork, TcpServer } from 'quorate/network/tcp';

/** One node's side of the network between processes. */
export interface Wire extends AsyncDisposable {
  readonly network: Network;
  /** Where it listens, as host:port. */
  readonly address: string;
  serve(rpc: RaftRpc): void;
  /** Answers an application's own calls; TCP only. */
  handle(channel: string, handler: ChannelHandler): void;
}

const wireNames = ['tcp', 'http'] as const;
export type WireName = (typeof wireNames)[number];

/** @throws {RangeError} if there is no such wire. */
export function readWire(name: string): WireName {
  const found = wireNames.find((one) => one === name);
  if (found !== undefined) return found;
  throw new RangeError(`--wire must be one of ${wireNames.join(', ')}; it is "${name}".`);
}

const host = '127.0.0.1';

/** Listens on the given port of the loopback interface; 0 takes a free one. */
export function openWire(name: WireName, port = 0): Promise<Wire> {
  return name === 'tcp' ? openTcp(port) : openHttp(port);
}

async function openTcp(port: number): Promise<Wire> {
  const network = new TcpNetwork();
  const server = await TcpServer.listen({ host, port });
  return {
    network,
    address: `${host}:${server.port}`,
    serve: (rpc) => server.serve(rpc),
    handle: (channel, handler) => server.handle(channel, handler),
    async [Symbol.asyncDispose]() {
      await server.close();
      await network[Symbol.asyncDispose]();
    },
  };
}

async function openHttp(port: number): Promise<Wire> {
  const network = new HttpNetwork();
  const http = createServer({ requestTimeout: 0 });
  http.listen(port, host);
  await once(http, 'listening');
  const bound = http.address() as AddressInfo; // A server that listens on a port has one.
  return {
    network,
    address: `${host}:${bound.port}`,
    serve(rpc) {
      const answer = raftHttpHandler(rpc);
      http.on('request', (request, response) => void answer(request, response));
    },
    handle() {
      throw new Error('Only TCP has channels.');
    },
    async [Symbol.asyncDispose]() {
      http.close();
      http.closeAllConnections();
      await network[Symbol.asyncDispose]();
    },
  };
}
