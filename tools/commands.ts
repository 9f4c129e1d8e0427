// The commands that the house is made of, used by check, fix and build.

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
