import { diskCases } from './snapshot-store/disk-cases.ts';
import type { SnapshotStoreSuiteOptions } from './snapshot-store/options.ts';
import { lifeCases, readingCases } from './snapshot-store/reading-cases.ts';
import { snapshotReceiverCases } from './snapshot-store/receiver-cases.ts';
import { saveCases } from './snapshot-store/save-cases.ts';

/** Registers a test for each promise that a snapshot store makes. */
export function snapshotStoreSuite(options: SnapshotStoreSuiteOptions): void {
  saveCases(options);
  readingCases(options);
  snapshotReceiverCases(options);
  lifeCases(options);
  diskCases(options);
}
