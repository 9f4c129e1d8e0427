import type { RaftRpc } from '../../../src/contract/network.ts';
import type { AppendEntriesRequest } from '../../../src/core/message.ts';
import {
  TcpNetwork,
  type TcpNetworkOptions,
  TcpServer,
  type TcpServerOptions,
} from '../../../src/network/tcp.ts';
import { caller, heartbeat } from '../../../src/testing/network/connected.ts';
import { RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import { FakeNet, WireRuntime } from './fake-sockets.ts';

export interface World {
  readonly runtime: WireRuntime;
  readonly net: FakeNet;
  readonly server: TcpServer;
  readonly node: RecordingRpc;
  readonly network: TcpNetwork;
  readonly peer: RaftRpc & AsyncDisposable;
}

/** A node behind a server, and a network that reaches it, in virtual time. */
export async function world(
  options: TcpNetworkOptions = {},
  serverOptions: TcpServerOptions = {},
): Promise<World> {
  const runtime = new WireRuntime();
  const net = new FakeNet(runtime);
  const node = new RecordingRpc();
  const server = await TcpServer.listen({ runtime, sockets: net, ...serverOptions });
  server.serve(node);
  const network = new TcpNetwork({ runtime, sockets: net, ...options });
  const peer = network.connect('b', { address: `b:${server.port}` });
  return { runtime, net, server, node, network, peer };
}

/** How a call ended so far. */
export interface Seen {
  outcome: 'waiting' | 'answered' | 'failed';
  error?: { code?: string; message: string; maybeApplied?: boolean };
}

export function seen(call: object): Seen {
  const result: Seen = { outcome: 'waiting' };
  Promise.resolve(call).then(
    () => (result.outcome = 'answered'),
    (error: NonNullable<Seen['error']>) => Object.assign(result, { outcome: 'failed', error }),
  );
  return result;
}

/** An append of one entry of that size. */
export function appendOf(size: number, index = 10): AppendEntriesRequest {
  const payload = { type: 'command', data: { bytes: new Uint8Array(size), value: undefined } };
  return {
    ...heartbeat,
    entries: [{ logId: { term: 3, index }, payload }],
  } as AppendEntriesRequest;
}

export const write = { command: new Uint8Array([1]) };
export const timed = { ...caller, timeoutMs: 100 };
