import { failureCases } from './log-store/failure-cases.ts';
import { lifeCases } from './log-store/life-cases.ts';
import { logEndsCases } from './log-store/log-ends-cases.ts';
import type { LogStoreSuiteOptions } from './log-store/options.ts';
import { powerCutCases } from './log-store/power-cut-case.ts';
import { readCases } from './log-store/read-cases.ts';
import { recordCases, survivalCases } from './log-store/record-cases.ts';
import { writeCases } from './log-store/write-cases.ts';

/** Registers a test for each promise that a log store makes. */
export function logStoreSuite(options: LogStoreSuiteOptions): void {
  recordCases(options);
  survivalCases(options);
  readCases(options);
  logEndsCases(options);
  lifeCases(options);
  failureCases(options);
  writeCases(options);
  powerCutCases(options);
}
