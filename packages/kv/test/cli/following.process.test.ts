import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { exitCodes } from '../../src/cli/exit-codes.ts';
import { CliCluster } from './support/cli-cluster.ts';
import { runHere } from './support/in-process.ts';

// What goes on for a while, and what is held, in this process; what a process adds is in
// program.process.test.ts.

let quorate: CliCluster;

beforeAll(async () => {
  quorate = await CliCluster.start();
});

afterAll(() => quorate[Symbol.asyncDispose]());

test('a watch prints every change from a revision on', async () => {
  const [first] = (await quorate.json(['put', 'w/1', 'one'])) as { revision: number }[];
  await quorate.out(['put', 'w/1', 'two']);
  await quorate.out(['put', 'w/2', 'line\nend']);
  await quorate.out(['del', 'w/1']);
  const from = ['--revision', `${first?.revision}`];
  const base = Number(first?.revision);

  const lines = quorate.start(['watch', 'w/', '--prefix', ...from, '--prev-kv']);
  const values = quorate.start(['watch', 'w/1', ...from, '--json']);
  await lines.printed(/delete/);
  await values.printed(/"delete"/);
  const [plain, told] = [await lines.interrupt(), await values.interrupt()];

  expect(plain.code).toBe(exitCodes.interrupted);
  expect(plain.stdout.split('\n')).toEqual([
    `put w/1 = one  (revision ${base})`,
    `put w/1 = two  (revision ${base + 1}, before: one)`,
    String.raw`put w/2 = line\nend  (revision ${base + 2})`,
    `delete w/1  (revision ${base + 3}, before: two)`,
    '',
  ]);
  expect(
    told.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toMatchObject([
    { type: 'put', revision: base, kv: { key: 'w/1', value: 'one' } },
    { type: 'put', revision: base + 1, kv: { value: 'two' } },
    { type: 'delete', revision: base + 3, kv: { key: 'w/1' } },
  ]);
});

test('a watch runs a command for each change, one after the other', async () => {
  const [first] = (await quorate.json(['put', 'x/1', 'one'])) as { revision: number }[];
  await quorate.out(['put', 'x/2'], { input: Buffer.from('zero\0byte') });
  await quorate.out(['del', 'x/1']);
  const log = path.join(quorate.folder, 'events');
  const script =
    'printf "%s %s [%s] %s " "$QUORATE_EVENT" "$QUORATE_KEY" "$QUORATE_VALUE" "$(wc -c)" >> "$0"; ' +
    'echo "$QUORATE_REVISION" >> "$0"; false';
  const from = ['--rev', `${first?.revision}`];
  const watching = quorate.start([
    ...['watch', 'x/', '--prefix', ...from, '--', 'sh', '-c', script, log],
  ]);
  const lines = async (): Promise<string[]> => {
    const text = await readFile(log, 'utf8').catch(() => '');
    return text.split('\n').slice(0, -1);
  };

  await vi.waitUntil(async () => (await lines()).length === 3, { timeout: 10_000 });
  const ended = await watching.interrupt();

  const base = Number(first?.revision);
  expect(await lines()).toEqual([
    `put x/1 [one] 3 ${base}`,
    `put x/2 [] 9 ${base + 1}`,
    `delete x/1 [] 0 ${base + 2}`,
  ]);
  expect(ended.code).toBe(exitCodes.interrupted);
  expect(ended.stderr).toContain(`sh ended with 1 at revision ${base}`);
});

test('a watch of what is compacted says from where it can go on', async () => {
  const [first] = (await quorate.json(['put', 'old', '1'])) as { revision: number }[];
  const [second] = (await quorate.json(['put', 'old', '2'])) as { revision: number }[];

  const compacted = await quorate.out(['compact', `${second?.revision}`]);
  const ended = await quorate.run(['watch', 'old', '--rev', `${first?.revision}`]);
  const again = await quorate.run(['compact', `${first?.revision}`]);

  expect(compacted).toBe(`compacted up to revision ${second?.revision}\n`);
  expect(ended.code).toBe(exitCodes.failed);
  expect(ended.stderr).toMatch(/KV_COMPACTED/);
  expect(again).toMatchObject({ code: exitCodes.failed });
});

test('a lease is granted, kept alive, looked at and revoked', async () => {
  const granted = await quorate.out(['lease', 'grant', '1m', '--id', '77']);
  await quorate.out(['put', 'leased', 'x', '--lease', '77']);

  expect(granted).toBe('77 (TTL 60 s)\n');
  expect((await quorate.out(['lease', 'list'])).split('\n')).toContain('77');
  expect(await quorate.out(['lease', 'timetolive', '77', '--keys'])).toMatch(
    /^77 lives for (60\.0|5\d\.\d) s of 60 s\nleased\n$/,
  );
  expect(await quorate.json(['lease', 'timetolive', '77', '--keys'])).toMatchObject([
    { id: 77, ttl: 60, keys: ['leased'] },
  ]);
  expect(await quorate.out(['lease', 'keep-alive', '0x4d', '--once'])).toBe(
    '77 kept alive (TTL 60 s)\n',
  );
  expect((await quorate.run(['lease', 'grant', '5', '--id', '77'])).code).toBe(exitCodes.refused);
  expect(await quorate.out(['lease', 'revoke', '77'])).toBe('revoked, with 1 key\n');
  expect((await quorate.run(['get', 'leased'])).code).toBe(exitCodes.notFound);
  for (const what of [
    ['revoke', '77'],
    ['timetolive', '77'],
    ['keep-alive', '77'],
  ]) {
    const ended = await quorate.run(['lease', ...what]);
    expect(ended).toMatchObject({ code: exitCodes.notFound, stdout: '' });
    expect(ended.stderr).toContain('KV_LEASE_NOT_FOUND');
  }
});

test('a lease that is kept alive and revoked by somebody else ends the command', async () => {
  await quorate.out(['lease', 'grant', '3', '--id', '78']);

  const keeping = quorate.start(['lease', 'keep-alive', '78']);
  await keeping.printed(/78 kept alive/);
  await quorate.out(['lease', 'revoke', '78']);
  const ended = await keeping.ended;

  expect(ended.code).toBe(exitCodes.notFound);
});

test('a lock is held while a command runs, and its exit code is passed on', async () => {
  const file = path.join(quorate.folder, 'locked');
  const script = 'echo "$QUORATE_LOCK_KEY $QUORATE_FENCING_TOKEN" > "$0"; exit 9';

  const ended = await quorate.run(['lock', 'jobs', '--', 'sh', '-c', script, file]);
  const next = await quorate.run(['lock', 'jobs', '--try', '--', 'true']);

  expect(ended).toMatchObject({ code: 9, stdout: '', stderr: '' });
  expect(await readFile(file, 'utf8')).toMatch(/^quorate\/lock\/jobs\/[0-9a-f]{16} \d+\n$/);
  expect(next.code).toBe(exitCodes.well);
  const nowhere = await quorate.run(['lock', 'jobs', '--', '/no/such/command']);
  expect(nowhere).toMatchObject({ code: 127 });
  expect(nowhere.stderr).toContain('cannot be run (ENOENT)');
});

test('a lock that somebody has is not got, and is free after ctrl-C', async () => {
  const holding = quorate.start(['lock', 'busy']);
  await holding.printed(/\n/);

  const others = [
    await quorate.run(['lock', 'busy', '--try']),
    await quorate.run(['lock', 'busy', '--wait', '100ms', '--', 'true']),
  ];
  const held = await holding.interrupt();
  const after = await quorate.run(['lock', 'busy', '--try', '--json', '--', 'true']);

  expect(held.stdout).toMatch(/^quorate\/lock\/busy\/[0-9a-f]{16} \(token \d+\)\n$/);
  expect(others.map(({ code }) => code)).toEqual([exitCodes.refused, exitCodes.refused]);
  expect(others[1]?.stderr).toContain('was not free within 100 ms');
  expect(held.code).toBe(exitCodes.interrupted);
  // Also the one that waited in vain has let go of its place.
  expect(after.code).toBe(exitCodes.well);
});

test('a lock that is lost ends the command that it was held for', async () => {
  const running = quorate.run(['lock', 'fragile', '--', 'sleep', '30']);
  await vi.waitUntil(
    async () =>
      (await quorate.out(['get', 'quorate/lock/fragile/', '--prefix', '--count-only'])) === '1\n',
    { timeout: 10_000 },
  );

  await quorate.out(['del', 'quorate/lock/fragile/', '--prefix']);
  const ended = await running;

  expect(ended.code).toBe(exitCodes.refused);
  expect(ended.stderr).toContain('the lock "fragile" was lost');
});

test('a lock is let go of also if there is no leader just then', async () => {
  const go = path.join(quorate.folder, 'go');
  const script = 'while [ ! -e "$0" ]; do sleep 0.05; done';
  const flags = ['--ttl', '60s', '--timeout', '20s'];
  const running = quorate.run(['lock', 'late', ...flags, '--', 'sh', '-c', script, go]);
  const held = async (): Promise<string> =>
    quorate.out(['get', 'quorate/lock/late/', '--prefix', '--count-only', '--timeout', '20s']);
  await vi.waitUntil(async () => (await held()) === '1\n', { timeout: 10_000 });

  await Promise.all(['b', 'c'].map((name) => quorate.cluster.close(name)));
  await writeFile(go, '');
  // For as long as this takes, the release is in vain as well.
  const nobody = await quorate.run(['get', 'late', '--timeout', '1500ms']);
  await Promise.all(['b', 'c'].map((name) => quorate.cluster.startOne(name)));
  const ended = await running;

  expect(nobody.code).toBe(exitCodes.unreachable);
  expect(ended).toMatchObject({ code: exitCodes.well, stderr: '' });
  expect(await held()).toBe('0\n');
});

test('an election has a leader that all who listen are told of', async () => {
  const listening = quorate.start(['elect', 'chief', '--listen']);
  await listening.printed(/nobody leads/);

  const leading = quorate.start(['elect', 'chief', 'me\u0007']);
  await leading.printed(/leads/);
  const leader = await leading.interrupt();
  await listening.printed(/leads: .*\nnobody leads\n/);
  const listened = await listening.interrupt();

  expect(leader).toMatchObject({ code: exitCodes.interrupted });
  expect(leader.stdout).toMatch(/^leads: me\\x07 \(token \d+\)\n$/);
  expect(listened).toMatchObject({
    code: exitCodes.interrupted,
    stdout: `nobody leads\n${leader.stdout}nobody leads\n`,
  });
});

test('the members have the same hash', async () => {
  const table = await quorate.out(['hash']);
  const [found] = (await quorate.json(['hash'])) as {
    verdict: string;
    members: { hash: string }[];
  }[];

  const rows = table
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.trim().split(/\s+/));
  expect(new Set(rows.map(([name]) => name))).toEqual(new Set(['a', 'b', 'c']));
  expect(new Set(rows.map(([, ...rest]) => rest.join(' '))).size).toBe(1);
  expect(found?.verdict).toBe('same');
  expect(found?.members[0]?.hash).toMatch(/^[0-9a-f]{16}$/);
});

