// Runs every test of the project. The last line of the output is `N passed, N failed`, with
// `, N skipped` when there are any; the exit code is 0 only if something ran and nothing failed.
//
//   npm test                   everything
//   npm test -- election       what has "election" in its path
//   npm run test:full          everything at full size (QUORATE_TEST_FULL=1 in the environment)

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { prepareNativeLibraries } from './native-libraries.ts';
import { projectRoot } from './project.ts';
import { endProgramsOnSignal, runProgram } from './run-program.ts';
import { addCounts, type Counts, noCounts, summaryLine } from './test-counts.ts';
import { runVitest } from './test-vitest.ts';

/** One part of the tests. Parts run one after the other and cannot outlast their bound. */
type Part = {
  readonly name: string;
  readonly timeoutMs: number;
  run(part: Part, filters: readonly string[]): Promise<Counts>;
};

const minuteMs = 60_000;
const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const scale = isFull ? 10 : 1;

/**
 * Folders, and files, of process tests that mostly start programs one after the other and wait for
 * what they print: two files at a time. The others put load on the machine or look at time, and run
 * alone.
 */
const pairedFolders = [
  'examples',
  'packages/kv/test/backup',
  'packages/kv/test/cli',
  'packages/kv/test/client',
  'packages/kv/test/etcd',
  'packages/kv/test/http',
  'packages/kv/test/member',
  'packages/kv/test/native',
  'packages/kv/test/recipes',
  'packages/kv/test/review',
  'packages/kv/test/serve',
  'packages/kv/test/sim',
  'packages/kv/test/store-rocks',
  'packages/quorate/test/command-line.process.test.ts',
  'packages/quorate/test/explore',
  'packages/quorate/test/mutants',
  'packages/quorate/test/network',
  'packages/quorate/test/scenarios',
  'packages/quorate/test/storage',
  'packages/quorate/test/testing',
  'packages/quorate/test/walker',
  'packages/rocksdb/test',
  'test',
];

const parts: readonly Part[] = [
  { name: 'vitest: unit', timeoutMs: 10 * scale * minuteMs, run: runUnitTests },
  { name: 'vitest: process, in pairs', timeoutMs: 8 * scale * minuteMs, run: runPairedTests },
  { name: 'vitest: process, alone', timeoutMs: 12 * scale * minuteMs, run: runOtherProcessTests },
  { name: 'examples/kv-memstore/test-cluster.sh', timeoutMs: 2 * minuteMs, run: runShellTest },
  { name: 'examples/kv-rocksdb/test-cluster.sh', timeoutMs: 2 * minuteMs, run: runShellTest },
];

function runUnitTests({ timeoutMs }: Part, filters: readonly string[]): Promise<Counts> {
  return runVitest({ project: 'unit', filters, timeoutMs });
}

/** With a filter there is little to run, and all of it runs as if it had to be alone. */
async function runPairedTests({ timeoutMs }: Part, filters: readonly string[]): Promise<Counts> {
  if (filters.length > 0) return noCounts;
  const files = processTests().filter(isPaired);
  return runVitest({ project: 'process', filters: files, options: ['--maxWorkers=2'], timeoutMs });
}

function runOtherProcessTests({ timeoutMs }: Part, filters: readonly string[]): Promise<Counts> {
  const files = filters.length > 0 ? filters : processTests().filter((file) => !isPaired(file));
  return runVitest({ project: 'process', filters: files, timeoutMs });
}

function isPaired(file: string): boolean {
  const place = path.relative(projectRoot, file);
  return pairedFolders.some((one) => place === one || place.startsWith(`${one}/`));
}

/** Every file of process tests, as vitest.config.ts knows them. */
function processTests(folder = projectRoot): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      const isOwn = !['node_modules', 'dist'].includes(entry.name) && !entry.name.startsWith('.');
      if (isOwn) files.push(...processTests(place));
    } else if (entry.name.endsWith('.process.test.ts')) files.push(place);
  }
  return files;
}

/** A script is one test: its exit code tells, and its output is shown as it comes. */
async function runShellTest(part: Part, filters: readonly string[]): Promise<Counts> {
  if (filters.length > 0 && !filters.some((filter) => part.name.includes(filter))) return noCounts;
  if (!existsSync(path.join(projectRoot, part.name))) {
    console.log(`✗ ${part.name} does not exist.`);
    return { ...noCounts, failed: 1 };
  }
  console.log(`\n> ${part.name}`);
  const { exitCode, signal, timedOut, seconds } = await runProgram('bash', [part.name], {
    cwd: projectRoot,
    timeoutMs: part.timeoutMs,
  });
  if (exitCode === 0 && !timedOut) {
    console.log(`✓ ${part.name} (${seconds.toFixed(1)} s)`);
    return { ...noCounts, passed: 1 };
  }
  const how = timedOut
    ? `was ended after ${part.timeoutMs / 1_000} s`
    : `ended with ${signal ?? `exit code ${exitCode}`}`;
  console.log(`✗ ${part.name} ${how}`);
  return { ...noCounts, failed: 1 };
}

endProgramsOnSignal();
await prepareNativeLibraries();
let counts = noCounts;
for (const part of parts) {
  counts = addCounts(counts, await part.run(part, process.argv.slice(2)));
}
if (counts.passed + counts.failed === 0) {
  console.log('✗ No test ran. Does the filter name a part of a path?');
  counts = { ...counts, failed: 1 };
}
console.log(`\n${summaryLine(counts)}`);
process.exitCode = counts.failed === 0 ? 0 : 1;
