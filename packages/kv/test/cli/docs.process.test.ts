import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { exitCodeMeanings, exitCodes } from '../../src/cli/exit-codes.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { MemberCluster } from '../member/support/member-cluster.ts';
import { contextHere } from './support/in-process.ts';
import { mainFile, nodeFlags, quoted } from './support/run-cli.ts';

/* What docs/cli.md shows is what the program prints, all of it against one new cluster. */

const page = path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'cli.md');
const text = await readFile(page, 'utf8');

interface Example {
  readonly line: number;
  readonly command: string;
  /** What it prints, both streams, and at the end the exit code in brackets if it is not 0. */
  readonly shows: string;
}

const examples = [...text.matchAll(/^```console run\n([\s\S]*?)^```$/gm)].flatMap((block) => {
  const lines = (block[1] ?? '').split('\n').slice(0, -1);
  const first = text.slice(0, block.index).split('\n').length + 1;
  const found: Example[] = [];
  for (const [at, line] of lines.entries()) {
    const last = found.at(-1);
    if (line.startsWith('$ ')) found.push({ line: first + at, command: line.slice(2), shows: '' });
    else if (last !== undefined)
      found[found.length - 1] = { ...last, shows: `${last.shows}${line}\n` };
  }
  return found;
});

let cluster: MemberCluster;
let folder = '';

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-cli-'));
  const words = [process.execPath, ...nodeFlags, mainFile].map(quoted).join(' ');
  await writeFile(path.join(folder, 'quorate'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('the examples of the page print what it says, one after the other', async () => {
  expect(examples.length).toBeGreaterThan(20);
  for (const { line, command, shows } of examples) {
    const shown = await shell(command, shows.split('^C\n'));

    expect({ line, command, shown: normal(shown) }).toEqual({
      line,
      command,
      shown: normal(shows.replace('^C\n', '')),
    });
  }
});

/** What is another one each time: hashes, and what is left of a lease. */
function normal(shown: string): string {
  return shown
    .replaceAll(/\b[0-9a-f]{16}\b/g, 'HASH')
    .replaceAll(/lives for [\d.]+ s/g, 'lives for SOME s');
}

test('the exit codes of the page are those of the program', () => {
  const rows = [...text.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code, means]) => ({
    code: Number(code),
    means: means?.replaceAll(String.raw`\|`, '|'),
  }));

  expect(rows).toEqual(
    Object.entries(exitCodes).map(([name, code]) => ({
      code,
      means: exitCodeMeanings[name as keyof typeof exitCodes],
    })),
  );
});

test('every command has its section', async () => {
  const { commands } = await buildProgram(contextHere([]));
  const names = commands.map((command) => command.name());
  const sections = [...text.matchAll(/^## quorate (.*)$/gm)].map(([, name]) => name);

  expect(new Set(sections)).toEqual(new Set(names));
  expect(sections.length).toBe(names.length);
});

/** Plays ctrl-C, where the page does, once everything is there that it shows before. */
async function shell(command: string, [before = '', after]: readonly string[]): Promise<string> {
  const script = after === undefined ? command : `exec ${command}`;
  const child = spawn('bash', ['-c', `exec 2>&1; ${script}`], {
    env: {
      ...process.env,
      PATH: `${folder}:${process.env['PATH']}`,
      QUORATE_ENDPOINTS: Object.values(cluster.peers).join(','),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
    if (after !== undefined && printed.length >= before.length) child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return `${printed}${code === 0 ? '' : `[${code}]\n`}`;
}
