import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { codeBlocksIn } from './docs/code-blocks.ts';
import { runInWorker } from './docs/run-in-worker.ts';
import { readProject } from './tidy/project-files.ts';

// The TypeScript in README and the other pages compiles, and what is marked `ts run` ends well.
// The guides are run whole.

const root = path.dirname(import.meta.dirname);
const timeoutMs = 60_000;
const programTimeoutMs = 40_000;
const run = promisify(execFile);

const blocks = readProject(root)
  .filter((file) => file.path.endsWith('.md'))
  .flatMap(codeBlocksIn);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-docs-'));
  // So that `quorate` is found as a user's program would find it.
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const block of blocks) await writeFile(path.join(folder, block.fileName), block.code);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the code in the pages compiles', async () => {
  const config = {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions: { noUnusedLocals: false },
    include: ['*.ts'],
    exclude: [],
  };
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
  // The compiler refuses a project without any file.
  await writeFile(path.join(folder, 'empty.ts'), '');

  const output = await outputOf(path.join(root, 'node_modules', '.bin', 'tsc'), ['-p', folder]);

  expect(withPages(output)).toBe('');
});

test('every block of the guides is a program that is run', () => {
  const guides = blocks.filter(({ page }) => page.startsWith('docs/guide/'));

  const unrun = guides.filter(({ isProgram }) => !isProgram);

  expect(guides.length).toBeGreaterThan(10);
  expect(unrun.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
});

// A suite that starts nodes again and again takes ten seconds; the house runs it on its own stores.
const takesLong = /^recoverySuite\(/m;
const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const programs = blocks.filter(
  ({ isProgram, code }) => isProgram && (isFull || !takesLong.test(code)),
);

// Pages use `await using`, which Node 22 reads only once it is compiled.
test.skipIf(process.versions.node.startsWith('22.')).each(programs)(
  'the program at $page:$line ends well, and prints what the page says',
  async ({ fileName, output }) => {
    const stdout = await runInWorker(path.join(folder, fileName), {
      cache: path.join(folder, 'cache'),
      timeoutMs: programTimeoutMs,
    });

    // A page may leave the output out; then it is enough that the program ends well.
    expect(stdout.trim()).toBe((output ?? stdout).trim());
  },
  timeoutMs,
);

/** What a program prints, whether it ends well or not. */
async function outputOf(file: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(file, [...args], { cwd: folder, timeout: timeoutMs })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    return stdout + stderr || String(error);
  }
}

/** Names pages in place of the files that their blocks were written to. */
function withPages(output: string): string {
  return blocks.reduce(
    (text, block) => text.replaceAll(`${block.fileName}(`, `${block.page}:${block.line} (`),
    output,
  );
}
