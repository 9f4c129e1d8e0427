import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { memoryStorage } from '../../src/storage/memory.ts';
import { logStoreSuite } from '../../src/testing/log-store-suite.ts';
import { recoverySuite } from '../../src/testing/recovery-suite.ts';
import { snapshotStoreSuite } from '../../src/testing/snapshot-store-suite.ts';
import type { TestFunction } from '../../src/testing/suite.ts';
import { CollectedCases } from './collected-cases.ts';

const wanted = new CollectedCases((collect) => {
  logStoreSuite({ test: collect, open: async () => memoryStorage().log });
  // The two kinds of store have cases of the same name.
  const ofSnapshots = prefixed(collect, 'snapshots: ');
  snapshotStoreSuite({ test: ofSnapshots, open: async () => memoryStorage().snapshots });
  recoverySuite({ test: collect, open: async () => memoryStorage() });
});

function prefixed(collect: TestFunction, prefix: string): TestFunction {
  const register: TestFunction = (name, body) => collect(prefix + name, body);
  const skip: TestFunction = (name, body) => collect.skip?.(prefix + name, body);
  return Object.assign(register, { skip });
}

/** Runs a program in a process of its own, and returns what it prints. */
async function run(...args: readonly string[]): Promise<string> {
  const flags = ['--conditions=quorate-source', ...args];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 50_000 });
  return stdout;
}

function pathOf(program: string): string {
  return fileURLToPath(new URL(program, import.meta.url));
}

test('the suites run under node:test', async () => {
  const output = await run('--test-reporter=tap', pathOf('runners/node-test.ts'));

  expect(output).toContain(`# pass ${wanted.names.length}\n`);
  expect(output).toContain(`# skipped ${wanted.skipped.length}\n`);
  expect(output).toContain('# fail 0\n');
});

test('the suites run under Mocha', async () => {
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');

  const output = await run(mocha, '--reporter=json', '--timeout=20000', pathOf('runners/mocha.ts'));

  const { stats } = JSON.parse(output) as { readonly stats: Readonly<Record<string, number>> };
  expect(stats).toMatchObject({
    passes: wanted.names.length,
    pending: wanted.skipped.length,
    failures: 0,
  });
});
