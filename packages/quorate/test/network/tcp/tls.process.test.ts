import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Refusal,
  TcpClient,
  TcpNetwork,
  TcpServer,
  type TlsOptions,
} from '../../../src/network/tcp.ts';
import { caller, rejectionOf } from '../../../src/testing/network/connected.ts';
import { RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import { issue, makeAuthority } from './certificates.ts';

const authority = makeAuthority('tests');
const stranger = makeAuthority('tests');
const ca = authority.cert;
const ips = ['127.0.0.1'];

/** A certificate of node `name`, which its host has as well. */
function nodeTls(name: string, options: Partial<TlsOptions> = {}): TlsOptions {
  return { ca, ...issue(authority, { names: [name] }), nodeNames: 'certificate', ...options };
}

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

interface Serving {
  readonly server: TcpServer;
  readonly node: RecordingRpc;
  readonly refusals: Refusal[];
}

async function serve(tls: TlsOptions | undefined): Promise<Serving> {
  const node = new RecordingRpc();
  const refusals: Refusal[] = [];
  const server = await TcpServer.listen({
    host: '127.0.0.1',
    ...(tls === undefined ? {} : { tls }),
    onRefusal: (refusal) => void refusals.push(refusal),
  });
  opened.push(server);
  server.serve(node);
  server.handle('kv', { call: (_request, { peer }) => Buffer.from(JSON.stringify(peer)) });
  return { server, node, refusals };
}

/** What a call of node `a` to node `b` ends with. */
async function callTo({ server }: Serving, tls: TlsOptions | undefined): Promise<unknown> {
  const network = new TcpNetwork({ callTimeoutMs: 5000, ...(tls === undefined ? {} : { tls }) });
  opened.push(network);
  const peer = network.connect('b', { address: `127.0.0.1:${server.port}` });
  return peer.requestVote(vote, caller).catch((error: unknown) => error);
}

const vote = {
  term: 4,
  candidate: 'a',
  lastLogId: { term: 3, index: 9 },
  preVote: false,
  transfer: false,
};
const granted = { term: 4, granted: true };
const unreachable = { code: 'RAFT_UNREACHABLE', maybeApplied: false };

/** Waits until the server has turned somebody away. */
async function refusalAt({ refusals, server }: Serving): Promise<string> {
  while (refusals.length === 0) await new Promise((resolve) => void setImmediate(resolve));
  expect(server.stats.refusals).toBe(refusals.length);
  return refusals[0]?.reason.message ?? '';
}

describe('nodes that show certificates', () => {
  test('reach one another when the names are those of the nodes', async () => {
    const at = await serve(nodeTls('b'));

    expect(await callTo(at, nodeTls('a'))).toEqual(granted);
    expect(at.refusals).toEqual([]);
  });

  test('may be tied to their names by a rule of their own', async () => {
    const nodeNames = (node: string, names: readonly string[]): boolean =>
      names.includes(`node-${node}`);
    const at = await serve(nodeTls('node-b', { nodeNames }));

    expect(await callTo(at, nodeTls('node-a', { nodeNames }))).toEqual(granted);
    expect(await callTo(at, nodeTls('node-c', { nodeNames }))).toMatchObject(unreachable);
  });

  test('need only be signed, and have the name of their host, when no names are tied', async () => {
    const { nodeNames: _none, ...client } = nodeTls('whoever');
    const at = await serve({ ca, ...issue(authority, { names: ['host'], ips }) });
    const other = await serve({ ca, ...issue(authority, { names: ['host'] }) });

    expect(await callTo(at, client)).toEqual(granted);
    expect(await callTo(other, client)).toMatchObject(unreachable);
    expect(await callTo(other, { ...client, serverName: 'host' })).toEqual(granted);
  });
});

describe('a node of which the address alone is known', () => {
  /** What asking who it is ends with. */
  async function askAt({ server }: Serving, tls: TlsOptions): Promise<unknown> {
    const network = new TcpNetwork({ callTimeoutMs: 5000, tls });
    opened.push(network);
    const address = `127.0.0.1:${server.port}`;
    const peer = network.connect(address, { address }, { isStranger: true });
    const { from } = caller;
    return peer.identify(from === undefined ? {} : { from }).catch((error: unknown) => error);
  }
  const identity = (node: string) => () => ({ cluster: 'cluster-1', node, incarnation: 'disk' });

  test('is asked, whatever its name is, and whether or not it says so at the door', async () => {
    const at = await serve(nodeTls('b'));
    expect(await askAt(at, nodeTls('a'))).toMatchObject({ identity: { node: 'b' } });

    at.server.serve(at.node, { identity: identity('b') });
    expect(await askAt(at, nodeTls('a'))).toMatchObject({ identity: { node: 'b' } });
    expect(at.refusals).toEqual([]);
  });

  test('is refused if its certificate has another name than it says', async () => {
    const at = await serve(nodeTls('c'));
    at.server.serve(at.node, { identity: identity('b') });

    const error = await askAt(at, nodeTls('a'));

    expect(error).toMatchObject(unreachable);
    expect((error as Error).message).toMatch(/is not node b: its certificate says c/);
    expect(at.node.arrivals).toEqual([]);
  });
});

describe('a caller refuses', () => {
  test('a server whose certificate names another node', async () => {
    const at = await serve(nodeTls('c'));

    const error = await callTo(at, nodeTls('a'));

    expect(error).toMatchObject(unreachable);
    expect((error as Error).message).toMatch(
      /is not node b: its certificate says c; give node b one with its own name\.$/,
    );
    expect(at.node.arrivals).toEqual([]);
  });

  test.each([
    ['that somebody else has signed', issue(stranger, { names: ['b'] }), /; have it signed by/],
    ['that has expired', issue(authority, { names: ['b'], until: '21' }), /expired; renew it/],
  ])('a certificate %s', async (_what, certificate, message) => {
    const at = await serve(nodeTls('b', certificate));

    const error = await callTo(at, nodeTls('a'));

    expect(error).toMatchObject(unreachable);
    expect((error as Error).message).toMatch(message);
    expect(at.node.arrivals).toEqual([]);
    await refusalAt(at);
  });

  test('a server that speaks without encryption', async () => {
    const at = await serve(undefined);

    const error = await callTo(at, nodeTls('a'));

    expect(error).toMatchObject(unreachable);
    expect(at.node.arrivals).toEqual([]);
    expect(await refusalAt(at)).toMatch(/It looks like TLS/);
  });

  test('an address that asks for no encryption, or for one that it has not', async () => {
    const network = new TcpNetwork({ tls: nodeTls('a') });
    const plain = new TcpNetwork();
    opened.push(network, plain);

    const bare = rejectionOf(network.connect('b', { address: 'tcp://127.0.0.1:1' }).identify());
    const secure = rejectionOf(plain.connect('b', { address: 'tls://127.0.0.1:1' }).identify());

    expect(((await bare) as Error).message).toMatch(/speaks TLS only/);
    expect(((await secure) as Error).message).toMatch(/has no TLS options/);
  });
});

describe('a server refuses', () => {
  test('a caller whose certificate names another node', async () => {
    const at = await serve(nodeTls('b'));

    const error = await callTo(at, nodeTls('c'));

    expect(error).toMatchObject(unreachable);
    const said = /not node a: its certificate says c; give node a one with its own name\.$/;
    expect((error as Error).message).toMatch(said);
    expect(at.node.arrivals).toEqual([]);
    expect(await refusalAt(at)).toMatch(said);
  });

  test.each([
    ['that somebody else has signed', issue(stranger, { names: ['a'] }), /; have it signed by/],
    ['that has expired', issue(authority, { names: ['a'], until: '21' }), /EXPIRED; renew it/],
  ])('a certificate %s, and says what to do', async (_what, certificate, message) => {
    const at = await serve(nodeTls('b'));

    const error = await callTo(at, nodeTls('a', certificate));

    expect(error).toMatchObject(unreachable);
    expect((error as Error).message).toMatch(message);
    expect(at.node.arrivals).toEqual([]);
    expect(await refusalAt(at)).toMatch(message);
  });

  test('calls that a caller makes for another node', async () => {
    const at = await serve(nodeTls('b'));
    const network = new TcpNetwork({ tls: nodeTls('a') });
    opened.push(network);
    const peer = network.connect('b', { address: `127.0.0.1:${at.server.port}` });
    expect(await peer.requestVote(vote, caller)).toEqual(granted);
    const from = { cluster: 'cluster-1', node: 'c', incarnation: 'disk-c', starts: 1 };

    const asOther = await rejectionOf(peer.requestVote(vote, { ...caller, from }));
    const asNobody = await rejectionOf(peer.requestVote(vote));

    expect((asOther as Error).message).toMatch(/not node c: its certificate says a/);
    expect(asNobody).toMatchObject({ code: 'RAFT_WRONG_TARGET' });
    expect(await peer.identify()).toEqual(at.node.identified);
    expect(at.node.arrivals.map(({ call }) => call)).toEqual(['requestVote', 'identify']);
  });

  test('a caller that shows no certificate', async () => {
    const at = await serve(nodeTls('b'));
    const socket = connectTls({
      host: '127.0.0.1',
      port: at.server.port,
      rejectUnauthorized: false,
    });
    socket.on('error', () => {});
    socket.resume();

    expect(await refusalAt(at)).toMatch(/it shows no certificate; give it one/);
    socket.destroy();
  });

  test('a caller that speaks without encryption', async () => {
    const at = await serve(nodeTls('b'));

    const error = await callTo(at, undefined);

    expect(error).toMatchObject(unreachable);
    expect(at.node.arrivals).toEqual([]);
    await refusalAt(at);
  });

  test('a caller that connects and hangs up', async () => {
    const at = await serve(nodeTls('b'));

    const socket = connect(at.server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('connect', () => socket.destroy());

    expect(await refusalAt(at)).toMatch(/ECONNRESET|disconnected|socket/);
  });
});

test('a client of a channel shows its certificate, and the handler sees whose it is', async () => {
  const at = await serve(nodeTls('b'));
  const tls = nodeTls('some client', { serverName: 'b' });
  const client = new TcpClient(`tls://127.0.0.1:${at.server.port}`, { tls });
  opened.push(client);

  const answer = await client.channel('kv').call(new Uint8Array(0));

  expect(JSON.parse(Buffer.from(answer).toString())).toEqual({ certificateNames: ['some client'] });
});

test('a client of a channel refuses a server that has not the name of its host', async () => {
  const at = await serve(nodeTls('b'));
  const client = new TcpClient(`127.0.0.1:${at.server.port}`, { tls: nodeTls('some client') });
  opened.push(client);

  const error = await rejectionOf(client.channel('kv').call(new Uint8Array(0)));

  expect(error).toMatchObject(unreachable);
});

test('a server that is closed leaves no socket, not even one that has said nothing', async () => {
  const at = await serve(nodeTls('b'));
  const socket = connect(at.server.port, '127.0.0.1');
  const closed = new Promise((resolve) => void socket.once('close', resolve));
  socket.on('error', () => {});
  await new Promise((resolve) => void socket.once('connect', resolve));
  await new Promise((resolve) => void setImmediate(resolve));

  await at.server.close();
  await closed;

  expect(at.server.stats.connections).toBe(0);
});

test('a port that is taken is an error at once', async () => {
  const at = await serve(undefined);

  await expect(TcpServer.listen({ host: '127.0.0.1', port: at.server.port })).rejects.toThrow(
    'EADDRINUSE',
  );
});

test('a certificate that cannot be read is an error at once', async () => {
  const tls = { ...nodeTls('a'), cert: 'no certificate' };

  expect(() => new TcpNetwork({ tls })).toThrow('PEM');
  await expect(TcpServer.listen({ tls })).rejects.toThrow('PEM');
});
