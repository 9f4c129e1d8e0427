import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { MemberCluster, put } from '../member/support/member-cluster.ts';
import { freeAddress } from '../member/support/membership.ts';
import { CliCluster } from './support/cluster-kit.ts';
import { runCli } from './support/run-cli.ts';

let cluster: CliCluster;

beforeAll(async () => {
  cluster = await CliCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

async function rolesListed(): Promise<Record<string, string>> {
  const { stdout } = await cluster.run(['member', 'list', '--json']);
  const { members } = JSON.parse(stdout) as { members: { id: string; role: string }[] };
  return Object.fromEntries(members.map(({ id, role }) => [id, role]));
}

describe('quorate member', () => {
  test('list shows who is there, who leads, and where', async () => {
    const { code, stdout } = await cluster.run(['member', 'list']);

    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toMatch(/^NAME +ROLE +ADDRESS +HTTP$/);
    expect(stdout).toMatch(/ leader /);
    for (const address of Object.values(cluster.members.peers)) expect(stdout).toContain(address);
  });

  test('add says how to start the member, which can then be promoted, lead, and be removed', async () => {
    const address = await freeAddress();

    const added = await cluster.run(['member', 'add', 'd', address]);
    const line = added.stdout.split('\n').find((one) => one.includes('quorate serve')) ?? '';
    const again = await cluster.run(['member', 'add', 'd', address]);
    const serving = cluster.serve(line);
    const promoted = await cluster.run(['member', 'promote', 'd']);
    const twice = await cluster.run(['member', 'promote', 'd']);
    const roles = await rolesListed();
    const handed = await cluster.run(['member', 'transfer', 'd']);
    const removed = await cluster.run(['member', 'remove', 'd']);
    const back = await cluster.run(['member', 'add', 'd', await freeAddress()]);

    expect(added.stdout).toContain(`d is a member now, a learner at ${address}.`);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stdout).toContain('d is a learner already.');
    expect(promoted.stderr + promoted.stdout).toContain('d is a voter now.');
    expect(twice.stdout).toBe('d is a voter already.\n');
    expect(roles).toEqual({ a: 'voter', b: 'voter', c: 'voter', d: 'voter' });
    expect(handed.stdout).toMatch(/^d leads now, in term \d+\.\n$/);
    expect(removed.stdout).toContain('d is no member any more.');
    expect(back).toMatchObject({ code: 4, stdout: '' });
    expect(back.stderr).toContain('a name never comes back');
    await serving[Symbol.asyncDispose]();
  });

  test('replace waits for the new member, can be interrupted, and goes on', async () => {
    const { service } = await cluster.members.leader();
    await put(service, 'kept', 'v');
    const [lost] = await cluster.members.followers();
    const old = lost?.name ?? '';
    await cluster.members.close(old);
    const address = await freeAddress();
    const command = ['member', 'replace', old, '--with', 'e', address];

    const interrupted = cluster.begin(command);
    await new Promise((resolve) => {
      interrupted.child.stderr?.on('data', (chunk) => {
        if (String(chunk).includes('e does not answer yet')) resolve(chunk);
      });
    });
    interrupted.child.kill('SIGINT');
    const first = await interrupted.ended;
    const line = first.stderr.split('\n').find((one) => one.includes('quorate serve')) ?? '';
    const second = cluster.begin(command);
    cluster.serve(line);
    const done = await second.ended;
    const third = await cluster.run(command);
    const typo = await cluster.run(['member', 'replace', 'typo', '--with', 'e', address]);

    expect(first.code).toBe(130);
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toContain(`e has the place of ${old}, as a voter.`);
    expect(third.stdout).toContain(`${old} has left the cluster before, and e is a voter.`);
    expect(typo).toMatchObject({ code: 5, stdout: '' });
    expect(typo.stderr).toContain('There is no member typo');
    const roles = await rolesListed();
    expect(roles).toMatchObject({ e: 'voter' });
    expect(Object.keys(roles)).not.toContain(old);
    const read = await runCli(['get', 'kept', '--serializable', '--endpoints', address]);
    expect(read.stdout).toContain('v');
  });

  test.each([
    ['promote of nobody', ['promote', 'x'], 5, 'There is no member x'],
    ['remove of nobody', ['remove', 'x'], 5, 'There is no member x'],
    ['transfer to nobody', ['transfer', 'x'], 5, 'there is no member x'],
    ['replace of nobody', ['replace', 'x', '--with', 'y', '127.0.0.1:1'], 5, 'no member x'],
    ['replace by itself', ['replace', 'a', '--with', 'a', '127.0.0.1:1'], 2, 'its own name'],
    ['replace with nothing', ['replace', 'a', '127.0.0.1:1'], 2, '--with'],
    ['a strange address', ['add', 'y', 'somewhere'], 2, 'must be HOST:PORT'],
    ['a strange name', ['add', 'a/b', '127.0.0.1:1'], 2, 'must be a name'],
    ['a typo', ['promot', 'x'], 2, 'promote'],
  ])('%s fails, and says what is wrong', async (_what, args, code, message) => {
    const ended = await cluster.run(['member', ...args]);

    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(message);
  });

  test('promote of a member that never ran gives up in its time, and says so', async () => {
    await cluster.run(['member', 'add', 'never', '127.0.0.1:1']);

    const promoted = await cluster.run(['member', 'promote', 'never', '--wait', '100ms']);
    const handed = await cluster.run(['member', 'transfer', 'never']);
    const removed = await cluster.run(['member', 'remove', 'never', '--json']);

    expect(promoted.code).toBe(4);
    expect(promoted.stderr).toContain('never has not caught up');
    expect(promoted.stderr).toContain('does not answer');
    expect(handed).toMatchObject({ code: 4 });
    expect(handed.stderr).toContain('never is a learner');
    expect(JSON.parse(removed.stdout)).toMatchObject({ changed: true });
  });
});

test('a member that is alone hands over to nobody, which is said at once', async () => {
  await using alone = await MemberCluster.start(['a']);
  const { address } = alone.member('a');

  const handed = await runCli(['member', 'transfer', '--endpoints', address, '--timeout', '1m']);

  expect(handed).toMatchObject({ code: 4, stdout: '' });
  expect(handed.stderr).toContain('a is the only voter');
});

test('quorate bench measures, and leaves nothing behind', async () => {
  const args = ['bench', '--seconds', '1', '--clients', '8', '--keys', '50', '--json'];

  const { code, stdout } = await cluster.run(args);
  const left = await cluster.run(['get', '--prefix', 'quorate-bench/', '--count-only']);

  const { writes, reads, failures } = JSON.parse(stdout) as Record<string, { count: number }>;
  expect(code).toBe(0);
  expect(writes?.count).toBeGreaterThan(0);
  expect(reads?.count).toBeGreaterThan(0);
  expect(failures).toBe(0);
  expect(left.stdout).toBe('0\n');
});

test('quorate bench touches nothing that is not its own', async () => {
  await cluster.run(['put', 'quorate-bench/mine/1', 'x']);

  const elsewhere = await cluster.run(['bench', '--prefix', 'users/', '--seconds', '1']);
  const taken = await cluster.run(['bench', '--prefix', 'quorate-bench/mine/', '--seconds', '1']);
  const mine = await cluster.run(['get', 'quorate-bench/mine/1', '--print-value-only']);

  expect(elsewhere).toMatchObject({ code: 2 });
  expect(elsewhere.stderr).toContain('begins with quorate-bench/');
  expect(taken).toMatchObject({ code: 4 });
  expect(taken.stderr).toContain('there is 1 key under quorate-bench/mine/ already');
  expect(mine.stdout).toContain('x');
});

test('quorate bench that is interrupted deletes what it wrote', async () => {
  const running = cluster.begin(['bench', '--seconds', '60', '--clients', '4']);
  await keysWritten();
  running.child.kill('SIGINT');
  const ended = await running.ended;
  const left = await cluster.run(['get', '--prefix', 'quorate-bench/', '--count-only']);

  expect(ended).toMatchObject({ code: 130 });
  // The one of the test before stays.
  expect(left.stdout).toBe('1\n');
});

async function keysWritten(): Promise<void> {
  const { service } = await cluster.members.leader();
  const before = service.status().keys;
  while (service.status().keys < before + 10) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
