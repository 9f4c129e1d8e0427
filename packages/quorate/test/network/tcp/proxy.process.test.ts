import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { TcpNetwork, TcpServer } from '../../../src/network/tcp.ts';
import { caller, rejectionOf } from '../../../src/testing/network/connected.ts';
import { Latch, RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import { TestServer } from '../http-server.ts';
import { noConnections } from './tcp-under-test.ts';

/** Passes on what comes, until it is told to swallow it; it never closes anything by itself. */
class Proxy {
  swallows = false;
  readonly #ends: Socket[] = [];

  static async before(port: number): Promise<Proxy & { readonly front: TestServer }> {
    const proxy = new Proxy();
    const front = await TestServer.tcp((near) => {
      const far = connect(port, '127.0.0.1');
      proxy.#join(near, far);
      proxy.#join(far, near);
    });
    return Object.assign(proxy, { front });
  }

  close(): void {
    for (const end of this.#ends) end.destroy();
  }

  #join(from: Socket, to: Socket): void {
    const swallowsFromNowOn = this.swallows;
    this.#ends.push(from);
    from.on('error', () => {});
    from.on('data', (chunk) => {
      if (!this.swallows || swallowsFromNowOn) to.write(chunk);
    });
    from.on('close', () => {
      if (!this.swallows) to.destroy();
    });
  }
}

test('a way that swallows everything is noticed on both ends, and another one is taken', async () => {
  const limits = { pingAfterMs: 40, deadAfterMs: 200 };
  const server = await TcpServer.listen({ host: '127.0.0.1', ...limits });
  const node = new RecordingRpc();
  server.serve(node);
  const proxy = await Proxy.before(server.port);
  const network = new TcpNetwork(limits);
  const peer = network.connect('b', proxy.front.info);
  const arrived = new Latch();
  node.onArrival = ({ call }) => {
    if (call !== 'forward') return undefined;
    arrived.open();
    return new Promise(() => {});
  };
  const options = { ...caller, timeoutMs: 60_000 };
  const lost = rejectionOf(peer.forward({ command: new Uint8Array(1) }, options));
  await arrived.promise;

  proxy.swallows = true;

  expect(await lost).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
  expect(((await lost) as Error).message).toContain('was silent for');
  await noConnections(server);
  // Ways that are opened from now on are good.
  expect(await peer.identify(options)).toEqual(node.identified);
  await network[Symbol.asyncDispose]();
  await server.close();
  proxy.close();
  await proxy.front[Symbol.asyncDispose]();
});
