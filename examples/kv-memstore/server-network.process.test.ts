import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { ExampleClient } from './client.ts';
import { type ExampleServer, type ServerOptions, startServer } from './server.ts';
import { eventually } from './test-support/eventually.ts';

function start(id: number, options: Partial<ServerOptions> = {}): Promise<ExampleServer> {
  return startServer({ id, host: '127.0.0.1', port: 0, ...options });
}

async function startLeader(options: Partial<ServerOptions>): Promise<ExampleServer> {
  const server = await start(1, options);
  const client = new ExampleClient(server.address);
  await client.init();
  await eventually(
    'node 1 leads, and has committed in its term',
    () => client.metrics(),
    ({ current_term, committed }) => committed?.leader_id.term === current_term,
  );
  return server;
}

/** Listens in the place of a node; resolves with what it is told first. */
async function listenForWords(): Promise<{ address: string; words: Promise<string> }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on a port, so it has one.
  const words = new Promise<string>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (bytes: Buffer) => {
        resolve(bytes.toString('latin1'));
        socket.destroy();
        server.close();
      });
    });
  });
  return { address: `127.0.0.1:${port}`, words };
}

test.each([
  { name: 'nothing', network: undefined, says: /^.{16}QRT\0/s },
  { name: 'tcp', network: 'tcp', says: /^.{16}QRT\0/s },
  { name: 'http', network: 'http', says: /^(GET|POST) \/raft-\S+ HTTP/ },
] as const)('a node that was told $name calls others by it', async ({ network, says }) => {
  await using leader = await startLeader({ network, deadlineMs: 1000 });
  const { address, words } = await listenForWords();

  const adding = new ExampleClient(leader.address).addLearner(2, address).catch(() => undefined);

  expect(await words).toMatch(says);
  await adding;
});

test('nodes that speak TCP and nodes that speak HTTP are one cluster', async () => {
  await using one = await startLeader({ network: 'http' });
  await using two = await start(2, { network: 'tcp' });
  await using three = await start(3, { network: 'http' });
  const client = new ExampleClient(one.address);
  for (const { raft, address } of [two, three]) await client.addLearner(Number(raft.id), address);
  await client.changeMembership([1, 2, 3]);

  await client.set('by', 'http');
  await one.raft.transferLeadership('2');
  await eventually(
    'node 2 leads',
    () => two.raft.metrics.role,
    (role) => role === 'leader',
  );
  await new ExampleClient(two.address).set('by', 'tcp');

  const clients = [one, two, three].map(({ address }) => new ExampleClient(address));
  const values = await eventually(
    'all have both writes',
    () => Promise.all(clients.map((each) => each.read('by'))),
    (found) => found.every((value) => value === 'tcp'),
  );
  expect(values).toHaveLength(3);
});

test('curl can ask a node of a TCP cluster what other nodes ask', async () => {
  await using leader = await startLeader({ network: 'tcp' });

  const response = await fetch(`http://${leader.address}/raft-identify`);

  expect(await response.json()).toMatchObject({ Ok: { identity: { node: '1' } } });
});
