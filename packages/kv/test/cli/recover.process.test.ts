import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { KvClient } from '../../src/client.ts';
import { MemberCluster, patience, until } from '../member/support/member-cluster.ts';
import { runHere } from './support/in-process.ts';
import { runOnTerminal } from './support/run-cli.ts';

let cluster: MemberCluster;

beforeEach(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
  await using client = new KvClient({ servers: Object.values(cluster.peers) });
  for (let at = 0; at < 20; at += 1) await client.put(`key/${at}`, `${at}`);
  const { revision } = (await cluster.leader()).store;
  await until('all have it', () =>
    cluster.members.every(({ store }) => store.revision === revision),
  );
  await cluster.closeAll();
});

afterEach(() => cluster[Symbol.asyncDispose]());

function dir(name: string): string {
  return path.join(cluster.folder, name);
}

/** The last entry that `recover` says a disk has. */
function endsIn(stdout: string): number[] {
  return [...stdout.matchAll(/its log ends at entry (\d+)/g)].map(([, index]) => Number(index));
}

describe('a cluster of three that has lost two disks', () => {
  test('goes on from the third with all that it had, and takes in two new members', async () => {
    for (const name of ['a', 'b']) await rm(dir(name), { recursive: true });

    const { code, stdout, stderr } = await runHere(['recover', dir('c'), '--name', 'c', '--yes']);

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Members no more, for ever: a, b.');
    expect(stdout).toContain(
      `quorate serve --name c --data ${dir('c')} --listen ${cluster.peers['c']}`,
    );
    const c = await cluster.startOne('c');
    await c.ready(patience());
    const join = [cluster.peers['c'] ?? ''];
    for (const name of ['d', 'e']) {
      const member = await cluster.startOne(name, { join, peers: undefined });
      await member.ready(patience());
    }
    await using client = new KvClient({ servers: [c.address] });
    for (let at = 0; at < 20; at += 1) {
      expect((await client.get(`key/${at}`))?.text()).toBe(`${at}`);
    }
    await client.put('on', '1');
    const { members } = await client.status();
    expect(members.map(({ id, role }) => `${id} ${role}`).sort()).toEqual([
      'c voter',
      'd voter',
      'e voter',
    ]);
  });

  test('does nothing without consent', async () => {
    const refused = await runHere(['recover', dir('c')]);
    const wrong = await runOnTerminal(['recover', dir('c')], { input: 'no\n' });
    const dry = await runHere(['recover', dir('c'), '--dry-run', '--json']);

    expect([refused.code, wrong.code, dry.code]).toEqual([2, 2, 0]);
    expect(refused.stderr).toContain('Nothing was done: nobody can be asked.');
    expect(wrong.stdout).toContain('Type the name of the member to go on from (c):');
    expect(wrong.stdout).toContain('Nothing was done.');
    expect(JSON.parse(dry.stdout)).toMatchObject({ done: false, voters: ['c'] });
    await cluster.startAll();
    expect((await cluster.leader()).raft.metrics.membership.voters).toEqual([['a', 'b', 'c']]);
  });

  test('is recovered by whoever types the name of the member', async () => {
    const { code, stdout } = await runOnTerminal(['recover', dir('c')], { input: 'c\n' });

    expect(code).toBe(0);
    expect(stdout).toContain('recovered as cluster ');
  });
});

