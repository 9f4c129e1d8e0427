import { HistoryRecorder, type KeyValueInput, type KeyValueOutput } from 'quorate/testing';
import type { LeaseId, Revision } from '../../src/types.ts';
import type { Append, Increment, Outcome } from '../checks/exactly-once.ts';
import type { LeaseEvent } from '../checks/leases.ts';
import type { ListTransaction } from '../checks/list-append/history.ts';
import type { Acknowledged, WatchRecord } from '../checks/watches.ts';
import type { SeenRead } from './past-states.ts';
import { KvViolation } from './violation.ts';

/** A record that is filled in when the call ends. */
export type Open<Record> = { -readonly [Name in keyof Record]: Record[Name] };

/** What a lease that a client keeps alive promises. */
export interface KeptLease {
  readonly key: string;
  readonly id: LeaseId;
  /** How long the client may count on it, in milliseconds of its own clock. */
  readonly sureMs: () => number;
  isRevoked: boolean;
}

/** What clients did and saw. One clock counts for all of them. */
export class Records {
  readonly registers = new HistoryRecorder<KeyValueInput, KeyValueOutput>();
  readonly transactions: ListTransaction[] = [];
  readonly acknowledged: Acknowledged[] = [];
  readonly reads: SeenRead[] = [];
  readonly watches: WatchRecord[] = [];
  readonly leaseEvents: LeaseEvent[] = [];
  /** By name of the counter. */
  readonly increments = new Map<string, Open<Increment>[]>();
  /** By the key that each lease has. */
  readonly keptLeases = new Map<string, KeptLease>();
  /** The newest revision that any client was told. */
  heard: Revision = 1;
  #clock = 0;
  #element = 0;

  /** The next moment. */
  tick(): number {
    this.#clock += 1;
    return this.#clock;
  }

  nextElement(): number {
    this.#element += 1;
    return this.#element;
  }

  /**
   * A client is told this revision by a call that it made when `heard` was the newest one.
   *
   * @throws {KvViolation} if the call shows an older state than one that was shown before it.
   */
  hear(who: string, revision: Revision, { atLeast }: { readonly atLeast: Revision }): void {
    if (revision < atLeast) {
      const text = `${who} was told revision ${revision}; one of ${atLeast} was known before.`;
      throw new KvViolation('stale', text);
    }
    this.heard = Math.max(this.heard, revision);
  }

  appendsTo(list: string): readonly Append[] {
    return this.transactions.flatMap(({ client, operations, returnedAt, failed }) => {
      const outcome: Outcome =
        failed === true ? 'refused' : returnedAt === undefined ? 'unknown' : 'done';
      return operations.flatMap((operation) =>
        operation.type === 'append' && operation.key === list
          ? [{ client, element: operation.element, outcome }]
          : [],
      );
    });
  }
}
