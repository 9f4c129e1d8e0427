import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Found, findProgram } from './support/debian-program.ts';
import { quoted, runCli } from './support/run-cli.ts';

/* The scripts of `quorate completion` in the shells that they are for. */

const run = promisify(execFile);
const shells = {
  zsh: await findProgram({ name: 'zsh', packages: ['zsh', 'zsh-common'], file: 'bin/zsh' }),
  fish: await findProgram({
    name: 'fish',
    packages: ['fish', 'fish-common', 'libpcre2-32-0'],
    file: 'usr/bin/fish',
  }),
};
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-completion-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Where the script of a shell was written to. */
async function scriptFor(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runCli(['completion', shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const file = path.join(folder, `completion.${shell}`);
  await writeFile(file, stdout);
  return file;
}

/** What was typed, and the one word that may follow. */
const typed: readonly (readonly [line: string, completed: string])[] = [
  ['quorate le', 'quorate lease'],
  ['quorate lease gr', 'quorate lease grant'],
  ['quorate member tra', 'quorate member transfer'],
  ['quorate get --pre', 'quorate get --prefix'],
  ['quorate lease grant --i', 'quorate lease grant --id'],
  ['quorate get --order de', 'quorate get --order desc'],
  ['quorate status --wa', 'quorate status --wait'],
  ['quorate serve --adv', 'quorate serve --advertise'],
  ['quorate snapshot restore --rev', 'quorate snapshot restore --revision-bump'],
];

/** What nothing is known to follow: a key that is called as a command is, and a foreign command. */
const unknown: readonly string[] = [
  ...['quorate put lease gr', 'quorate lock n -- --t', 'quorate lease -- gr'],
];

describe('in bash', () => {
  test('commands, commands in commands, flags and their choices are completed', async () => {
    const file = await scriptFor('bash');
    const lines = [...typed.map(([line]) => line), ...unknown, 'quorate get --order '];
    const asks = lines.map((line) => {
      const words = line.split(' ');
      const list = words.map((word) => quoted(word)).join(' ');
      return `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _quorate; echo "\${COMPREPLY[*]}"`;
    });

    const { stdout } = await run('bash', [
      '-c',
      `source ${quoted(file)}; complete -p quorate; ${asks.join('; ')}`,
    ]);

    expect(stdout.split('\n')).toEqual([
      'complete -o default -F _quorate quorate',
      ...typed.map(([, completed]) => completed.split(' ').at(-1)),
      ...unknown.map(() => ''),
      'asc desc',
      '',
    ]);
  });
});

const { zsh, fish } = shells;
for (const [name, shell] of Object.entries(shells)) {
  if ('missing' in shell) console.log(`Nothing is completed in ${name}: ${shell.missing}`);
}

// Skipped only where there is no zsh, and none can be had; what is missing is printed above.
describe.skipIf('missing' in zsh)('in zsh', () => {
  test.each(['sourced', 'in fpath'])('all of that is completed by the script, %s', async (how) => {
    const file = await scriptFor('zsh');
    const functions = path.join(folder, 'functions');
    await mkdir(functions, { recursive: true });
    if (how === 'in fpath') await runCopy(file, path.join(functions, '_quorate'));
    const start = [
      ...zshPlaces(zsh as Found),
      `fpath=(${quoted(functions)} $fpath)`,
      'autoload -Uz compinit; compinit -u -D',
      ...(how === 'sourced' ? [`source ${quoted(file)}`] : []),
      'unsetopt beep; PROMPT=""; bindkey "^I" complete-word',
      // What is on the line once it is completed.
      'quorate() { print -r -- "<quorate $*>" }',
    ];
    await writeFile(path.join(folder, '.zshrc'), `${start.join('\n')}\n`);
    const lines = [...typed.map(([line]) => line), ...unknown].map((line) => `${line}\t`);

    const output = await typedInto([(zsh as Found).program, '-d', '-i'], [...lines, 'exit']);

    const found = [...output.matchAll(/^<(quorate .*?) *>\r?$/gm)].map(([, line]) => line);
    expect(found).toEqual([...typed.map(([, line]) => line), ...unknown]);
  });
});

// The same of fish.
describe.skipIf('missing' in fish)('in fish', () => {
  test('all of that is completed, with what it means', async () => {
    const file = await scriptFor('fish');
    const lines = [...typed.map(([line]) => line), ...unknown, 'quorate ', 'quorate get --order '];
    const asks = lines.map((line) => `complete -C ${quoted(line)}; echo ${mark}`);
    const script = [`source ${quoted(file)}`, ...asks].join('; ');

    const { stdout, stderr } = await run((fish as Found).program, ['--no-config', '-c', script], {
      env: await fishEnvironment(fish as Found),
    });

    const answers = stdout.split(`${mark}\n`);
    const [all = '', choices = ''] = answers.slice(lines.length - 2);
    expect(stderr).toBe('');
    expect(answers.slice(0, lines.length - 2).map(wordsIn)).toEqual([
      ...typed.map(([, completed]) => [completed.split(' ').at(-1)]),
      ...unknown.map(() => []),
    ]);
    expect(all).toMatch(/^lease\tleases: keys that live as long as somebody asks for it$/m);
    expect(choices.trimEnd().split('\n').sort()).toEqual(['asc\tof the keys', 'desc\tof the keys']);
  });
});

async function runCopy(from: string, to: string): Promise<void> {
  await run('cp', [from, to]);
}

/** Where a zsh that was only unpacked finds its parts. */
function zshPlaces({ root }: Found): readonly string[] {
  if (root === undefined) return [];
  const modules = `${root}/usr/lib/*/zsh/*(/N)`;
  const functions = `${root}/usr/share/zsh/functions`;
  return [`module_path=(${modules})`, `fpath=(${functions}/**/*(/N) ${functions})`];
}

/** Types lines on a terminal of a shell, and resolves to all that was to be seen there. */
async function typedInto(command: readonly string[], lines: readonly string[]): Promise<string> {
  const words = command.map((word) => quoted(word)).join(' ');
  const child = spawn('script', ['-qec', `stty cols 200; exec ${words}`, '/dev/null'], {
    env: { PATH: process.env['PATH'], HOME: folder, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  for (const line of lines) child.stdin.write(`${line}\n`);
  return text(child.stdout);
}

const mark = '----';

/** Each completion is on a line, and what it means stands behind a tab. */
function wordsIn(answer: string): readonly string[] {
  const lines = answer.split('\n').filter((line) => line !== '');
  return lines.map((line) => line.split('\t')[0] ?? '');
}

async function fishEnvironment({ root }: Found): Promise<NodeJS.ProcessEnv> {
  const env = { PATH: process.env['PATH'], HOME: folder, TERM: 'xterm' };
  if (root === undefined) return env;
  // Without this folder it looks for its functions in the system.
  await mkdir(path.join(root, 'usr', 'etc', 'fish'), { recursive: true });
  const { arch } = process;
  const triple = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[arch as 'x64'] ?? arch;
  return { ...env, LD_LIBRARY_PATH: path.join(root, 'usr', 'lib', triple) };
}
