/**
 * The one list of what must never be seen. Some of it only whole nodes can do wrong: S23 and S25.
 * What the walker looks at besides is S28 and S29. S27 is kept for watching: there is none.
 */
export const safetyTitles = {
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
  S28: 'transfer',
  S29: 'quarantine',
} as const;

/** By the code it has in the table of docs/walker.md. */
const titles = {
  ...safetyTitles,
  E1: 'liveness',
  crash: 'unexpected-error',
} as const;

export type Code = keyof typeof titles;

/** Something happened that must never happen. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly code: Code;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }

  get title(): string {
    return titles[this.code];
  }
}

export function demand(condition: boolean, code: Code, message: () => string): asserts condition {
  if (!condition) throw new Violation(code, message());
}

/** Gives every error a code: the core's own assertions one, and what nobody foresaw another. */
export function asViolation(error: unknown): Violation {
  if (error instanceof Violation) return error;
  if (!(error instanceof Error)) return new Violation('crash', String(error));
  const code = error.message.startsWith('Broken invariant') ? 'S26' : 'crash';
  const violation = new Violation(code, error.message);
  violation.cause = error;
  return violation;
}
