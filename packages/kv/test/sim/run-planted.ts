import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { planted } from '../../../quorate/test/mutants/planted-bug.ts';
import { kvBugs } from './bugs.ts';

const projectFolder = path.resolve(import.meta.dirname, '../../../..');

/** What the simulator needs, below `packages`. */
const parts = [
  'quorate/package.json',
  'quorate/src',
  'quorate/test/sim',
  'quorate/test/walker',
  'quorate/test/mutants/planted-bug.ts',
  'kv/package.json',
  'kv/openapi.yaml',
  'kv/src',
  'kv/test/checks',
  'kv/test/model',
  'kv/test/sim',
  'kv/test/store/kit.ts',
];

/**
 * Runs the same command in a copy of both packages into which the bug is planted. Returns its exit
 * code.
 *
 * @throws RangeError if there is no such bug.
 */
export async function runPlanted(name: string, words: readonly string[]): Promise<number> {
  const bug = kvBugs.find((known) => known.name === name);
  if (bug === undefined) {
    const names = kvBugs.map((known) => known.name).join(', ');
    throw new RangeError(`--bug must be one of ${names}, not ${name}.`);
  }
  // Not in node_modules, where Node runs no TypeScript.
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-kv-planted-'));
  try {
    for (const part of parts) await copyPart(part, folder);
    await linkModules(folder);
    for (const file of new Set(bug.edits.map((edit) => edit.file))) {
      const source = path.join(folder, 'packages', file);
      const text = await readFile(source, 'utf8');
      await writeFile(source, planted({ ...bug, families: [] }, file, text));
    }
    const at = words.findIndex((word) => word === '--bug' || word.startsWith('--bug='));
    const rest = words.toSpliced(at, words[at] === '--bug' ? 2 : 1);
    const program = path.join(folder, 'packages/kv/test/sim/main.ts');
    return await run(program, ['--planted-bug', name, ...rest]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyPart(part: string, folder: string): Promise<void> {
  const target = path.join(folder, 'packages', part);
  await mkdir(path.dirname(target), { recursive: true });
  // Somebody else may be writing tests meanwhile: those are not taken along.
  await cp(path.join(projectFolder, 'packages', part), target, {
    recursive: true,
    filter: (from) => !from.endsWith('.test.ts'),
  });
}

/** The modules of others are those of the project; its own are the copies. */
async function linkModules(folder: string): Promise<void> {
  const own = ['quorate', '@quorate', '.bin', '.cache'];
  for (const [from, to] of [
    ['node_modules', 'node_modules'],
    ['packages/kv/node_modules', 'packages/kv/node_modules'],
  ] as const) {
    const source = path.join(projectFolder, from);
    await mkdir(path.join(folder, to), { recursive: true });
    for (const name of await readdir(source).catch((): string[] => [])) {
      if (own.includes(name)) continue;
      await symlink(path.join(source, name), path.join(folder, to, name));
    }
  }
  await symlink(
    path.join(folder, 'packages/quorate'),
    path.join(folder, 'node_modules', 'quorate'),
  );
}

function run(program: string, words: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, program, ...words], { stdio: 'inherit' });
  child.once('error', reject);
  child.once('exit', (code) => resolve(code ?? 1));
  return promise;
}
