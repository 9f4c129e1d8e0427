import process from 'node:process';

import { projectRoot } from './project.ts';
import { type Outcome, runProgram } from './run-program.ts';

const loadTimeoutMs = 30_000;
const installTimeoutMs = 5 * 60_000;

/**
 * Sees to it that RocksDB can be loaded, whose build wants a system library that small images of
 * Debian lack. Where this process may, it is installed; elsewhere the tests that need it say what
 * is missing.
 */
export async function prepareNativeLibraries(): Promise<void> {
  const { exitCode, output } = await loadRocks();
  const isMissing = exitCode !== 0 && output.includes('libatomic.so');
  if (!isMissing || process.platform !== 'linux' || process.getuid?.() !== 0) return;
  console.log('Installing libatomic1, which RocksDB needs on this system.');
  await aptGet('update', '-qq');
  const { exitCode: failed, output: why } = await aptGet(
    'install',
    '-y',
    '-qq',
    '--no-install-recommends',
    'libatomic1',
  );
  if (failed !== 0) console.log(`libatomic1 could not be installed:\n${why}`);
}

function loadRocks(): Promise<Outcome> {
  return run(process.execPath, ['--eval', 'require("rocksdb-native")'], loadTimeoutMs);
}

function aptGet(...args: readonly string[]): Promise<Outcome> {
  return run('apt-get', args, installTimeoutMs);
}

function run(file: string, args: readonly string[], timeoutMs: number): Promise<Outcome> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return runProgram(file, args, { cwd: projectRoot, timeoutMs, capture: true, env });
}
