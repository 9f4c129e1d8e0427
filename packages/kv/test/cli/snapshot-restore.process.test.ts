import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspectStorage, type StorageSummary } from 'quorate/storage/wal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { KvClient } from '../../src/client.ts';
import { KvMember } from '../../src/server/member.ts';
import { MemberCluster, patience } from '../member/support/member-cluster.ts';
import { freePorts } from '../serve/support/program.ts';
import { runHere } from './support/in-process.ts';
import { runCli, startCli } from './support/run-cli.ts';

let cluster: MemberCluster;
let folder: string;
let endpoints: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-snapshot-'));
  cluster = await MemberCluster.start(['a']);
  endpoints = cluster.peers['a'] ?? '';
  await using client = new KvClient({ servers: [endpoints] });
  for (let key = 0; key < 20; key += 1) await client.put(`key/${key}`, 'v'.repeat(100_000));
  await client.delete('key/7');
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function at(...names: readonly string[]): string {
  return path.join(folder, ...names);
}

async function saved(name: string): Promise<string> {
  const { code, stderr } = await runHere(['snapshot', 'save', at(name), '--endpoints', endpoints]);
  if (code !== 0) throw new Error(stderr);
  return at(name);
}

async function summaryOf(directory: string): Promise<StorageSummary> {
  for await (const finding of inspectStorage(directory)) if (finding.type === 'end') return finding;
  throw new Error('It has no end.');
}

const peers = 'a=127.0.0.1:7001,b=127.0.0.1:7002,c=127.0.0.1:7003';

