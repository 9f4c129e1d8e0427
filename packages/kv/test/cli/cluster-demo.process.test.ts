import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { afterEach, describe, expect, test } from 'vitest';

import { found, isAlive, printed } from './support/cluster-kit.ts';
import {
  mainFile,
  nodeFlags,
  quoted,
  type RunningCli,
  runCli,
  startCli,
} from './support/run-cli.ts';

let running: RunningCli[] = [];
let terminal: ChildProcess | undefined;

afterEach(async () => {
  for (const one of running) await one[Symbol.asyncDispose]();
  running = [];
  // Its end is a terminal that was closed, and the demo ends with it.
  terminal?.kill('SIGKILL');
});

function startDemo(...args: readonly string[]): RunningCli {
  const demo = startCli(['demo', ...args], { input: '' });
  running.push(demo);
  return demo;
}

async function endpointsOf(demo: RunningCli): Promise<string> {
  const [, endpoints = ''] = await printed(demo, /QUORATE_ENDPOINTS=(\S+)/);
  return endpoints;
}

async function folderOf(demo: RunningCli): Promise<string> {
  const [, folder = ''] = await printed(demo, /members? in (\S+) /);
  return folder;
}

/** The processes of the members, as their own status has them. */
async function membersOf(demo: RunningCli): Promise<readonly number[]> {
  const { pid = 0 } = demo.child;
  const child = spawn('ps', ['-o', 'pid=', '--ppid', String(pid)]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, 'close');
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [Number(line)]));
}

function allGone(pids: readonly number[]): Promise<true> {
  return found('all are gone', () => (pids.some(isAlive) ? undefined : true));
}

describe('quorate demo', () => {
  test('goes on without its leader, and leaves nothing behind', async () => {
    const demo = startDemo();
    const [, leader = '', pid = ''] = await printed(demo, /Member (\w) \(process (\d+)\) leads/);
    const folder = await folderOf(demo);
    const env = { QUORATE_ENDPOINTS: await endpointsOf(demo) };
    const pids = await membersOf(demo);
    process.kill(Number(pid), 'SIGKILL');
    const [, next = ''] = await printed(
      demo,
      new RegExp(`Member ${leader} was ended by SIGKILL[^]*Member (\\w) \\(process \\d+\\) leads`),
    );
    const put = await runCli(['put', 'greeting', 'hello'], { env });
    const counted = await runCli(['get', 'demo/counter', '--print-value-only'], { env });
    demo.child.kill('SIGINT');
    const ended = await demo.ended;

    expect(pids).toHaveLength(3);
    expect(next).not.toBe(leader);
    expect(put).toMatchObject({ code: 0 });
    expect(Number(counted.stdout)).toBeGreaterThan(0);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('All 3 members have ended. Their data is deleted.');
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test('that is killed leaves no member behind', async () => {
    const demo = startDemo('--members', '2');
    await printed(demo, /leads in term/);
    const pids = await membersOf(demo);
    const folder = await folderOf(demo);

    demo.child.kill('SIGKILL');
    await allGone(pids);

    expect(pids).toHaveLength(2);
    await rm(folder, { recursive: true });
  });

  test('goes on with the data of its folder', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'quorate-demo-test-'));
    const first = startDemo('--members', '1', '--dir', folder);
    await runCli(['put', 'greeting', 'hello'], {
      env: { QUORATE_ENDPOINTS: await endpointsOf(first) },
    });
    first.child.kill('SIGTERM');
    await first.ended;

    const second = startDemo('--members', '1', '--dir', folder);
    const env = { QUORATE_ENDPOINTS: await endpointsOf(second) };
    const { stdout } = await runCli(['get', 'greeting', '--print-value-only'], { env });
    const twice = await runCli(['demo', '--members', '1', '--dir', folder]);
    const other = await runCli(['demo', '--members', '3', '--dir', folder]);
    second.child.kill('SIGINT');
    const ended = await second.ended;
    await rm(folder, { recursive: true });

    expect(stdout.trimEnd()).toBe('hello');
    expect(twice).toMatchObject({ code: 1 });
    expect(twice.stderr).toContain('Is this demo running already?');
    expect(other).toMatchObject({ code: 2 });
    expect(other.stderr).toContain('has 1 member from');
    expect(ended.stdout).toContain(`--dir ${folder} goes on with it.`);
  });

  test('does not begin on a port that is taken, and says so', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };

    const ended = await runCli(['demo', '--port', `${port}`]);
    server.close();

    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain(`port ${port} of 127.0.0.1 is taken by another process.`);
    expect(ended.stderr).toContain('Give another --port');
  });

  test.each([
    ['no members', ['--members', '0'], 'Wanted 1 to 9 members'],
    ['a port that is none', ['--port', 'x'], 'Wanted a'],
    ['a flag that there is not', ['--member', '3'], "unknown option '--member'"],
  ])('refuses %s', async (_what, args, message) => {
    const ended = await runCli(['demo', ...args]);

    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(message);
  });

  test('has a live table on a terminal, where keys kill members and start them again', async () => {
    const words = [process.execPath, ...nodeFlags, mainFile, 'demo', '--members', '3'];
    const command = `stty cols 140 rows 40; ${words.map(quoted).join(' ')}`;
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm' },
    });
    terminal = child;
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const seen = (pattern: RegExp, from = 0): Promise<number> =>
      found(`${pattern} on the screen`, () => {
        const at = stripVTControlCharacters(output).slice(from).search(pattern);
        return at < 0 ? undefined : from + at;
      });
    await seen(/ leader /);
    child.stdin.write('1');
    const down = await seen(/1 +a +- .* down/);
    child.stdin.write('1');
    const up = await seen(/1 +a +\d+ .* well/, down);
    child.stdin.write('q');
    const [code] = (await once(child, 'close')) as [number];

    expect(code).toBe(0);
    expect(up).toBeGreaterThan(down);
    expect(output.slice(output.lastIndexOf('\u001b[?1049l'))).toContain(
      'All 3 members have ended.',
    );
  });
});
