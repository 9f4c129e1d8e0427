import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';

import { afterEach, beforeEach, expect, test } from 'vitest';

// Each test has a project of its own: the real tools, no dependencies, and a tiny `npm start`.

const toolsFolder = path.join(import.meta.dirname, '..', '..', 'tools');
let root = '';

const program = `
  let signals = 0;
  process.on('SIGINT', () => {
    signals += 1;
    setTimeout(() => { console.log('signals ' + signals); process.exit(7); }, 600);
  });
  process.on('SIGTERM', () => process.exit(8));
  process.stdout.write('ready ' + process.argv.slice(2).join(' ') + '\\n');
  if (process.argv.includes('--stay')) setInterval(() => {}, 1_000);
`;

beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'quorate-bootstrap-'));
  for (const name of ['bootstrap.mjs', 'install-stamp.mjs', 'lifeline.mjs']) {
    await cp(path.join(toolsFolder, name), path.join(root, 'tools', name));
  }
  const packageJson = { name: 'tiny', version: '1.0.0', private: true, type: 'module' };
  await writeFile(path.join(root, 'package.json'), JSON.stringify(packageJson));
  await writeLockfile('1.0.0');
  await writeFile(path.join(root, 'tools', 'demo.ts'), program);
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function writeLockfile(version: string): Promise<void> {
  const lockfile = {
    name: 'tiny',
    version,
    lockfileVersion: 3,
    packages: { '': { name: 'tiny', version } },
  };
  await writeFile(path.join(root, 'package-lock.json'), JSON.stringify(lockfile));
}

/** A run of bootstrap in a process group of its own, as a terminal would start it. */
class Run {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #output = '';

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [path.join(root, 'tools', 'bootstrap.mjs'), ...args], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  async sawReady(): Promise<void> {
    const ended = once(this.#child, 'close').then(() => 'ended');
    while (!this.#output.includes('ready')) {
      const what = await Promise.race([once(this.#child.stdout, 'data'), ended]);
      if (what === 'ended') throw new Error(`It ended and never was ready:\n${this.#output}`);
    }
  }

  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-(this.#child.pid as number), signal);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves once every process that could write has closed its output. */
  async end(): Promise<{ readonly exitCode: number | null; readonly output: string }> {
    await once(this.#child, 'close');
    return { exitCode: this.#child.exitCode, output: this.#output };
  }
}

test('installs when nothing is installed, and then goes on with the options', async () => {
  const first = await new Run('start', '--port', '1').end();
  const second = await new Run('start').end();

  expect(first.output).toContain('node_modules is missing; installing');
  expect(first.output).toContain('ready --port 1\n');
  expect(first.exitCode).toBe(0);
  expect(second).toEqual({ exitCode: 0, output: 'ready \n' });
});

test('installs again when the lockfile is another one', async () => {
  await new Run('start').end();
  await writeLockfile('1.0.1');
  const packageJson = await readFile(path.join(root, 'package.json'), 'utf8');
  await writeFile(path.join(root, 'package.json'), packageJson.replace('1.0.0', '1.0.1'));

  const { output } = await new Run('start').end();

  expect(output).toContain('node_modules does not match package-lock.json; installing');
});

test('says so when the install fails, and does not go on', async () => {
  await writeFile(path.join(root, 'package-lock.json'), '{');

  const { exitCode, output } = await new Run('start').end();

  expect(exitCode).toBe(1);
  expect(output).toContain('"npm ci" failed with exit code');
  expect(output).not.toContain('ready');
});

test('passes Ctrl-C on once, waits for the program and ends as it ends', async () => {
  const run = new Run('start', '--stay');
  await run.sawReady();

  // A terminal signals the group, and npm signals once more.
  run.signalGroup('SIGINT');
  run.signal('SIGINT');
  const { exitCode, output } = await run.end();

  expect(output).toContain('signals 1\n');
  expect(exitCode).toBe(7);
});

test('leaves no program behind when it is killed', async () => {
  const run = new Run('start', '--stay');
  await run.sawReady();

  run.signal('SIGKILL');

  // The program holds the output open as long as it lives, so this ends only after it.
  expect(await run.end()).toMatchObject({ exitCode: null });
});

test('leaves no program behind when the npm that started it is killed', async () => {
  const bootstrap = path.join(root, 'tools', 'bootstrap.mjs');
  const script = `"${process.execPath}" "${bootstrap}" start --stay; exit 0`;
  const npm = spawn('sh', ['-c', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, npm_lifecycle_event: 'start' },
  });
  const closed = once(npm.stdout, 'close');
  for await (const chunk of npm.stdout.iterator({ destroyOnReturn: false })) {
    if (String(chunk).includes('ready')) break;
  }

  npm.kill('SIGKILL');
  npm.stdout.resume();

  // The program holds the output open as long as it lives.
  await closed;
  expect(npm.signalCode).toBe('SIGKILL');
});

test('names the commands when it does not know one', async () => {
  const { exitCode, output } = await new Run('strat').end();

  expect(exitCode).toBe(1);
  expect(output).toContain('There is no command "strat". Known commands: start, test,');
});
