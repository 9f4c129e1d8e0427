import { SimViolation } from '../hooks.ts';

/** What must never be seen in a simulated cluster, by the code it has in the simulator's table. */
const titles = {
  S1: 'election-safety',
  S2: 'vote-uniqueness',
  S3: 'vote-durability',
  S4: 'append-durability',
  S5: 'leader-append-only',
  S6: 'log-matching',
  S7: 'entry-uniqueness',
  S8: 'leader-completeness',
  S9: 'state-machine-safety',
  S10: 'commit-on-quorum',
  S11: 'commit-and-apply-order',
  S12: 'commit-rule',
  S13: 'truncation',
  S14: 'term-order',
  S15: 'match-index',
  S16: 'electorates-and-changes',
  S17: 'membership-in-force',
  S18: 'only-voters-count',
  S19: 'snapshots',
  S20: 'pre-vote',
  S21: 'reads',
  S22: 'honest-answers',
  S23: 'exactly-once',
  S24: 'bounds',
  S25: 'failed-disk',
  S26: 'own-assertions',
  E1: 'liveness-when-healed',
  E2: 'agreement',
  E3: 'linearizability',
  E4: 'exactly-once-totals',
  E5: 'durability',
  E7: 'replay',
  E8: 'stable-terms',
  E9: 'nothing-left-behind',
} as const;

export type Code = keyof typeof titles;

/** @throws {SimViolation} unless `condition` holds. */
export function demand(condition: boolean, code: Code, message: () => string): asserts condition {
  if (!condition) throw violation(code, message());
}

export function violation(code: Code, message: string, options?: ErrorOptions): SimViolation {
  return new SimViolation(code, titles[code], message, options);
}
