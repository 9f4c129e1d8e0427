import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  differenceFrom,
  pagePorts,
  type ShellBlock,
  shellBlocksIn,
  withPortsMoved,
  withPortsMovedBack,
} from './first-hour-page.ts';
import { LocalRegistry } from './first-hour-registry.ts';
import { PageShell, type Ran } from './first-hour-shell.ts';

/* The page is followed word for word: in an empty folder, in one session of a shell, with the
   packages as they would be published, and what it prints is compared with what the page shows.
   Only the ports are others, since the ones of the page may be taken here. */

const page = 'docs/guide/first-hour.md';
const root = path.resolve(import.meta.dirname, '..', '..');
const blockTimeoutMs = 40_000;
const patienceMs = 30_000;
const lookMs = 100;
/** Half a minute when nothing else runs on the machine. */
const timeoutMs = 240_000;

const blocks = shellBlocksIn({ path: page, text: await readFile(path.join(root, page), 'utf8') });
let folder = '';
let registry: LocalRegistry;
let shell: PageShell;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-first-hour-'));
  const [bin, home, temporary, packages] = ['bin', 'home', 'temporary', 'packages'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string, string];
  for (const one of [bin, home, temporary, packages]) await mkdir(one);
  // The Node that runs this test is the only one that is found.
  await symlink(process.execPath, path.join(bin, 'node'));
  registry = await LocalRegistry.start(packages);
  shell = new PageShell({
    folder: home,
    env: cleanEnvironment({ bin, home, temporary }),
    timeoutMs: blockTimeoutMs,
  });
}, timeoutMs);

afterAll(async () => {
  await shell?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

test(
  'whoever follows the first hour sees what the page shows, and has nothing left at the end',
  async () => {
    expect(blocks.length).toBeGreaterThan(30);
    const by = await freeDistance();
    for (const block of blocks) {
      const { line, fails } = block;
      const { ran, difference } = await follow(block, by);

      // Told with its place in the page.
      expect({ line, difference }).toEqual({ line, difference: undefined });
      expect({ line, failed: ran.code !== 0, printed: ran.output }).toEqual({
        line,
        failed: fails,
        printed: ran.output,
      });
    }

    expect(await shell.running()).toBe('');
    const left = await readdir(path.join(folder, 'home'));
    expect(left.filter((name) => !name.startsWith('.'))).toEqual([]);
    const temporary = await readdir(path.join(folder, 'temporary'));
    expect(temporary.filter((name) => name.startsWith('quorate'))).toEqual([]);
  },
  timeoutMs,
);

interface Followed {
  readonly ran: Ran;
  readonly difference: ReturnType<typeof differenceFrom>;
}

/** Runs a block; again and again, if the page says so, until it is as the page shows it. */
async function follow(block: ShellBlock, by: number): Promise<Followed> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const { code, output } = await shell.run(withPortsMoved(block.script, by));
    const ran = { code, output: withPortsMovedBack(output, by) };
    const difference =
      block.output === undefined ? undefined : differenceFrom(block.output, ran.output);
    const fits = difference === undefined && (code !== 0) === block.fails;
    if (fits || !block.isRepeated || performance.now() > giveUpAt) return { ran, difference };
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** The environment of somebody who has Node and npm, and nothing else of this project. */
function cleanEnvironment({
  bin,
  home,
  temporary,
}: Readonly<Record<'bin' | 'home' | 'temporary', string>>): NodeJS.ProcessEnv {
  const prefix = path.join(home, '.npm-global');
  const { LANG, LC_ALL, USER } = process.env;
  // npm's scripts put the project's programs in front.
  const system = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((one) => !one.includes('node_modules'));
  return {
    ...{ LANG, LC_ALL, USER },
    PATH: [bin, path.join(prefix, 'bin'), ...system].join(path.delimiter),
    HOME: home,
    TMPDIR: temporary,
    npm_config_prefix: prefix,
    npm_config_cache: path.join(home, '.npm-cache'),
    npm_config_registry: registry.url,
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
  };
}

/** How far the ports of the page must be moved so that nobody else listens there. */
async function freeDistance(): Promise<number> {
  // Below those that systems hand out by themselves, and different for each run.
  const first = 10_000 + ((process.pid * 97) % 11_000);
  for (let by = first; by < first + 2000; by += 10) {
    const servers = await Promise.all(pagePorts.map((port) => listenOn(port + by)));
    const isFree = servers.every((server) => server !== undefined);
    await Promise.all(servers.map(closed));
    if (isFree) return by;
  }
  throw new Error(`All ports from ${first + 7001} to ${first + 10_103} are taken.`);
}

async function closed(server: Server | undefined): Promise<void> {
  if (server !== undefined) await once(server.close(), 'close');
}

async function listenOn(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
