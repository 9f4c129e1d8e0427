import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { LocalRegistry } from '../docs/first-hour-registry.ts';
import { stepsOf, textOf, wordsOf } from './container-steps.ts';

/* No container is built here, which takes a registry of images and the right to make namespaces:
   what the file runs is run in a folder that stands for its root, with the packages as they would
   be published. */

const run = promisify(execFile);
const file = path.resolve(import.meta.dirname, '..', '..', 'deploy', 'Containerfile');
const timeoutMs = 240_000;
const steps = stepsOf(await readFile(file, 'utf8'));
const commands = steps.filter(({ name }) => name === 'RUN').map(({ text }) => text);
let root = '';
let registry: LocalRegistry;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'quorate-container-'));
  for (const name of ['packages', 'usr/local/bin', 'var/lib', 'home', 'opt/quorate']) {
    await mkdir(path.join(root, name), { recursive: true });
  }
  await symlink(process.execPath, path.join(root, 'usr/local/bin/node'));
  registry = await LocalRegistry.start(path.join(root, 'packages'));
}, timeoutMs);

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

/** What a command of the file is here: its folders lie below `root`, and its user is this one. */
function here(command: string): string {
  return command
    .replaceAll(/(?<= )\/(?=opt\/|usr\/|var\/)/g, `${root}/`)
    .replaceAll(/=node\b/g, `=${userInfo().username}`);
}

function environment(): NodeJS.ProcessEnv {
  // npm's scripts put the project's programs in front.
  const system = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((one) => !one.includes('node_modules'));
  return {
    PATH: [path.join(root, 'usr/local/bin'), ...system].join(path.delimiter),
    HOME: path.join(root, 'home'),
    npm_config_registry: registry.url,
    npm_config_update_notifier: 'false',
  };
}

function shell(command: string, cwd: string): Promise<{ stdout: string; stderr: string }> {
  return run('sh', ['-c', here(command)], { cwd, env: environment(), timeout: timeoutMs });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  await once(server.close(), 'close');
  return port;
}

/** Runs until it succeeds, as whoever looks after a container does. */
async function untilHealthy(check: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const [command = '', ...args] = wordsOf(check);
    const asked = run(command, args, { env: environment() });
    const isHealthy = await asked.then(
      () => true,
      (error: unknown) => {
        if (tries === 100) throw error;
        return false;
      },
    );
    if (isHealthy) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test(
  'the commands of the container make a member that runs and says that it is well',
  async () => {
    const workFolder = path.join(root, textOf(steps.slice(0, 3), 'WORKDIR'));
    const packed = path.join(root, 'packages', 'tarballs');
    const wanted = /^quorate-.*\.tgz$/;
    for (const name of (await readdir(packed)).filter((one) => wanted.test(one))) {
      await cp(path.join(packed, name), path.join(workFolder, name));
    }
    expect(commands).toHaveLength(2);

    await shell(commands[0] ?? '', workFolder);
    await shell(commands[1] ?? '', root);

    const left = (await readdir(workFolder)).filter((name) => wanted.test(name));
    expect(left).toEqual([]);
    const data = path.join(root, textOf(steps, 'VOLUME'));
    expect((await stat(data)).mode & 0o777).toBe(0o700);
    const [program = ''] = wordsOf(textOf(steps, 'ENTRYPOINT'));
    const start = [program, ...wordsOf(textOf(steps, 'CMD'))].join(' ');
    expect((await shell(start, root)).stdout).toContain('--peers');

    const [port, http] = [await freePort(), await freePort()];
    const places = ['--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${http}`];
    const member = spawn(program, ['serve', '--name', 'a', '--data', data, ...places], {
      env: environment(),
      stdio: 'ignore',
    });
    const ended = once(member, 'exit');
    const check = textOf(steps, 'HEALTHCHECK').replace(':8001/', `:${http}/`);
    try {
      await untilHealthy(check);
    } finally {
      member.kill(textOf(steps, 'STOPSIGNAL') as NodeJS.Signals);
    }

    expect(await ended).toEqual([0, null]);
    const [command = '', ...args] = wordsOf(check);
    await expect(run(command, args, { env: environment() })).rejects.toMatchObject({ code: 1 });
  },
  timeoutMs,
);
