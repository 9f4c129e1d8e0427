import type { KvErrorCode } from '../../src/errors.ts';
import type { EventType, Operation, RangeRequest } from '../../src/types.ts';

/*
 * One shape for what both stores answer: keys and values as text, revisions and leases as if the
 * store had begun with this sequence of requests.
 */

/** One request to both of them. */
export type Step =
  | Exclude<Operation, { type: 'mark' }>
  | ({ readonly type: 'range' } & RangeRequest)
  /** Which keys are attached to a lease. */
  | { readonly type: 'leaseKeys'; readonly id: number }
  /** Everything from this revision on, with the pairs before. */
  | { readonly type: 'events'; readonly from: number };

export interface Pair {
  readonly key: string;
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
  readonly lease: number;
}

export interface Happened {
  readonly type: EventType;
  readonly key: string;
  readonly mod: number;
  /** Of a put. */
  readonly pair?: Pair;
  readonly previous?: Pair | undefined;
}

export type Answer =
  | { readonly type: 'error'; readonly code: KvErrorCode }
  | {
      readonly type: 'range';
      readonly revision: number;
      readonly pairs: readonly Pair[];
      readonly more: boolean;
      readonly count: number;
    }
  | { readonly type: 'put'; readonly revision: number; readonly previous: Pair | undefined }
  | {
      readonly type: 'delete';
      readonly revision: number;
      readonly deleted: number;
      readonly previous: readonly Pair[];
    }
  | {
      readonly type: 'txn';
      /** Of the outermost one. */
      readonly revision: number | undefined;
      readonly succeeded: boolean;
      readonly results: readonly Answer[];
    }
  | { readonly type: 'compact' | 'leaseRevoke'; readonly revision: number }
  | {
      readonly type: 'leaseGrant';
      readonly revision: number;
      readonly id: number;
      readonly ttl: number;
    }
  | { readonly type: 'leaseKeys'; readonly keys: readonly string[] }
  | { readonly type: 'events'; readonly events: readonly Happened[] };

export interface Subject {
  answer(step: Step): Promise<Answer>;
}
