import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { KvClient } from '../../src/client.ts';
import { MemberCluster } from '../member/support/member-cluster.ts';
import { EtcdServer, findProgram } from './etcd-server.ts';

/* The program of docs/guide/from-etcd.md, with a real etcd. */

const program = path.join(
  ...[import.meta.dirname, '..', '..', '..', '..', 'examples', 'from-etcd', 'copy.ts'],
);
const manyKeys = 1200;

const found = await findProgram();
if ('missing' in found) console.log(`Nothing was copied from etcd: ${found.missing}`);
const hasEtcd = 'program' in found;
let etcd: EtcdServer;
let cluster: MemberCluster;
let kv: KvClient;

beforeAll(async () => {
  if (!('program' in found)) return;
  [etcd, cluster] = await Promise.all([
    EtcdServer.start(found.program),
    MemberCluster.start(['a', 'b', 'c']),
  ]);
  kv = new KvClient({ servers: Object.values(cluster.peers) });
}, 60_000);

afterEach(async () => {
  await etcd?.client.delete().all();
  await kv?.delete({ prefix: '' });
});

afterAll(async () => {
  await kv?.close();
  await etcd?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function copy(...args: readonly string[]): Promise<Ended> {
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  try {
    const words = [...flags, program, ...args];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, words, {
      timeout: 40_000,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended;
    return { code, stdout, stderr };
  }
}

function copyAll(prefix = ''): Promise<Ended> {
  return copy(etcd.url, Object.values(cluster.peers).join(','), prefix);
}

// Without etcd there is nothing to copy from; what is missing is printed.
test.skipIf(!hasEtcd)('all pairs are copied, page by page, and once', async () => {
  const keys = Array.from({ length: manyKeys }, (_, at) => `many/${`${at}`.padStart(5, '0')}`);
  await Promise.all(keys.map((key) => etcd.client.put(key).value(`value of ${key}`)));
  await etcd.client.put('bytes').value(Buffer.of(0, 0xff, 0x80));

  const first = await copyAll();
  const again = await copyAll();

  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain(
    `${manyKeys + 1} copied, 0 there already, 0 with a lease left out.`,
  );
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toContain(`0 copied, ${manyKeys + 1} there already`);
  const copied = new Map<string, string>();
  for await (const entry of kv.range({ prefix: 'many/' })) copied.set(entry.key, entry.text());
  expect(copied).toEqual(new Map(keys.map((key) => [key, `value of ${key}`])));
  expect([...((await kv.get('bytes'))?.value ?? [])]).toEqual([0, 0xff, 0x80]);
});

// Without etcd there is nothing to copy from; what is missing is printed.
test.skipIf(!hasEtcd)('only what begins with the prefix is copied, if there is one', async () => {
  for (const key of ['users/a', 'users/b', 'users0', 'user']) await etcd.client.put(key).value('x');

  const ended = await copyAll('users/');

  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const { entries } = await kv.page({ prefix: '' });
  expect(entries.map(({ key }) => key)).toEqual(['users/a', 'users/b']);
});

// Without etcd there is nothing to copy from; what is missing is printed.
test.skipIf(!hasEtcd)('what a lease keeps is left out, and what differs is told', async () => {
  const lease = etcd.client.lease(60);
  await lease.put('workers/1').value('here');
  await etcd.client.put('color').value('red');
  await kv.put('color', 'blue');

  const ended = await copyAll();
  await lease.revoke();

  expect(ended.code).toBe(1);
  expect(ended.stdout).toContain('0 copied, 0 there already, 1 with a lease left out.');
  expect(ended.stderr).toMatch(/^1 have another value .*:\n {2}color\n$/);
  expect((await kv.get('color'))?.text()).toBe('blue');
  expect(await kv.get('workers/1')).toBeUndefined();
});

// Without etcd there is nothing to copy from; what is missing is printed.
test.skipIf(!hasEtcd)('a value that the cluster does not take is named', async () => {
  await etcd.client.put('large').value('x'.repeat(1_200_000));

  const ended = await copyAll();

  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/^The copy is not complete: large: .*1048576/);
});

// Without etcd there is nothing to copy from; what is missing is printed.
test.skipIf(!hasEtcd)('without an etcd, and without arguments, it says what is wrong', async () => {
  const nobody = await copy('http://127.0.0.1:9', Object.values(cluster.peers).join(','));
  const nothing = await copy();

  expect(nobody).toMatchObject({ code: 1, stdout: '' });
  expect(nobody.stderr).toMatch(/^The copy is not complete: .*127\.0\.0\.1:9|bad port/);
  expect(nothing).toMatchObject({ code: 2, stdout: '' });
  expect(nothing.stderr).toMatch(/^Usage: /);
});
