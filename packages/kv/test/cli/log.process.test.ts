import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { KvClient, op } from '../../src/client.ts';
import { MemberCluster } from '../member/support/member-cluster.ts';
import { runHere } from './support/in-process.ts';
import { runCli } from './support/run-cli.ts';

let cluster: MemberCluster;
let copies: string;
let number = 0;

beforeAll(async () => {
  copies = await mkdtemp(path.join(tmpdir(), 'quorate-log-'));
  cluster = await MemberCluster.start(['a']);
  await using client = new KvClient({ servers: Object.values(cluster.peers) });
  await client.put('greeting', 'hello');
  await client.put(Uint8Array.of(0xff, 0x0a), Buffer.alloc(3000, 1));
  const lease = await client.grantLease(600);
  await client.put('leased', 'x', { lease: lease.id });
  await client.txn().then(op.put('t', '1')).commit();
  await client.delete({ prefix: 'gree' });
  await cluster.member('a').raft.takeSnapshot();
  await client.put('after', 'the snapshot');
  await cluster.close('a');
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(copies, { recursive: true, force: true });
});

/** A copy of the disk, to be damaged. */
async function copyOf(): Promise<string> {
  const { cp } = await import('node:fs/promises');
  const copy = path.join(copies, `${(number += 1)}`);
  await cp(path.join(cluster.folder, 'a'), copy, { recursive: true });
  return copy;
}

async function firstFile(dir: string, ending: string): Promise<string> {
  const names = (await readdir(dir)).filter((name) => name.endsWith(ending));
  return path.join(dir, names[0] ?? '');
}

/** Changes one byte behind the first place where a text stands in a file. */
async function damageBehind(file: string, text: string): Promise<number> {
  const content = await readFile(file);
  const at = content.indexOf(text) + text.length;
  content[at] = (content[at] ?? 0) ^ 0x20;
  await writeFile(file, content);
  return at;
}

describe('quorate log check', () => {
  test('finds a disk whole, and says what it has', async () => {
    const dir = path.join(cluster.folder, 'a');

    const { code, stdout, stderr } = await runCli(['log', 'check', dir]);

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/: member a of cluster /);
    expect(stdout).toMatch(/log: {6}entries 1 to \d+, term \d+; 1 file, 16\.0 MiB/);
    expect(stdout).toMatch(/snapshot: up to entry \d+ of term \d+/);
    expect(stdout).toMatch(/whole: every checksum is right\n$/);
  });

  test('names file, offset and entry of a byte that was changed in the log, and ends with 6', async () => {
    const dir = await copyOf();
    const file = await firstFile(path.join(dir, 'log'), '.wal');
    const at = await damageBehind(file, 'greeting');

    const { code, stdout, stderr } = await runHere(['log', 'check', dir]);
    const json = await runHere(['log', 'check', dir, '--json']);

    expect(code).toBe(6);
    expect(stdout).toContain(`DAMAGED: ${file} at offset `);
    expect(stdout).toMatch(/wanted: batch \d+\n {2}found: {2}records whose checksum is not/);
    expect(stdout).toMatch(/lost: {3}entry \d+\n/);
    expect(stderr).toContain('quorate member replace a');
    const { faults, isWhole } = JSON.parse(json.stdout) as {
      readonly isWhole: boolean;
      readonly faults: readonly { readonly file: string; readonly offset: number }[];
    };
    expect(isWhole).toBe(false);
    expect(faults).toMatchObject([{ file, isFatal: true }]);
    expect(faults[0]?.offset).toBeLessThan(at);
    expect(at - (faults[0]?.offset ?? 0)).toBeLessThan(200);
  });

  test('finds a changed byte of the snapshot', async () => {
    const dir = await copyOf();
    const file = await firstFile(path.join(dir, 'snapshots'), '.snap');
    await damageBehind(file, 'leased');

    const { code, stdout } = await runHere(['log', 'check', dir]);

    expect(code).toBe(6);
    expect(stdout).toContain(`DAMAGED: ${file} at offset`);
  });

  test('finds a byte that nobody reads, and says that it costs nothing', async () => {
    const dir = await copyOf();
    const file = await firstFile(path.join(dir, 'log'), '.wal');
    const content = await readFile(file);
    content[50] = 1;
    await writeFile(file, content);

    const { code, stdout, stderr } = await runHere(['log', 'check', dir]);

    expect(code).toBe(6);
    expect(stdout).toContain(`CHANGED: ${file} at offset 50`);
    expect(stderr).toContain('has lost nothing');
  });

  test('is refused while the member runs', async () => {
    await cluster.startOne('a');

    const { code, stderr } = await runCli(['log', 'check', path.join(cluster.folder, 'a')]);

    await cluster.close('a');
    expect(code).toBe(1);
    expect(stderr).toContain('is in use by a node that runs');
  });

  test('says so if there is no log', async () => {
    const { code, stderr } = await runHere(['log', 'check', path.join(copies, 'nowhere')]);

    expect(code).toBe(1);
    expect(stderr).toContain('is no data folder of a member');
  });
});

describe('quorate log dump', () => {
  test('prints every entry with what it does', async () => {
    const { code, stdout, stderr } = await runCli(['log', 'dump', path.join(cluster.folder, 'a')]);

    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ +1 +\d+ membership +\d+ voters a of a$/m);
    expect(stdout).toMatch(/ command +\d+ put greeting \(5 bytes\) \[session \d+\.\d+\]$/m);
    expect(stdout).toMatch(/ put \\xff\\n \(3000 bytes\)/);
    expect(stdout).toMatch(/ put leased \(1 byte\) lease \d+/);
    expect(stdout).toMatch(/ txn if 0 then 1 else 0/);
    expect(stdout).toMatch(/ delete gree to gref/);
    expect(stdout).toMatch(/^-- term \d+, voted for a$/m);
  });

  test('prints JSON for programs, and only what is asked for', async () => {
    const dir = path.join(cluster.folder, 'a');

    const all = await runHere(['log', 'dump', dir, '--json']);
    const some = await runHere(['log', 'dump', dir, '--json', '--from', '2', '--to', '3']);

    expect([all.code, all.stderr]).toEqual([0, '']);
    const lines = all.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(lines).toContainEqual(
      expect.objectContaining({
        type: 'command',
        operations: [expect.objectContaining({ type: 'put', key: 'greeting', value: 'hello' })],
      }),
    );
    const entries = some.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { index?: number });
    expect(entries.flatMap(({ index }) => index ?? [])).toEqual([2, 3]);
  });

  test('prints what can be read of a damaged log, and ends with 6', async () => {
    const dir = await copyOf();
    await damageBehind(await firstFile(path.join(dir, 'log'), '.wal'), 'greeting');

    const { code, stdout, stderr } = await runHere(['log', 'dump', dir]);

    expect(code).toBe(6);
    expect(stderr).toMatch(/^damaged: .*\.wal at offset \d+/m);
    expect(stdout).not.toContain('put greeting');
    expect(stdout).toContain('put after');
  });
});