describe('quorate snapshot restore', () => {
  test('makes all members of one cluster, and no two calls make the same one', async () => {
    const file = await saved('all.qkvb');

    const all = await runHere(['snapshot', 'restore', file, '--data', at('all'), '--peers', peers]);
    const again = await runHere([
      'snapshot',
      'restore',
      file,
      '--data',
      at('again'),
      '--peers',
      peers,
    ]);

    expect([all.code, all.stderr, again.code]).toEqual([0, '', 0]);
    const b = `quorate serve --name b --data ${at('all', 'b')} --listen 127.0.0.1:7002`;
    expect(all.stdout).toContain(`${b} --http 127.0.0.1:8002\n`);
    const summaries = await Promise.all(['a', 'b', 'c'].map((name) => summaryOf(at('all', name))));
    const clusters = new Set(summaries.map(({ identity }) => identity?.cluster));
    expect(clusters.size).toBe(1);
    expect(clusters).not.toContain((await summaryOf(at('again', 'a'))).identity?.cluster);
    expect(new Set(summaries.map(({ identity }) => identity?.incarnation)).size).toBe(3);
    expect(summaries.map(({ faults }) => faults)).toEqual([0, 0, 0]);
  });

  test('makes one member, and tells the command for the others, which are of its cluster', async () => {
    const file = await saved('each.qkvb');
    const args = ['snapshot', 'restore', file, '--peers', peers, '--data'];

    const first = await runHere([...args, at('each', 'a'), '--name', 'a']);
    const [, command = ''] =
      /^ {2}quorate (snapshot restore .*--name b .*)$/m.exec(first.stdout) ?? [];
    const second = await runHere(command.replace('DIR', at('each', 'b')).split(' '));

    expect([first.code, second.code, second.stderr]).toEqual([0, 0, '']);
    const [a, b] = [await summaryOf(at('each', 'a')), await summaryOf(at('each', 'b'))];
    expect(a.identity?.cluster).toBe(b.identity?.cluster);
    expect([a.identity?.node, b.identity?.node]).toEqual(['a', 'b']);
    expect(a.snapshot).toEqual(b.snapshot);
  });

  test('tells where HTTP is answered as it is told, also to who restores the others', async () => {
    const file = await saved('with spaces.qkvb');
    const http = 'a=127.0.0.1:9001,b=127.0.0.1:9002,c=127.0.0.1:9003';
    const args = ['snapshot', 'restore', file, '--peers', peers, '--name', 'a', '--data'];

    const told = await runHere([...args, at('with http'), '--http', http]);
    const wrong = await runHere([...args, at('wrong'), '--http', 'd=127.0.0.1:9001']);

    expect([told.code, told.stderr]).toEqual([0, '']);
    expect(told.stdout).toMatch(/^ {2}quorate snapshot restore '.*\/with spaces\.qkvb' --name b /m);
    expect(told.stdout).toContain(` --peers ${peers} --http ${http}\n`);
    const start = `quorate serve --name a --data '${at('with http')}' --listen 127.0.0.1:7001`;
    expect(told.stdout).toContain(`${start} --http 127.0.0.1:9001\n`);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--http names d')]);
  });

  test('members of one machine that are restored one by one get other ports for HTTP', async () => {
    const file = await saved('neighbours.qkvb');
    const near = 'a=127.0.0.1:7001,b=127.0.0.1:7002';
    const printed: string[] = [];
    for (const name of ['a', 'b']) {
      const args = ['--peers', near, '--name', name, '--data', at(`near-${name}`)];
      const { stdout } = await runHere(['snapshot', 'restore', file, ...args]);
      printed.push(/--listen \S+ --http (\S+)/.exec(stdout)?.[1] ?? 'the usual one');
    }

    expect(printed).toEqual(['127.0.0.1:8001', '127.0.0.1:8002']);
  });

  test('takes the root of a new disk for empty, and serves from it', async () => {
    const file = await saved('new-disk.qkvb');
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    await mkdir(at('disk', 'lost+found'), { recursive: true });
    const args = ['--name', 'a', '--data', at('disk'), '--peers', `a=${address}`];

    const { code, stderr } = await runHere(['snapshot', 'restore', file, ...args]);
    await using server = startCli([
      'serve',
      ...args.slice(0, 4),
      '--listen',
      address,
      '--http',
      'off',
    ]);
    const flags = ['--endpoints', address, '--timeout', '20s'];
    const got = await runCli(['get', 'key/1', '--print-value-only', ...flags]);
    server.child.kill('SIGTERM');

    expect([code, stderr, got.code, (await server.ended).code]).toEqual([0, '', 0, 0]);
    expect(await readdir(at('disk'))).toContain('lost+found');
  });

  test('makes another cluster of another file, of other peers, and of another token', async () => {
    const file = await saved('same.qkvb');
    await using client = new KvClient({ servers: [endpoints] });
    await client.put('one', 'more');
    const other = await saved('other.qkvb');
    const clusterOf = async (name: string, from: string, to: string, token: string) => {
      const flags = ['--data', at(name), '--peers', to, '--token', token, '--name', 'a'];
      const { code, stderr } = await runHere(['snapshot', 'restore', from, ...flags]);
      expect([code, stderr]).toEqual([0, '']);
      return (await summaryOf(at(name))).identity?.cluster;
    };

    const found = [
      await clusterOf('k0', file, peers, 'token-0000'),
      await clusterOf('k1', other, peers, 'token-0000'),
      await clusterOf('k2', file, peers.replace('7003', '7004'), 'token-0000'),
      await clusterOf('k3', file, peers, 'token-0001'),
    ];
    await copyFile(file, at('copy.qkvb'));
    const same = await clusterOf('k4', at('copy.qkvb'), peers, 'token-0000');

    expect(new Set(found).size).toBe(4);
    expect(same).toBe(found[0]);
  });

  test('refuses a folder that is not empty, and leaves it as it is', async () => {
    const file = await saved('full.qkvb');
    await writeFile(at('notes'), 'mine');

    const args = ['snapshot', 'restore', file, '--name', 'a', '--data', folder, '--peers', peers];
    const { code, stderr } = await runHere(args);

    expect(code).toBe(2);
    expect(stderr).toContain('is not empty');
    expect(await readFile(at('notes'), 'utf8')).toBe('mine');
  });

  test('makes no member if the folder of another one is not empty', async () => {
    const file = await saved('beside.qkvb');
    await mkdir(at('half', 'c'), { recursive: true });
    await writeFile(at('half', 'c', 'notes'), 'mine');

    const args = ['snapshot', 'restore', file, '--data', at('half'), '--peers', peers];
    const { code, stderr } = await runHere(args);

    expect(code).toBe(2);
    expect(stderr).toContain(`${at('half', 'c')} is not empty: it has notes.`);
    expect(await readdir(at('half'))).toEqual(['c']);
  });

  test('makes nothing of a damaged file', async () => {
    const file = await saved('bad.qkvb');
    const content = await readFile(file);
    content[500_000] = (content[500_000] ?? 0) ^ 1;
    await writeFile(file, content);

    const args = [
      'snapshot',
      'restore',
      file,
      '--name',
      'a',
      '--data',
      at('bad'),
      '--peers',
      peers,
    ];
    const { code } = await runHere(args);

    expect(code).toBe(6);
    await expect(readdir(at('bad'))).rejects.toThrow('ENOENT');
  });

  test.each([
    [['--name', 'd', '--peers', peers], '--peers must name d'],
    [['--name', 'a', '--peers', 'a'], 'Wanted'],
    [['--name', 'a', '--peers', peers, '--token', 'x'], '--token must be 8 to 64'],
    [['--name', 'a', '--peers', peers, '--revision-bump', '-1'], 'whole number'],
    [['--name', 'a'], '--peers'],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await runHere([
      'snapshot',
      'restore',
      'x',
      '--data',
      at('x'),
      ...flags,
    ]);

    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('makes a folder that `quorate serve` starts with as it is told to', async () => {
    const file = await saved('serve.qkvb');
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const restore = await runHere([
      ...['snapshot', 'restore', file, '--name', 'a', '--data', at('served')],
      ...['--peers', `a=${address}`],
    ]);
    const [, command = ''] = /^ {2}quorate (serve .*)$/m.exec(restore.stdout) ?? [];

    await using server = startCli([...command.split(' '), '--http', 'off', '--log-level', 'error']);
    const flags = ['--endpoints', address, '--timeout', '20s'];
    const got = await runCli(['get', 'key/1', '--print-value-only', ...flags]);
    const put = await runCli(['put', 'new', '1', ...flags]);

    server.child.kill('SIGTERM');
    expect([got.code, got.stdout.trim().length]).toEqual([0, 100_000]);
    expect([put.code, put.stderr]).toEqual([0, '']);
    expect((await server.ended).code).toBe(0);
  });

  test('bumps the revision, so that old watchers are told to read anew', async () => {
    const file = await saved('bump.qkvb');
    const flags = ['--name', 'a', '--data', at('bump'), '--peers', 'a=127.0.0.1:7001'];
    const before = cluster.member('a').store.revision;

    const { code, stdout } = await runHere([
      ...['snapshot', 'restore', file, ...flags, '--revision-bump', '1000', '--json'],
    ]);
    await using member = await KvMember.start({ name: 'a', directory: at('bump') });
    await member.ready(patience());
    await using client = new KvClient({ servers: [member.address], discover: false });

    expect(code).toBe(0);
    const { members } = JSON.parse(stdout) as { members: { revision: number; hash: string }[] };
    expect(members[0]).toMatchObject({ revision: before + 1000, hash: member.store.hash() });
    expect((await client.get('key/1'))?.text()).toBe('v'.repeat(100_000));
    const watch = client.watch({ key: 'key/1', from: before });
    await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'KV_COMPACTED',
    });
  });
});