describe('a cluster of which several disks are left', () => {
  test('goes on from the furthest, with the others behind it', async () => {
    await rm(dir('a'), { recursive: true });

    const { code, stdout, stderr } = await runHere(['recover', dir('b'), dir('c'), '--yes']);

    expect([code, stderr]).toEqual([0, '']);
    const [first = 0, second = 0] = endsIn(stdout);
    expect(first).toBeGreaterThanOrEqual(second);
    await cluster.startOne('b');
    await cluster.startOne('c');
    await Promise.all(cluster.members.map((member) => member.ready(patience())));
    const { membership } = (await cluster.leader()).raft.metrics;
    expect(membership.voters.flat().sort()).toEqual(['b', 'c']);
  });

  test('is recovered disk by disk with the commands that are printed', async () => {
    const show = await runHere(['recover', dir('b'), dir('c'), '--dry-run']);
    const [furthest = 'b'] = /member (\w),.*the furthest/.exec(show.stdout)?.slice(1) ?? [];
    const other = furthest === 'b' ? 'c' : 'b';
    const first = await runHere(['recover', dir(furthest), '--voters', 'b,c', '--yes']);
    const [, base = ''] = /--base '(.*)'/.exec(first.stdout) ?? [];

    const second = await runHere([
      ...['recover', dir(other), '--name', other, '--voters', 'b,c', '--base', base, '--yes'],
    ]);

    expect([first.code, second.code, second.stderr]).toEqual([0, 0, '']);
    await cluster.startOne('b');
    await cluster.startOne('c');
    await Promise.all(cluster.members.map((member) => member.ready(patience())));
  });

  test('is recovered to the end if that broke off after the first disk', async () => {
    const show = await runHere(['recover', dir('b'), dir('c'), '--dry-run']);
    const [furthest = 'b'] = /member (\w),.*the furthest/.exec(show.stdout)?.slice(1) ?? [];
    const other = furthest === 'b' ? 'c' : 'b';
    await runHere(['recover', dir(furthest), '--voters', 'b,c', '--yes']);

    const again = await runHere(['recover', dir('b'), dir('c'), '--yes']);
    const [, advice = ''] = /others: quorate (recover .*)$/m.exec(again.stderr) ?? [];
    const first = await runHere(advice.split(' '));
    const [, base = ''] = /--base '(.*)'/.exec(first.stdout) ?? [];
    const last = await runHere(['recover', dir(other), '--base', base, '--yes']);

    expect([again.code, first.code, last.code, last.stderr]).toEqual([2, 0, 0, '']);
    await cluster.startOne('b');
    await cluster.startOne('c');
    await Promise.all(cluster.members.map((member) => member.ready(patience())));
  });

  test('is recovered from a disk with a changed byte that nobody reads', async () => {
    const [name = ''] = (await readdir(path.join(dir('c'), 'log'))).filter((one) =>
      one.endsWith('.wal'),
    );
    const file = path.join(dir('c'), 'log', name);
    const content = await readFile(file);
    content[50] = 1;
    await writeFile(file, content);

    const { code, stderr } = await runHere(['recover', dir('c'), '--yes']);

    expect([code, stderr]).toEqual([0, '']);
    const c = await cluster.startOne('c');
    await c.ready(patience());
  });

  test('is not recovered by a command that contradicts it, a running member or itself', async () => {
    const wrong = [
      [['--name', 'x'], 2, '--name says x'],
      [['--voters', 'c,z', '--yes'], 4, 'z is not among'],
      [['--voters', 'a', '--yes'], 4, 'must be among the voters'],
      [['--base', 'nonsense', '--yes'], 2, '--base must be the JSON'],
    ] as const;
    for (const [flags, wanted, message] of wrong) {
      const { code, stderr } = await runHere(['recover', dir('c'), ...flags]);

      expect([code, stderr]).toEqual([wanted, expect.stringContaining(message)]);
    }
    await cluster.startOne('a');
    const running = await runHere(['recover', dir('a'), '--yes']);
    await cluster.close('a');
    await using stranger = await MemberCluster.start(['x']);
    await stranger.closeAll();
    const mixed = await runHere(['recover', dir('c'), path.join(stranger.folder, 'x'), '--yes']);

    expect([running.code, mixed.code]).toEqual([1, 2]);
    expect(running.stderr).toContain('is in use by a node that runs');
    expect(mixed.stderr).toContain('the folders are of different clusters');
  });
});
