import type {
  Entry,
  Identity,
  LogId,
  LogIndex,
  Membership,
  SnapshotMeta,
  Vote,
} from '../core/types.ts';

/** Something on a disk that is not as it was written. */
export interface StorageFault {
  readonly type: 'fault';
  readonly file: string;
  /** Where in the file it begins. */
  readonly offset: number;
  readonly wanted: string;
  readonly found: string;
  /** The entries that are lost by it; without `to`, all from there on. Absent when none are. */
  readonly lost?: { readonly from: LogIndex; readonly to?: LogIndex };
  /** Whether a node refuses to start on this disk; `false` for bytes that nobody reads. */
  readonly isFatal: boolean;
}

/** One record of the log, as it was found. */
export type LogRecord =
  | { readonly type: 'entries'; readonly entries: readonly Entry[] }
  /** The entries after this one were taken back. */
  | { readonly type: 'truncate'; readonly to: LogId }
  | { readonly type: 'purge'; readonly to: LogId }
  | { readonly type: 'vote'; readonly vote: Vote }
  | { readonly type: 'identity'; readonly identity: Identity }
  /** What was before, repeated at the beginning of a file. */
  | {
      readonly type: 'state';
      readonly identity: Identity | undefined;
      readonly vote: Vote | undefined;
      readonly purged: LogId;
      readonly last: LogId;
    };

/** What an inspection of a disk comes upon, in the order of the log and then of the snapshots. */
export type StorageFinding =
  /** First of all. */
  | {
      readonly type: 'begin';
      /** Of all files that will be read. */
      readonly bytes: number;
      /** `false` where locks cannot be had; then nobody can say whether a node writes here. */
      readonly isLocked: boolean;
    }
  | { readonly type: 'segment'; readonly file: string; readonly bytes: number }
  /** One write. Its entries hold on to the memory of their file. */
  | {
      readonly type: 'batch';
      readonly file: string;
      readonly offset: number;
      readonly bytes: number;
      readonly number: number;
      readonly records: readonly LogRecord[];
    }
  /** So much more was read. */
  | { readonly type: 'progress'; readonly bytes: number }
  /** What a power cut left of the last write, which nobody was told of. A start cleans it up. */
  | { readonly type: 'torn'; readonly file: string; readonly offset: number }
  /** A whole snapshot, each block of which was right. */
  | {
      readonly type: 'snapshot';
      readonly file: string;
      readonly bytes: number;
      readonly meta: SnapshotMeta;
    }
  /** Something half written that counts for nothing. */
  | { readonly type: 'leftover'; readonly file: string }
  | StorageFault
  /** Last of all. */
  | StorageSummary;

/** What a disk has, as far as it could be read. */
export interface StorageSummary {
  readonly type: 'end';
  readonly identity: Identity | undefined;
  readonly vote: Vote | undefined;
  readonly purged: LogId;
  readonly last: LogId;
  /** The last entry that the newest snapshot covers. */
  readonly snapshot: LogId | undefined;
  /** The newest one that is there. */
  readonly membership: Membership | undefined;
  readonly faults: number;
}
