import { afterEach, describe, expect, test } from 'vitest';
import type { RaftRpc } from '../../src/contract/network.ts';
import { TcpNetwork, TcpServer, type TlsOptions } from '../../src/network/tcp.ts';
import { Raft } from '../../src/node/raft.ts';
import { memoryStorage } from '../../src/storage/memory.ts';
import { issue, makeAuthority } from '../network/tcp/certificates.ts';
import { soon } from './kit.ts';
import { RecordingMachine } from './recording-machine.ts';

const authority = makeAuthority('tests');
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

/** A certificate of that name alone: the host has none. */
function tlsOf(name: string): TlsOptions {
  const certificate = issue(authority, { names: [name] });
  return { ca: authority.cert, ...certificate, nodeNames: 'certificate' };
}

interface Way {
  readonly tls?: TlsOptions;
  /** The server turns away at the door whoever means another node. */
  readonly hasIdentity: boolean;
}

interface Place {
  readonly id: string;
  readonly address: string;
  readonly network: TcpNetwork;
  readonly serve: (rpc: RaftRpc) => Promise<void>;
}

async function place(id: string, { tls, hasIdentity }: Way): Promise<Place> {
  const options = tls === undefined ? {} : { tls };
  const server = await TcpServer.listen({ host: '127.0.0.1', ...options });
  const network = new TcpNetwork(options);
  opened.push(server, network);
  const serve = async (rpc: RaftRpc): Promise<void> => {
    const { identity } = await rpc.identify();
    server.serve(rpc, hasIdentity ? { identity: () => identity } : {});
  };
  return { id, address: `127.0.0.1:${server.port}`, network, serve };
}

function optionsOf({ id, network }: Place): Parameters<typeof Raft.start<unknown, number>>[0] {
  return { id, network, stateMachine: new RecordingMachine(), storage: memoryStorage() };
}

async function startFirst(at: Place): Promise<Raft<unknown, number>> {
  const raft = await Raft.start<unknown, number>(optionsOf(at));
  opened.push(raft);
  await at.serve(raft.rpc);
  await raft.initialize({ a: { address: at.address } });
  return raft;
}

function join(at: Place, seed: string): Promise<Raft<unknown, number>> {
  const { signal } = soon();
  const info = { address: at.address };
  const { serve } = at;
  return Raft.join<unknown, number>({
    ...{ ...optionsOf(at), info, seeds: [{ address: seed }], serve, signal },
  });
}

describe.each<[string, (name: string) => Way]>([
  ['with an identity at the door', () => ({ hasIdentity: true })],
  ['with names in certificates', (name) => ({ tls: tlsOf(name), hasIdentity: false })],
  ['with both', (name) => ({ tls: tlsOf(name), hasIdentity: true })],
])('a node that knows one address joins %s', (_how, wayOf) => {
  test('and a second one joins by way of it, which does not lead', async () => {
    const places = [];
    for (const id of ['a', 'b', 'c']) places.push(await place(id, wayOf(id)));
    const [a, b, c] = places as [Place, Place, Place];
    const first = await startFirst(a);

    const second = await join(b, a.address);
    opened.push(second);
    const third = await join(c, b.address);
    opened.push(third);

    await third.write('x');
    expect(first.metrics.membership.voters).toEqual([['a', 'b', 'c']]);
    expect(first.metrics.leader).toBe('a');
  });
});

test('a node whose certificate has another name than its own does not join', async () => {
  const a = await place('a', { tls: tlsOf('a'), hasIdentity: false });
  const thief = await place('b', { tls: tlsOf('c'), hasIdentity: false });
  const first = await startFirst(a);
  const info = { address: thief.address };
  const signal = AbortSignal.timeout(300);
  const { serve } = thief;

  const joining = Raft.join<unknown, number>({
    ...{ ...optionsOf(thief), info, seeds: [{ address: a.address }], serve, signal },
  });

  await expect(joining).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(Object.keys(first.metrics.membership.nodes)).toEqual(['a']);
});
