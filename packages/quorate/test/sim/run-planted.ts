import { spawn } from 'node:child_process';
import { bugs } from '../mutants/bugs.ts';
import { PackageCopy } from '../mutants/package-copy.ts';

/**
 * Runs the same command in a copy of the package into which the bug is planted. Returns its exit
 * code.
 *
 * @throws RangeError if there is no such bug.
 */
export async function runPlanted(name: string, words: readonly string[]): Promise<number> {
  const bug = bugs.find((known) => known.name === name);
  if (bug === undefined) {
    const names = bugs.map((known) => known.name).join(', ');
    throw new RangeError(`--bug must be one of ${names}, not ${name}.`);
  }
  const at = words.findIndex((word) => word === '--bug' || word.startsWith('--bug='));
  const rest = words.toSpliced(at, words[at] === '--bug' ? 2 : 1);
  return PackageCopy.with((copy) =>
    copy.withBug(bug, () => run(copy.program('sim/main.ts'), ['--planted-bug', name, ...rest])),
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
