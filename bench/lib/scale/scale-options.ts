import type { RaftConfig } from 'quorate';
import type { WireName } from '../wire.ts';

export interface ScaleOptions {
  readonly folder: string;
  readonly wire: WireName;
  readonly rounds: number;
  readonly seconds: number;
  /** How far the log grows. */
  readonly entries: number;
  /** How many writes are timed at each of its lengths. */
  readonly measured: number;
  /** How many entries a follower misses. */
  readonly missed: number;
  readonly members: readonly number[];
}

/** Where nothing else is said. */
export const writers = 64;
/** To fill a log as fast as it goes. */
export const largestWriters = 1024;

export const snapshotsOnDemand: Partial<RaftConfig> = {
  snapshotAfterBytes: Number.MAX_SAFE_INTEGER,
};
