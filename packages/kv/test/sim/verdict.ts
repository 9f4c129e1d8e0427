import { checkLinearizable, keyValueModel } from 'quorate/testing';
import { byteString } from '../../src/bytes.ts';
import type { KvEvent, WatchBatch } from '../../src/types.ts';
import { checkAppends, checkTotal } from '../checks/exactly-once.ts';
import { checkLeases } from '../checks/leases.ts';
import { checkTransactions } from '../checks/transactions.ts';
import {
  checkAcknowledged,
  checkChanges,
  checkWatch,
  type WatchRecord,
} from '../checks/watches.ts';
import type { Chronicle } from './chronicle.ts';
import { checkReads } from './past-states.ts';
import type { Records } from './records.ts';
import { KvViolation } from './violation.ts';

/** Some hundred operations on a few keys take far less. */
const maxSteps = 2_000_000;
/** How late a lease ends is looked at when the run has come to rest: until then all may be slow. */
const leaseBounds = { graceMs: Infinity, callMs: Infinity };

/** What the cluster has at the end. */
export interface FinalState {
  /** Elements of each list. */
  readonly lists: ReadonlyMap<string, readonly number[]>;
  readonly totals: ReadonlyMap<string, number>;
}

/**
 * Judges all that clients did and saw.
 *
 * @throws {KvViolation} if anything is wrong.
 */
export function judge(records: Records, { changes, compacted }: Chronicle, end: FinalState): void {
  const verdict = checkLinearizable(records.registers.history, keyValueModel(), { maxSteps });
  if (verdict.type === 'not-linearizable') throw new KvViolation('linearizable', verdict.text);
  demand(
    'transactions',
    checkTransactions(records.transactions).map(({ name, text }) => `${name}: ${text}`),
  );
  demand('history', checkChanges(changes));
  demand('acknowledged', checkAcknowledged(records.acknowledged, changes));
  demand('read', checkReads(records.reads, changes));
  for (const [list, elements] of end.lists) {
    demand('appends', checkAppends(records.appendsTo(list), elements));
  }
  for (const [name, total] of end.totals) {
    demand('totals', checkTotal(records.increments.get(name) ?? [], total));
  }
  demand('lease', textsOf(checkLeases(records.leaseEvents, leaseBounds)));
  const previous = previousOf(changes.flatMap(({ events }) => events));
  for (const record of records.watches) {
    // One that never began has no right to anything.
    if (record.from === 0) continue;
    const { request, batches } = record;
    const told = batches.map((batch) => completed(batch, previous, compacted));
    const seen: WatchRecord = request.previous === true ? { ...record, batches: told } : record;
    demand('watch', textsOf(checkWatch(seen, changes)));
  }
}

function demand(check: string, faults: readonly string[]): void {
  const [first] = faults;
  if (first === undefined) return;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  throw new KvViolation(check, first + more);
}

function textsOf(
  violations: readonly { readonly rule: string; readonly text: string }[],
): readonly string[] {
  return violations.map(({ rule, text }) => `${rule}: ${text}`);
}

type Previous = ReadonlyMap<string, KvEvent['previous']>;

function previousOf(events: readonly KvEvent[]): Previous {
  return new Map(events.map((event) => [nameOf(event), event.previous]));
}

function nameOf({ kv }: KvEvent): string {
  return `${kv.modRevision} ${byteString(kv.key)}`;
}

/** A pair that was compacted need not be told as the one before. */
function completed(batch: WatchBatch, previous: Previous, compacted: number): WatchBatch {
  const events = batch.events.map((event): KvEvent => {
    const before = previous.get(nameOf(event));
    const mayLack = before !== undefined && before.modRevision <= compacted;
    return event.previous === undefined && mayLack ? { ...event, previous: before } : event;
  });
  return { ...batch, events };
}
