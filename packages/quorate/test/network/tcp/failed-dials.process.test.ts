import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import {
  type FailedDial,
  TcpNetwork,
  type TcpNetworkOptions,
  TcpServer,
  type TlsOptions,
} from '../../../src/network/tcp.ts';
import { caller, rejectionOf } from '../../../src/testing/network/connected.ts';
import { RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import { issue, makeAuthority } from './certificates.ts';

const authority = makeAuthority('tests');
const vote = {
  term: 4,
  candidate: 'a',
  lastLogId: { term: 3, index: 9 },
  preVote: false,
  transfer: false,
};

function nodeTls(name: string): TlsOptions {
  return {
    ca: authority.cert,
    ...issue(authority, { names: [name] }),
    nodeNames: 'certificate',
  };
}

/** What is told of a call to node `b` at this port. */
async function failedDials(port: number, options: TcpNetworkOptions): Promise<FailedDial[]> {
  const failed: FailedDial[] = [];
  const network = new TcpNetwork({ ...options, onFailedDial: (one) => void failed.push(one) });
  const peer = network.connect('b', { address: `127.0.0.1:${port}` });
  await rejectionOf(peer.requestVote(vote, caller));
  await network[Symbol.asyncDispose]();
  return failed;
}

test.each([
  ['who dials', 'c', 'a', /is not node b: its certificate says c/],
  ['who answers', 'b', 'c', /is not node a: its certificate says c/],
])('a connection that %s refuses is told to who dials', async (_who, at, from, message) => {
  await using server = await TcpServer.listen({ host: '127.0.0.1', tls: nodeTls(at) });
  server.serve(new RecordingRpc());

  const failed = await failedDials(server.port, { tls: nodeTls(from) });

  const remote = `127.0.0.1:${server.port}`;
  expect(failed).toEqual([{ node: 'b', remote, reason: expect.any(Error) as Error }]);
  expect(failed[0]?.reason.message).toMatch(message);
});

test('a port at which nobody listens is told, and a node that answers is not', async () => {
  const server = await TcpServer.listen({ host: '127.0.0.1' });
  const { port } = server;
  server.serve(new RecordingRpc());
  const failed: FailedDial[] = [];
  await using network = new TcpNetwork({ onFailedDial: (one) => void failed.push(one) });
  const peer = network.connect('b', { address: `127.0.0.1:${port}` });

  await peer.requestVote(vote, caller);
  await server.close();

  expect(failed).toEqual([]);
  const [refused] = await failedDials(port, {});
  expect(refused?.reason.message).toMatch(/cannot be reached: .*ECONNREFUSED/);
});

test('a dial that is given up on this side is not told', async () => {
  const failed: FailedDial[] = [];
  const silent = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const network = new TcpNetwork({
    tls: nodeTls('a'),
    onFailedDial: (one) => void failed.push(one),
  });
  const peer = network.connect('b', { address: `127.0.0.1:${port}` });
  const ended = rejectionOf(peer.requestVote(vote, caller));
  await new Promise((resolve) => void silent.once('connection', resolve));

  await network[Symbol.asyncDispose]();

  expect(await ended).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
  expect(failed).toEqual([]);
  silent.close();
});
