import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { issue, makeAuthority } from '../../../quorate/test/network/tcp/certificates.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { MemberCluster } from '../member/support/member-cluster.ts';
import { runHere } from './support/in-process.ts';
import {
  type CliEnded,
  type CliOptions,
  mainFile,
  nodeFlags,
  quoted,
  runCli,
  runOnTerminal,
  startCli,
} from './support/run-cli.ts';

/* What only a process has: terminals, pipes, signals, and the shells that call it. */

let cluster: MemberCluster;
let folder = '';

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-cli-'));
  for (const name of ['1', '2', '3']) {
    await cli(['put', `large/${name}`], { input: Buffer.alloc(900_000, name) });
  }
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function env(): Record<string, string> {
  return { QUORATE_ENDPOINTS: Object.values(cluster.peers).join(',') };
}

function cli(args: readonly string[], options: CliOptions = {}): Promise<CliEnded> {
  return runCli(args, { ...options, env: { ...env(), ...options.env } });
}

/** What a shell would run, with the endpoints of the cluster. */
const shellLine = [process.execPath, ...nodeFlags, mainFile].map(quoted).join(' ');

test('on a terminal there are colours and no bare control characters, in a pipe neither', async () => {
  await cli(['put', 'wild', 'a\u001b[2Jb']);

  const [seen, plain, piped] = await Promise.all([
    runOnTerminal(['get', 'wild'], { env: env() }),
    runOnTerminal(['get', 'wild'], { env: { ...env(), NO_COLOR: '1' } }),
    cli(['get', 'wild']),
  ]);

  expect(seen.stdout).toBe('\u001b[1mwild\u001b[22m\na\\x1b[2Jb\n');
  expect(plain.stdout).toBe('wild\na\\x1b[2Jb\n');
  expect(piped.stdout).toBe('wild\na\u001b[2Jb\n');
});

test('a wrong command on a terminal is said once, and its code is 2', async () => {
  const ended = await runOnTerminal(['gte', 'a']);

  expect(ended.code).toBe(exitCodes.usage);
  expect(ended.stdout).toBe(
    "quorate: unknown command 'gte'\n(Did you mean get?)\nSee quorate --help, or --help of the command.\n",
  );
});

test('a transaction is asked for on a terminal, and what is wrong asked for again', async () => {
  const input = 'absent(seat)\n\nput seat taken\nptu x\nget seat\n\n\n';

  const ended = await runOnTerminal(['txn'], { env: { ...env(), NO_COLOR: '1' }, input });

  expect(ended.code).toBe(exitCodes.well);
  expect(ended.stdout).toContain('Comparisons, as value(KEY) = VALUE');
  expect(ended.stdout).toContain('If all of them hold');
  expect(ended.stdout).toContain('line 4, column 1: wanted put, get or del; got "ptu"');
  expect(ended.stdout).toMatch(/SUCCESS\nOK\nseat\ntaken\n$/);
});

test('who stops reading ends the command quietly', async () => {
  const script = `set -o pipefail; ${shellLine} get large/ --prefix | head -c 10`;
  const [first, watched] = await Promise.all([
    shell(script),
    shell(`set -o pipefail; ${shellLine} watch large/ --prefix --rev 1 | head -c 10`),
  ]);

  expect(first).toEqual({ code: exitCodes.brokenPipe, stdout: 'large/1\n11', stderr: '' });
  expect(watched).toMatchObject({ code: exitCodes.brokenPipe, stderr: '' });
});

test.each([
  { name: 'a full disk', target: '/dev/full', limit: '', said: 'ENOSPC' },
  // Of the value, the system takes the part that there is room for, and no error comes of that.
  { name: 'one that fills up', target: 'part.bin', limit: 'ulimit -f 100;', said: 'EFBIG' },
])('an output into $name is a failure, which is said', async ({ target, limit, said }) => {
  const into = quoted(path.resolve(folder, target));

  const ended = await shell(`${limit} ${shellLine} get large/1 --print-value-only > ${into}`);

  expect(ended).toMatchObject({ code: exitCodes.failed, stdout: '' });
  expect(ended.stderr).toContain(`quorate: the output cannot be written (${said}).`);
});

test('an output into a file has all of it, behind what was there', async () => {
  const file = path.join(folder, 'all.bin');
  await writeFile(file, 'before\n');

  const ended = await shell(`${shellLine} get large/ --prefix >> ${quoted(file)}`);

  expect(ended).toEqual({ code: exitCodes.well, stdout: '', stderr: '' });
  const pairs = ['1', '2', '3'].map((name) => `large/${name}\n${name.repeat(900_000)}\n`);
  expect((await readFile(file)).equals(Buffer.from(`before\n${pairs.join('')}`))).toBe(true);
});

test('an input that is a folder is refused, and nothing is written', async () => {
  const ended = await shell(`${shellLine} put of-a-folder < ${quoted(folder)}`);
  const found = await cli(['get', 'of-a-folder']);

  expect(ended).toMatchObject({ code: exitCodes.failed, stdout: '' });
  expect(ended.stderr).toContain('EISDIR');
  expect(found.code).toBe(exitCodes.notFound);
});

