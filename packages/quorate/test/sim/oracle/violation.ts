import { safetyTitles } from '../../walker/violation.ts';
import { SimViolation } from '../hooks.ts';

/** What must never be seen in a simulated cluster, by the code it has in the simulator's table. */
const titles = {
  ...safetyTitles,
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
