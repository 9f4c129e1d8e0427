import { checkLinearizable, keyValueModel } from 'quorate/testing';
import type { Findings } from '../../../quorate/test/chaos/findings.ts';
import { checkAppends, checkTotal } from '../checks/exactly-once.ts';
import { checkTransactions } from '../checks/transactions.ts';
import {
  type Change,
  changesTold,
  checkAcknowledged,
  checkChanges,
  checkWatch,
  type WatchRecord,
} from '../checks/watches.ts';
import type { Journal } from './journal.ts';

/** A generation of registers has a few hundred operations, which take some thousands. */
const maxSteps = 5_000_000;
/** Of one check the first few faults say it all. */
const mostOfACheck = 3;

/** What is there when all is over. */
export interface FinalState {
  /** Elements of each list. */
  readonly lists: ReadonlyMap<string, readonly number[]>;
  /** Total of each counter. */
  readonly totals: ReadonlyMap<string, number>;
  /** What whoever watched everything was told. */
  readonly whole: WatchRecord;
}

/** Judges all that the clients did and saw. */
export async function judge(
  journal: Journal,
  { lists, totals, whole }: FinalState,
  findings: Findings,
): Promise<void> {
  const changes = changesTold(whole);
  const found = (code: string, faults: readonly string[]): void => {
    for (const text of faults.slice(0, mostOfACheck)) findings.add(code, text);
  };
  for (const [generation, { registers, transactions }] of journal.generations.entries()) {
    const verdict = checkLinearizable(registers.history, keyValueModel(), { maxSteps });
    const code = verdict.type === 'unknown' ? 'undecided' : verdict.type;
    if (verdict.type !== 'linearizable') found(code, [`Registers ${generation}: ${verdict.text}`]);
    found(
      'transactions',
      checkTransactions(transactions).map(({ name, text }) => `${name}: ${text}`),
    );
    for (const [list, elements] of lists) {
      if (!list.startsWith(`list-${generation}-`)) continue;
      const faults = checkAppends(journal.appendsTo(generation, list), elements);
      found(
        'appends',
        faults.map((fault) => `${list}: ${fault}`),
      );
    }
    // The links are served by this process, too, and whoever ends it is to be heard.
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const [name, total] of totals) {
    const faults = checkTotal(journal.increments.get(name) ?? [], total);
    found(
      'counters',
      faults.map((fault) => `${name}: ${fault}`),
    );
  }
  found('changes', checkChanges(changes));
  found('acknowledged', checkAcknowledged(journal.acknowledged, changes));
  for (const record of [whole, ...journal.watches]) {
    found(
      'watches',
      checkWatch(record, changesFor(record, changes)).map(({ rule, text }) => `${rule}: ${text}`),
    );
  }
}

/** Those that a watch can have been told: many watches see a small part of a long history. */
function changesFor(
  { from, batches, until = 0 }: WatchRecord,
  changes: readonly Change[],
): readonly Change[] {
  const last = Math.max(until, ...batches.map(({ revision }) => revision));
  return changes.filter(({ revision }) => revision >= from && revision <= last);
}
