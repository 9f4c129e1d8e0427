/*
 * The data model: keys and values are bytes, the whole store has a revision that every change
 * increases by one, and old revisions can be read until they are compacted. As in etcd v3.
 */

import type { DiskStatus, KvAlert, LoadStatus, MemberStatus } from './cluster-types.ts';
import type { KvErrorCode } from './errors.ts';

export type * from './cluster-types.ts';

/** A revision of the whole store. The empty store has revision 1; the first change makes it 2. */
export type Revision = number;

/** Names a lease. 0 is none. */
export type LeaseId = number;

/** A pair as it was at some revision. The bytes must not be changed. */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The revision that created the key, after it was last deleted. */
  readonly createRevision: Revision;
  /** The revision of its last change. */
  readonly modRevision: Revision;
  /** How often it was put since it was created: 1 for a new key. */
  readonly version: number;
  /** The lease that it is attached to, or 0. */
  readonly lease: LeaseId;
}

/**
 * One key, or all keys from `key` on and before `end`. With `end` of a single zero byte, all from
 * `key` on; `key` of a single zero byte with that `end` is every key.
 */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly end?: Uint8Array;
}

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';
export type SortOrder = 'ascend' | 'descend';

export interface RangeRequest extends KeyRange {
  /** At most so many pairs; 0 or none: no bound. */
  readonly limit?: number;
  /** As of this revision; 0 or none: the newest. */
  readonly revision?: Revision;
  /** Default: ascending by key. */
  readonly sort?: { readonly target: SortTarget; readonly order: SortOrder };
  /** Pairs come without their values. */
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly minModRevision?: Revision;
  readonly maxModRevision?: Revision;
  readonly minCreateRevision?: Revision;
  readonly maxCreateRevision?: Revision;
}

export interface RangeResponse {
  /** The newest revision of the store when this was read. */
  readonly revision: Revision;
  readonly kvs: readonly KeyValue[];
  /** There are more than `limit`. */
  readonly more: boolean;
  /** Pairs in the range, whatever the limit and the bounds of revisions say. */
  readonly count: number;
}

export interface PutRequest {
  readonly key: Uint8Array;
  /** Must be empty with `ignoreValue`. */
  readonly value: Uint8Array;
  /** 0 or none: attached to none from now on. Must not be there with `ignoreLease`. */
  readonly lease?: LeaseId;
  /** Answer with the pair as it was before. */
  readonly previous?: boolean;
  /** Keep the value that is there; refused if there is none. */
  readonly ignoreValue?: boolean;
  /** Keep the lease that is there; refused if there is no such key. */
  readonly ignoreLease?: boolean;
}

export interface PutResponse {
  /** The one that this made. */
  readonly revision: Revision;
  readonly previous?: KeyValue;
}

export interface DeleteRequest extends KeyRange {
  /** Answer with the pairs as they were. */
  readonly previous?: boolean;
}

export interface DeleteResponse {
  /** The one that this made, or the newest if nothing was deleted. */
  readonly revision: Revision;
  readonly deleted: number;
  readonly previous: readonly KeyValue[];
}

export type CompareResult = 'equal' | 'notEqual' | 'greater' | 'less';

/** Holds if it does for each key of the range; a range without keys fails, except as etcd does. */
export type Compare = KeyRange & {
  readonly result: CompareResult;
} & (
    | { readonly target: 'value'; readonly value: Uint8Array }
    | { readonly target: 'version' | 'create' | 'mod' | 'lease'; readonly number: number }
  );

export type TxnOperation =
  | ({ readonly type: 'put' } & PutRequest)
  | ({ readonly type: 'delete' } & DeleteRequest)
  | ({ readonly type: 'range' } & RangeRequest)
  | ({ readonly type: 'txn' } & TxnRequest);

/** All or nothing, at one revision: `then` if every comparison holds, otherwise `else`. */
export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly then: readonly TxnOperation[];
  readonly else: readonly TxnOperation[];
}

export type TxnResult =
  | ({ readonly type: 'put' } & PutResponse)
  | ({ readonly type: 'delete' } & DeleteResponse)
  | ({ readonly type: 'range' } & RangeResponse)
  | ({ readonly type: 'txn' } & TxnResponse);

export interface TxnResponse {
  readonly revision: Revision;
  readonly succeeded: boolean;
  readonly results: readonly TxnResult[];
}

