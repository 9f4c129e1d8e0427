import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { projectRoot, withTemporaryFolder } from './project.ts';
import { runProgram } from './run-program.ts';
import { type Counts, countReport, noCounts, type VitestReport } from './test-counts.ts';

export interface VitestRun {
  /** Of vitest.config.ts. */
  readonly project: string;
  /** Parts of paths; none: all. */
  readonly filters: readonly string[];
  /** Options for vitest itself. */
  readonly options?: readonly string[];
  readonly timeoutMs: number;
}

/**
 * Runs tests of one project and counts them from the JSON report. Whatever ends vitest without a
 * failed test in the report, such as a crash, counts as one failure.
 */
export function runVitest({
  project,
  filters,
  options: more = [],
  timeoutMs,
}: VitestRun): Promise<Counts> {
  return withTemporaryFolder('vitest', async (folder) => {
    const reportFile = path.join(folder, 'report.json');
    const vitest = path.join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs');
    const options = [
      'run',
      `--project=${project}`,
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      ...more,
    ];
    const outcome = await runProgram(process.execPath, [vitest, ...options, ...filters], {
      cwd: projectRoot,
      timeoutMs,
    });
    const counts = await readCounts(reportFile);
    if (outcome.timedOut) {
      console.log(`✗ The ${project} tests were ended after ${timeoutMs / 1_000} s.`);
      return { ...counts, failed: counts.failed + 1 };
    }
    if (outcome.exitCode === 0 || counts.failed > 0) return counts;
    const how = outcome.signal ?? `exit code ${outcome.exitCode}`;
    console.log(`✗ vitest ended with ${how} and no failed test in the ${project} tests.`);
    return { ...counts, failed: 1 };
  });
}

async function readCounts(reportFile: string): Promise<Counts> {
  let text: string;
  try {
    text = await readFile(reportFile, 'utf8');
  } catch {
    // No report: vitest crashed, which the exit code tells, or no file matched the filter.
    return noCounts;
  }
  return countReport(JSON.parse(text) as VitestReport);
}
