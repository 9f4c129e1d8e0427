import { expect, test } from 'vitest';
import { ExampleClient, RefusedError } from './client.ts';
import { type NetworkName, networkNames } from './server-options.ts';
import { eventually } from './test-support/eventually.ts';
import { Program } from './test-support/program.ts';
import type { WireMetrics } from './wire-output.ts';

interface RunningNode {
  readonly address: string;
  readonly client: ExampleClient;
}

function programOf(id: number, network: NetworkName): Program {
  const where = ['--id', `${id}`, '--addr', '127.0.0.1:0'];
  return new Program('main.ts', [...where, '--network', network]);
}

async function startNode(program: Program): Promise<RunningNode> {
  const address = await program.printed(/listens on (\S+)/);
  return { address, client: new ExampleClient(address) };
}

function votersIn(metrics: WireMetrics): readonly (readonly number[])[] {
  return metrics.membership_config.membership.configs;
}

async function everyNodeReads(nodes: readonly RunningNode[], value: string): Promise<void> {
  for (const { address } of nodes) {
    const client = new ExampleClient(address);
    await eventually(
      `${address} reads ${value}`,
      () => client.read('foo'),
      (got) => got === value,
    );
  }
}

// oxlint-disable-next-line vitest/expect-expect -- Each step below asserts what it did.
test.each(networkNames)(
  'three processes become a cluster over %s, replicate, forward, and lose their leader by choice',
  async (network) => {
    await using programOne = programOf(1, network);
    await using programTwo = programOf(2, network);
    await using programThree = programOf(3, network);
    const one = await startNode(programOne);
    const two = await startNode(programTwo);
    const three = await startNode(programThree);

    await becomeClusterOfOne(one);
    await addLearners(one, two, three);
    await makeAllVoters(one);
    await writeOnTheLeader(one, [one, two, three]);
    await writeThroughAFollower(one, two, [one, two, three]);
    await readConsistently(one, two);
    await shrinkTo(three, one);
  },
);

async function becomeClusterOfOne({ client }: RunningNode): Promise<void> {
  await client.init();

  await eventually(
    'node 1 leads',
    () => client.metrics(),
    ({ state }) => state === 'Leader',
  );
}

async function addLearners(one: RunningNode, two: RunningNode, three: RunningNode): Promise<void> {
  const added = await one.client.addLearner(2, two.address);
  await one.client.addLearner(3, three.address);

  expect(added.membership?.configs).toEqual([[1]]);
  const metrics = await one.client.metrics();
  expect(votersIn(metrics)).toEqual([[1]]);
  expect(metrics.membership_config.membership.nodes).toEqual({
    1: { addr: one.address },
    2: { addr: two.address },
    3: { addr: three.address },
  });
}

async function makeAllVoters({ client }: RunningNode): Promise<void> {
  const changed = await client.changeMembership([1, 2, 3]);

  expect(changed.membership?.configs).toEqual([[1, 2, 3]]);
  expect(votersIn(await client.metrics())).toEqual([[1, 2, 3]]);
}

async function writeOnTheLeader(
  { client }: RunningNode,
  nodes: readonly RunningNode[],
): Promise<void> {
  const written = await client.set('foo', 'bar');

  expect(written.data).toEqual({ value: 'bar', version: written.log_id?.index });
  await everyNodeReads(nodes, 'bar');
}

async function writeThroughAFollower(
  leader: RunningNode,
  { client }: RunningNode,
  nodes: readonly RunningNode[],
): Promise<void> {
  await eventually(
    'node 2 knows the leader',
    () => client.metrics(),
    (metrics) => metrics.current_leader === 1,
  );

  const written = await client.set('foo', 'wow');

  expect(written.log_id?.leader_id.node_id).toBe(1);
  expect(client.address).toBe(leader.address);
  await everyNodeReads(nodes, 'wow');
}

async function readConsistently(leader: RunningNode, follower: RunningNode): Promise<void> {
  expect(await leader.client.consistentRead('foo')).toBe('wow');

  const refused: unknown = await new ExampleClient(follower.address)
    .consistentRead('foo')
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RefusedError);
  expect(refused).toMatchObject({
    code: 'RAFT_NOT_LEADER',
    status: 200,
    forward: { leader_id: 1, leader_node: { addr: leader.address } },
  });
}

async function shrinkTo({ client }: RunningNode, leader: RunningNode): Promise<void> {
  await leader.client.changeMembership([3]);

  const metrics = await eventually(
    'node 3 leads alone',
    () => client.metrics(),
    ({ state, ...rest }) =>
      state === 'Leader' && rest.membership_config.membership.configs.length === 1,
  );
  expect(votersIn(metrics)).toEqual([[3]]);

  expect((await client.set('foo', 'zoo')).data.value).toBe('zoo');
  expect(await client.read('foo')).toBe('zoo');
}
