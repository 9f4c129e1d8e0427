import { readFailure } from '../../../src/network/tcp/failure.ts';
import { frame, frameTypes } from '../../../src/network/tcp/frame.ts';
import { FrameReader } from '../../../src/network/tcp/frame-reader.ts';
import { type Hello, writeHello } from '../../../src/network/tcp/handshake-messages.ts';
import type { Socket, SocketHandler } from '../../../src/network/tcp/sockets.ts';
import {
  type Refusal,
  TcpNetwork,
  TcpServer,
  type TcpServerOptions,
} from '../../../src/network/tcp.ts';
import { RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import { FakeNet, WireRuntime } from './fake-sockets.ts';

export interface World {
  readonly runtime: WireRuntime;
  readonly net: FakeNet;
  readonly server: TcpServer;
  readonly node: RecordingRpc;
  readonly network: TcpNetwork;
  readonly address: string;
  readonly refusals: Refusal[];
}

const identity = { cluster: 'cluster-1', node: 'b', incarnation: 'disk-b' };

export async function world(options: TcpServerOptions = {}): Promise<World> {
  const runtime = new WireRuntime();
  const net = new FakeNet(runtime);
  const node = new RecordingRpc();
  const refusals: Refusal[] = [];
  const onRefusal = (refusal: Refusal): void => void refusals.push(refusal);
  const server = await TcpServer.listen({ runtime, sockets: net, onRefusal, ...options });
  server.serve(node, { identity: () => identity });
  const network = new TcpNetwork({ runtime, sockets: net });
  return { runtime, net, server, node, network, address: `b:${server.port}`, refusals };
}

/** Speaks to a server in frames of its own making, and keeps what comes back. */
export class Stranger implements SocketHandler {
  readonly frames: { type: number; call: number; error?: Error }[] = [];
  isClosed = false;
  readonly socket: Socket;
  readonly #reader = new FrameReader({ maxBodyBytes: 2 ** 20 });

  constructor({ net, server }: World) {
    this.socket = net.dial({ host: 'b', port: server.port }, this);
  }

  send(type: number, body: readonly Uint8Array[] = [], call = 0): void {
    this.socket.write(frame({ type, group: 0, call }, body));
  }

  hello(hello: Partial<Hello> = {}): void {
    this.send(
      frameTypes.hello,
      writeHello({ minVersion: 1, maxVersion: 1, lane: 'main', ...hello }),
    );
  }

  /** The error of the frame that came last. */
  get error(): (Error & { code?: string }) | undefined {
    return this.frames.at(-1)?.error;
  }

  get types(): number[] {
    return this.frames.map(({ type }) => type);
  }

  onOpen(): void {}
  onDrain(): void {}
  onClose(): void {
    this.isClosed = true;
  }

  onData(chunk: Uint8Array): void {
    this.#reader.push(chunk, ({ type, call, body }) => {
      const isError = type === frameTypes.goodbye || type === frameTypes.failure;
      this.frames.push({ type, call, ...(isError ? { error: readFailure(body) } : {}) });
    });
  }
}

/** A stranger who has said hello and was welcomed. */
export async function welcomed(at: World): Promise<Stranger> {
  const stranger = new Stranger(at);
  await at.runtime.advance(5);
  stranger.hello();
  await at.runtime.advance(5);
  stranger.frames.length = 0;
  return stranger;
}
