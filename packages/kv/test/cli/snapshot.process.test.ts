import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { KvClient } from '../../src/client.ts';
import { MemberCluster } from '../member/support/member-cluster.ts';
import { runHere } from './support/in-process.ts';
import { runCli, runOnTerminal } from './support/run-cli.ts';

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

/** A way to the member that ends each connection once it has passed on so many bytes. */
async function cutAfter(most: number): Promise<AsyncDisposable & { readonly address: string }> {
  const [host = '', port = ''] = endpoints.split(':');
  const sockets = new Set<Socket>();
  const server = createServer((caller) => {
    const called = connect({ host, port: Number(port) });
    let bytes = 0;
    for (const [from, to] of [
      [caller, called],
      [called, caller],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        to.write(chunk);
        if (bytes > most) from.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}

async function saved(name: string): Promise<string> {
  const { code, stderr } = await runHere(['snapshot', 'save', at(name), '--endpoints', endpoints]);
  if (code !== 0) throw new Error(stderr);
  return at(name);
}

describe('quorate snapshot save', () => {
  test('makes a file that is whole, and says what is in it', async () => {
    const save = await runCli(['snapshot', 'save', at('one.qkvb'), '--endpoints', endpoints]);
    const verify = await runCli(['snapshot', 'verify', at('one.qkvb'), '--json']);

    expect([save.code, save.stderr]).toEqual([0, '']);
    expect(save.stdout).toMatch(
      /^saved .*one.qkvb: revision 22, 19 keys, 0 leases, 1\.\d MiB, hash/,
    );
    expect([verify.code, verify.stderr]).toEqual([0, '']);
    expect(JSON.parse(verify.stdout)).toMatchObject({
      revision: 22,
      keys: 19,
      member: 'a',
      hash: cluster.member('a').store.hash(),
      checksum: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  test('leaves a file that is there alone, and says how to replace it', async () => {
    await writeFile(at('mine.txt'), 'mine');
    const args = ['snapshot', 'save', at('mine.txt'), '--endpoints', endpoints];

    const refused = await runHere(args);
    const forced = await runHere([...args, '--force']);

    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('--force');
    expect(forced.code).toBe(0);
    expect((await readFile(at('mine.txt'))).subarray(0, 8).toString()).toBe('QKVBACK1');
  });

  test('leaves no file when the connection breaks in the middle', async () => {
    await using proxy = await cutAfter(300_000);
    const files = await readdir(folder);
    const flags = ['--endpoints', proxy.address, '--timeout', '2s'];

    const { code, stderr } = await runHere(['snapshot', 'save', at('broken.qkvb'), ...flags]);

    expect(code).toBe(3);
    expect(stderr).toMatch(/^quorate: The snapshot broke off: .*\nNothing of it was kept\./);
    expect(stderr).not.toContain('write');
    expect(await readdir(folder)).toEqual(files);
  });

  test('leaves no file when it is interrupted, and ends with 130', async () => {
    const interrupt = new AbortController();
    const silent = createServer(() => interrupt.abort()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const files = await readdir(folder);

    const args = ['snapshot', 'save', at('late.qkvb'), '--endpoints', `127.0.0.1:${port}`];
    const { code } = await runHere(args, { signal: interrupt.signal });

    silent.close();
    expect(code).toBe(130);
    expect(await readdir(folder)).toEqual(files);
  });

  test('says who did not answer', async () => {
    const args = [
      'snapshot',
      'save',
      at('no.qkvb'),
      '--endpoints',
      '127.0.0.1:1',
      '--timeout',
      '1s',
    ];

    const { code, stderr } = await runHere(args);

    expect(code).toBe(3);
    expect(stderr).toContain('127.0.0.1:1');
  });

  test('draws how far it is on a terminal', async () => {
    const args = ['snapshot', 'save', at('drawn.qkvb'), '--endpoints', endpoints];

    const { code, stdout } = await runOnTerminal(args);

    expect(code).toBe(0);
    expect(stdout).toMatch(/saving .*B/);
    expect(stdout).toContain('saved ');
  });
});

describe('quorate snapshot verify', () => {
  test('finds a byte that is another one, and ends with 6', async () => {
    const file = await saved('damaged.qkvb');
    const content = await readFile(file);
    content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 4;
    await writeFile(file, content);

    const { code, stdout, stderr } = await runHere(['snapshot', 'verify', file]);

    expect([code, stdout]).toEqual([6, '']);
    expect(stderr).toMatch(/is no whole backup. At byte \d+: the checksum of the frame/);
  });

  test('finds that the end is missing', async () => {
    const file = await saved('short.qkvb');
    const content = await readFile(file);
    await writeFile(file, content.subarray(0, 1_000_000));

    const { code, stderr } = await runHere(['snapshot', 'verify', file]);

    expect(code).toBe(6);
    expect(stderr).toContain('it ends there');
  });

  test('says so if there is no such file', async () => {
    const { code, stderr } = await runHere(['snapshot', 'verify', at('nothing.qkvb')]);

    expect(code).toBe(1);
    expect(stderr).toContain('ENOENT');
  });
});

test.each([
  ['get', 'a'],
  ['lease', 'list'],
  ['snapshot', 'save', 'never.qkvb'],
])('%s %s that nobody answers says nothing of a write', async (...args) => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const flags = ['--endpoints', `127.0.0.1:${port}`, '--timeout', '300ms'];

  const { code, stderr } = await runHere([...args, ...flags], { cwd: folder });

  silent.close();
  expect(code).toBe(3);
  expect(stderr).toContain('no answer within 300 ms');
  expect(stderr).not.toContain('write');
});

describe('quorate backup list', () => {
  test('of a folder that is not there says so, and what may be meant', async () => {
    const none = await runHere(['backup', 'list', '--dir', at('nowhere')]);
    const newest = await runHere(['backup', 'verify', '--dir', at('nowhere')]);
    await writeFile(at('a-file'), '');
    const file = await runHere(['backup', 'list', '--dir', at('a-file')]);

    expect([none.code, none.stdout]).toEqual([5, '']);
    expect(none.stderr).toContain(`There is no folder ${at('nowhere')}.\n`);
    expect(none.stderr).toContain('--backup-dir');
    expect([newest.code, newest.stderr]).toEqual([5, none.stderr]);
    expect([file.code, file.stderr]).toEqual([5, expect.stringContaining('This is no folder: ')]);
  });

  test('of one that is empty lists nothing', async () => {
    await mkdir(at('empty'));

    const { code, stdout, stderr } = await runHere(['backup', 'list', '--dir', at('empty')]);

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd()).toMatch(/^TIME +MEMBER +REVISION +SIZE +NAME$/);
  });

  test('lists what backup now has made there', async () => {
    const dir = ['--dir', at('made')];

    const made = await runHere(['backup', 'now', ...dir, '--endpoints', endpoints]);
    const { stdout } = await runHere(['backup', 'list', ...dir, '--verify']);

    expect(made.code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).toMatch(/ yes /);
  });
});