export interface CompactRequest {
  /** What happened before it is forgotten; the store as of this revision can still be read. */
  readonly revision: Revision;
}

export interface CompactResponse {
  readonly revision: Revision;
}

export interface LeaseGrantRequest {
  /** 0 or none: the store chooses. */
  readonly id?: LeaseId;
  /** Whole seconds, from 1 on. */
  readonly ttl: number;
}

export interface LeaseGrantResponse {
  readonly revision: Revision;
  readonly id: LeaseId;
  readonly ttl: number;
}

export interface LeaseRevokeRequest {
  readonly id: LeaseId;
}

export interface LeaseRevokeResponse {
  readonly revision: Revision;
  /** Keys that were deleted with it. */
  readonly deleted: number;
}

/** What goes through the log. Each is a change of its own, with a revision of its own. */
export type Operation =
  | ({ readonly type: 'put' } & PutRequest)
  | ({ readonly type: 'delete' } & DeleteRequest)
  | ({ readonly type: 'txn' } & TxnRequest)
  | ({ readonly type: 'compact' } & CompactRequest)
  | ({ readonly type: 'leaseGrant' } & LeaseGrantRequest)
  | ({ readonly type: 'leaseRevoke' } & LeaseRevokeRequest & {
        /** Only if it is the lease that the entry with this index of the log has granted. */
        readonly grantedAt?: number;
      })
  /** Nothing changes; members remember the hash of their state as it is here. */
  | { readonly type: 'mark' };

/** What an operation was answered: `error` has a code of the table in `errors.ts`. */
export type Result =
  | ({ readonly type: 'put' } & PutResponse)
  | ({ readonly type: 'delete' } & DeleteResponse)
  | ({ readonly type: 'txn' } & TxnResponse)
  | ({ readonly type: 'compact' } & CompactResponse)
  | ({ readonly type: 'leaseGrant' } & LeaseGrantResponse)
  | ({ readonly type: 'leaseRevoke' } & LeaseRevokeResponse)
  | { readonly type: 'mark'; readonly revision: Revision }
  | { readonly type: 'error'; readonly code: KvErrorCode; readonly message: string };

export interface LeaseTimeToLive {
  readonly id: LeaseId;
  /** Seconds that are left, with fractions, by the leader's clock; 0 if it has expired. */
  readonly remaining: number;
  readonly ttl: number;
  readonly keys: readonly Uint8Array[];
}

export type EventType = 'put' | 'delete';

/** A change of one key. Changes of one transaction have the same revision. */
export interface KvEvent {
  readonly type: EventType;
  /** Of a delete: the key, its revision, and nothing else that counts. */
  readonly kv: KeyValue;
  /** As it was before, if it was asked for and is not compacted. */
  readonly previous?: KeyValue;
}

export interface WatchRequest extends KeyRange {
  /** From this revision on; 0 or none: from the next one on. */
  readonly from?: Revision;
  readonly previous?: boolean;
  /** Leave these out. */
  readonly without?: EventType;
  /** Also say now and then how far it has come when there is nothing to tell. */
  readonly progress?: boolean;
}

/** All events of some revisions, whole ones, in order. */
export interface WatchBatch {
  /** Everything up to this one was told. */
  readonly revision: Revision;
  /** Empty: a mark of progress. */
  readonly events: readonly KvEvent[];
}

/** How a member sees itself and its cluster. */
export interface KvStatus {
  readonly cluster: string | undefined;
  readonly member: string;
  readonly version: string;
  /** Where its pairs are, `memory` or `rocksdb`; a member of an older version does not say. */
  readonly store?: string;
  readonly role: string;
  readonly leader: string | undefined;
  readonly term: number;
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  readonly keys: number;
  readonly leases: number;
  readonly watchers: number;
  readonly lastLogIndex: number;
  readonly committed: number;
  readonly applied: number;
  readonly members: readonly MemberStatus[];
  /** `false` once it has taken itself out of service: its state or its disk cannot be trusted. */
  readonly isServing: boolean;
  /** What is wrong with this member, for people; empty while all is well. */
  readonly problems: readonly string[];
  /**
   * What somebody should know or do about this member, and what it was told of the others; also
   * what is no problem of this one. A member of an older version tells of none.
   */
  readonly alerts: readonly KvAlert[];
  /** Its disk, once it was looked at; absent where there is none. */
  readonly disk?: DiskStatus;
  /** What it has had to do since it was started; a member of an older version does not say. */
  readonly load?: LoadStatus;
}
