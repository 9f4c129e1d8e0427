import { type Oracle, SimViolation } from './hooks.ts';
import type { Company } from './run.ts';

/**
 * The same company, and one more who takes the tenth write of a log for a violation: for the
 * tests of how a failure is told.
 */
export function withPlanted(company: Company): Company {
  return {
    ...company,
    oracles: (world) => [...company.oracles(world), plantedOracle()],
  };
}

function plantedOracle(): Oracle {
  let stored = 0;
  return {
    after: ({ type }) => {
      if (type === 'stored') stored += 1;
      if (stored >= 10) throw new SimViolation('S0', 'planted', 'This was put in for a test.');
    },
    atEnd: () => {},
  };
}
