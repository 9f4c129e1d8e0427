import { contentCases } from './network/content-cases.ts';
import { onceCases } from './network/once-cases.ts';
import type { NetworkSuiteOptions } from './network/options.ts';
import { refusalCases } from './network/refusal-cases.ts';
import { snapshotCases } from './network/snapshot-cases.ts';
import { strangeTargetCases } from './network/strange-target-cases.ts';

/** Registers a test for each promise that a network makes. */
export function networkSuite(options: NetworkSuiteOptions): void {
  contentCases(options);
  refusalCases(options);
  onceCases(options);
  snapshotCases(options);
  strangeTargetCases(options);
}
