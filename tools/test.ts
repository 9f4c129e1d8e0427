// Runs every test of the project. The last line of the output is `N passed, N failed`, with
// `, N skipped` when there are any; the exit code is 0 only if something ran and nothing failed.
//
//   npm test                   everything
//   npm test -- election       what has "election" in its path
//   npm run test:full          everything at full size (QUORATE_TEST_FULL=1 in the environment)

import { existsSync } from 'node:fs';
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

const parts: readonly Part[] = [
  { name: 'vitest: unit', timeoutMs: 10 * scale * minuteMs, run: runVitestProject },
  { name: 'vitest: process', timeoutMs: 13 * scale * minuteMs, run: runVitestProject },
  { name: 'examples/kv-memstore/test-cluster.sh', timeoutMs: 2 * minuteMs, run: runShellTest },
  { name: 'examples/kv-rocksdb/test-cluster.sh', timeoutMs: 2 * minuteMs, run: runShellTest },
];

function runVitestProject(part: Part, filters: readonly string[]): Promise<Counts> {
  return runVitest(part.name.replace('vitest: ', ''), filters, part.timeoutMs);
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
