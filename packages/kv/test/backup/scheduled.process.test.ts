import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Logger } from 'quorate';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { readConfig } from '../../src/server/config/read-config.ts';
import { type ServingMember, serve } from '../../src/server/serve.ts';
import { runHere } from '../cli/support/in-process.ts';
import { put, until } from '../member/support/member-cluster.ts';
import { type FakeS3, s3Env, startS3 } from './support/s3.ts';

let folder: string;
let s3: FakeS3;
let serving: ServingMember | undefined;

beforeAll(async () => {
  Object.assign(process.env, s3Env);
  s3 = await startS3();
});

afterAll(() => s3[Symbol.asyncDispose]());

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-scheduled-'));
});

afterEach(async () => {
  await serving?.stop();
  serving = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** The lines of the log that say that something is wrong. */
let errors: string[] = [];

const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_, text) => void errors.push(text ?? ''),
  error: (_, text) => void errors.push(text ?? ''),
};

async function start(...args: readonly string[]): Promise<ServingMember> {
  const more = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--log-level', 'silent'];
  const own = ['--name', 'a', '--data', 'data'];
  const read = readConfig({ args: [...more, ...own, ...args], folder, readFile: () => '' });
  if (read.type !== 'run') throw new Error(JSON.stringify(read));
  errors = [];
  serving = await serve(read.config, { logger });
  await serving.member.ready();
  return serving;
}

async function names(): Promise<readonly string[]> {
  const all = await readdir(path.join(folder, 'backups')).catch(() => []);
  return all.filter((name) => name.endsWith('.qkvb')).sort();
}

async function figure(name: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${serving?.http?.port}/metrics`);
  const line = new RegExp(`^${name} (.*)$`, 'm').exec(await response.text());
  return Number(line?.[1]);
}

const often = ['--backup-every', '200ms', '--backup-keep', '2', '--backup-dir', 'backups'];

test('a member makes backups in a folder, keeps as many as it should, and counts them', async () => {
  const { member } = await start(...often);
  await put(member.service, 'key', 'value');

  const seen = new Set<string>();
  await until('there were four of them', () => {
    void names().then((found) => found.forEach((name) => seen.add(name)));
    return seen.size >= 4;
  });

  expect((await names()).length).toBeLessThanOrEqual(3);
  const list = await runHere(['backup', 'list', '--dir', path.join(folder, 'backups'), '--verify']);
  expect([list.code, list.stderr]).toEqual([0, '']);
  expect(await figure('quorate_backups_total')).toBeGreaterThanOrEqual(3);
  expect(await figure('quorate_backup_last_bytes')).toBeGreaterThan(100);
  const ageSeconds =
    Date.now() / 1000 - (await figure('quorate_backup_last_success_timestamp_seconds'));
  expect(ageSeconds).toBeLessThan(60);
});

test('backups that fail raise an alert, which ends with the next one that succeeds', async () => {
  await writeFile(path.join(folder, 'backups'), 'no folder');
  const { member } = await start(...often);
  const alerts = (): readonly string[] => member.service.status().alerts.map(({ code }) => code);

  const told = (): readonly string[] => errors.filter((text) => text.includes('The backup into'));
  await until('it is told', () => alerts().includes('backup-fails') && told().length > 0);
  const failures = await figure('quorate_backup_failures_total');
  await rm(path.join(folder, 'backups'));
  await until('it is over', () => !alerts().includes('backup-fails'));

  expect(failures).toBeGreaterThan(0);
  // Tried again and again, and told once.
  expect(told()).toHaveLength(1);
  expect((await names()).length).toBeGreaterThan(0);
});

test('a member makes backups in a bucket', async () => {
  const at = ['--set', 'backup.s3.bucket=backups', '--set', `backup.s3.endpoint=${s3.endpoint}`];
  const how = ['--set', 'backup.s3.forcePathStyle=true', '--set', 'backup.s3.prefix=own/'];
  const { member } = await start('--backup-every', '1h', ...at, ...how);
  await put(member.service, 'key', 'value');

  await until('there is one', () => member.raft.metrics.last.index > 0);
  let made = 0;
  while (made === 0) made = await figure('quorate_backups_total');
  const where = ['--s3', 's3://backups/own/', '--s3-endpoint', s3.endpoint, '--s3-path-style'];
  const verify = await runHere(['backup', 'verify', ...where, '--json']);

  expect([verify.code, verify.stderr]).toEqual([0, '']);
  expect(JSON.parse(verify.stdout)).toMatchObject({ member: 'a', hash: member.store.hash() });
});

test('a backup can be made at once, beside the plan', async () => {
  const { member } = await start();
  const where = ['--dir', path.join(folder, 'own'), '--endpoints', member.address];

  const now = await runHere(['backup', 'now', ...where, '--json']);
  const verify = await runHere(['backup', 'verify', '--dir', path.join(folder, 'own')]);

  expect([now.code, now.stderr, verify.code]).toEqual([0, '', 0]);
  const { name } = JSON.parse(now.stdout) as { readonly name: string };
  expect(verify.stdout).toContain(`${name} is whole`);
});

test.each([
  [['--backup-dir', 'x'], 'no backups are made without backup.every'],
  [['--backup-every', '1h'], 'backups want a place'],
  [['--backup-every', '10', '--backup-dir', 'x'], 'a number with its unit'],
  [
    ['--backup-every', '1h', '--backup-dir', 'x', '--set', 'backup.s3.bucket=y'],
    'backups have one place',
  ],
  [['--backup-every', '1h', '--set', 'backup.by=all'], 'wanted each or leader'],
])('the options %j are refused', (args, problem) => {
  const own = ['--name', 'a', '--data', 'data'];

  const read = readConfig({ args: [...own, ...args], folder, readFile: () => '' });

  expect(read.type === 'wrong' ? read.problems.join('\n') : read.type).toContain(problem);
});