test('a slow reader gets everything, and ctrl-C ends a command that waits for it', async () => {
  const slow = await shell(`${shellLine} get large/ --prefix | { sleep 0.3; wc -c; }`);
  const stuck = spawn(process.execPath, [...nodeFlags, mainFile, 'get', 'large/', '--prefix'], {
    env: { ...process.env, ...env() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(stuck, 'exit');
  await once(stuck.stdout, 'readable');

  stuck.kill('SIGINT');

  expect(Number(slow.stdout)).toBe(3 * (900_000 + 'large/1\n\n'.length));
  expect(await ended).toEqual([exitCodes.interrupted, null]);
  await buffer(stuck.stdout);
});

test.each([
  { name: 'a watch', args: ['watch', 'large/', '--prefix'] },
  { name: 'a lease that is kept alive', args: ['lease', 'keep-alive', '5'] },
  { name: 'a command that nobody answers', args: ['get', 'a', '--endpoints', '192.0.2.1:1'] },
  { name: 'a put that waits for its value', args: ['put', 'never'] },
])('$name ends by SIGINT with 130', async ({ args }) => {
  if (args[0] === 'lease') await cli(['lease', 'grant', '60', '--id', '5']);
  await using running = startCli(args, { env: env() });
  await settled(running.child.pid);

  running.child.kill('SIGINT');
  const ended = await running.ended;

  expect(ended).toMatchObject({ code: exitCodes.interrupted, by: null, stderr: '' });
});

test('a lock passes a signal on to its command, and is let go of when that has ended', async () => {
  const script =
    'trap "sleep 0.2; echo ended; exit 7" TERM; echo begun; while :; do sleep 0.05; done';
  await using running = startCli(['lock', 'l', '--', 'sh', '-c', script], { env: env() });
  await vi.waitUntil(() => running.output().includes('begun'), { timeout: 20_000 });

  running.child.kill('SIGTERM');
  const ended = await running.ended;
  const next = await cli(['lock', 'l', '--try', '--', 'true']);

  expect(ended).toMatchObject({
    code: exitCodes.interrupted,
    stdout: 'begun\nended\n',
    stderr: '',
  });
  expect(next.code).toBe(exitCodes.well);
});

test('ctrl-C on a terminal reaches the command of a lock once', async () => {
  const script =
    'trap "echo interrupted; sleep 0.2; exit 5" INT; trap "echo terminated; exit 6" TERM; ' +
    'echo begun; while :; do sleep 0.05; done';

  const ended = await runOnTerminal(['lock', 'tty', '--', 'sh', '-c', script], {
    env: env(),
    reply: { to: /begun/, type: '\u0003' },
  });

  expect(ended.code).toBe(exitCodes.interrupted);
  expect(ended.stdout.replace('^C', '')).toBe('begun\ninterrupted\n');
});

test('members that want certificates are reached by those alone who show one', async () => {
  const authority = makeAuthority('tests');
  const own = issue(authority, { names: ['localhost'], ips: ['127.0.0.1'] });
  const files = { cert: own.cert, key: own.key, ca: authority.cert };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(path.join(folder, name), text);
  }
  await using secured = await MemberCluster.start(['t'], { tls: files });
  const at = ['--endpoints', `tls://${secured.peers['t']}`, '--timeout', '2s'];
  const flags = ['--cert', 'cert', '--key', 'key', '--ca', 'ca'];
  const variables = { QUORATE_CERT: 'cert', QUORATE_CERT_KEY: 'key', QUORATE_CA: 'ca' };

  const put = await runHere(['put', 'a', 'b', ...at, ...flags], { cwd: folder });
  const got = await cli(['get', 'a', ...at], { cwd: folder, env: variables });
  const without = await runHere(['get', 'a', ...at.slice(0, 2), '--timeout', '300ms']);

  expect(put).toMatchObject({ code: exitCodes.well, stderr: '' });
  expect(got.stdout).toBe('a\nb\n');
  expect(without.code).toBe(exitCodes.unreachable);
  expect(without.stderr).toContain('--cert, --key and --ca');
});

async function shell(
  script: string,
): Promise<{ readonly code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', script], {
    env: { ...process.env, ...env() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const [code] = (await once(child, 'close')) as [number | null];
  const [stdout, stderr] = await texts;
  return { code, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Resolves once it has nothing to do. Before it listens to a signal, that would just end it. */
async function settled(pid: number | undefined): Promise<void> {
  let before = '';
  let idle = 0;
  await vi.waitUntil(
    async () => {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
      const [state, used] = [fields[0], fields.slice(11, 13).join(' ')];
      idle = state === 'S' && used === before ? idle + 1 : 0;
      before = used;
      return idle >= 5;
    },
    { timeout: 20_000, interval: 50 },
  );
}