test('nobody there means exit code 3, with who was asked and what to do', async () => {
  const nobody = '127.0.0.1:1,127.0.0.1:2';

  for (const command of [['get', 'a'], ['put', 'a', 'b'], ['lease', 'list'], ['hash']]) {
    const ended = await runHere([...command, '--endpoints', nobody, '--timeout', '200ms']);

    expect(ended).toMatchObject({ code: exitCodes.unreachable, stdout: '' });
    expect(ended.stderr).toContain('no answer within 200 ms from 127.0.0.1:1, 127.0.0.1:2');
    expect(ended.stderr).toContain('ECONNREFUSED');
    expect(ended.stderr).toContain('--endpoints');
  }
});

test('a watch goes on without a gap when its members fail one by one', async () => {
  const [first] = (await quorate.json(['put', 'fail/over', '0'])) as { revision: number }[];
  const watching = quorate.start(['watch', 'fail/over', '--rev', `${first?.revision}`]);
  await watching.printed(/= 0/);

  const silent: number[] = [];
  for (const [at, name] of ['a', 'b', 'c'].entries()) {
    await quorate.cluster.close(name);
    await quorate.out(['put', 'fail/over', `${at + 1}`, '--timeout', '20s']);
    await watching.printed(new RegExp(`= ${at + 1} `));
    silent.push((await quorate.run(['hash', '--timeout', '2s'])).code);
    await quorate.cluster.startOne(name);
  }
  const { stdout } = await watching.interrupt();

  const values = stdout
    .trim()
    .split('\n')
    .map((line) => /= (\d)/.exec(line)?.[1]);
  expect(values).toEqual(['0', '1', '2', '3']);
  // A hash that cannot be compared with those of all is no reason to be calm.
  expect(new Set(silent)).toEqual(new Set([exitCodes.unreachable]));
});

test('a lease lives for days as well as for seconds, minutes and hours', async () => {
  const granted: string[] = [];
  for (const ttl of ['30d', '2h', '5m', '90s', '60', '1500ms', '36500d']) {
    granted.push(await quorate.out(['lease', 'grant', ttl]));
  }
  const wrong = await quorate.run(['lease', 'grant', '30y']);

  const seconds = granted.map((line) => Number(/\(TTL (\d+) s\)/.exec(line)?.[1]));
  expect(seconds).toEqual([2_592_000, 7200, 300, 90, 60, 2, 3_153_600_000]);
  expect(wrong).toMatchObject({ code: exitCodes.usage, stdout: '' });
  expect(wrong.stderr).toContain('Wanted a number with its unit (ms, s, m, h, d), as 10s.');
});
