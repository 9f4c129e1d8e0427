// The commands that the house is made of, used by check, fix and build.

import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { installedProgram, projectRoot } from './project.ts';
import { type Outcome, runProgram } from './run-program.ts';

const stepTimeoutMs = 120_000;

/** Runs an installed program in the project's folder and keeps its output. */
export function runInstalled(name: string, ...args: readonly string[]): Promise<Outcome> {
  return runProgram(installedProgram(name), args, {
    cwd: projectRoot,
    timeoutMs: stepTimeoutMs,
    capture: true,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
}

/** Compiles the library into `outDir`: JavaScript, declarations and maps of both. */
export function compileLibrary(outDir: string): Promise<Outcome> {
  return runInstalled('tsc', '-p', path.join('packages', 'quorate'), '--outDir', outDir);
}

/** The packages that are made of the library; each may use those before it. */
export type Dependent = 'rocksdb' | 'kv';
export const dependents: readonly Dependent[] = ['rocksdb', 'kv'];

/**
 * Compiles a package into `outDir`, against the library as it is compiled in `library`. The
 * settings for that are written into `folder`.
 */
export async function compileDependent(
  name: Dependent,
  outDir: string,
  { library, folder }: { readonly library: string; readonly folder: string },
): Promise<Outcome> {
  const source = path.join(projectRoot, 'packages', name);
  const used: Record<string, string[]> = {};
  for (const other of dependents.slice(0, dependents.indexOf(name))) {
    const declarations = path.join(folder, `${other}-for-${name}`);
    const outcome = await compileDependent(other, declarations, { library, folder });
    if (outcome.exitCode !== 0) return outcome;
    used[`@quorate/${other}`] = [path.join(declarations, 'index.d.ts')];
  }
  const settings = path.join(folder, `tsconfig.${name}.json`);
  await writeFile(
    settings,
    JSON.stringify({
      extends: path.join(source, 'tsconfig.build.json'),
      compilerOptions: {
        paths: {
          quorate: [path.join(library, 'index.d.ts')],
          'quorate/*': [path.join(library, '*.d.ts')],
          ...used,
        },
        typeRoots: [path.join(projectRoot, 'node_modules', '@types')],
      },
      include: [path.join(source, 'src')],
    }),
  );
  return runInstalled('tsc', '-p', settings, '--outDir', outDir);
}
