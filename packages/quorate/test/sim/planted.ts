import { simCompany } from './clients/company.ts';
import { type Oracle, SimViolation, type SimWorld } from './hooks.ts';
import type { Company } from './run.ts';

/** Something to find, for the tests of how it is told. */
export type Plant = 'violation' | 'nondeterminism';

export const plants: readonly Plant[] = ['violation', 'nondeterminism'];

/** Those of every run, and what was planted. */
export function companyWith(plant: Plant | undefined): Company {
  if (plant === undefined) return simCompany;
  const makeOracle = plant === 'violation' ? violatedOracle : chanceOracle;
  return {
    ...simCompany,
    oracles: (world) => [...simCompany.oracles(world), makeOracle(world)],
  };
}

/** What has the command plant the same, each with a space before it. */
export function plantOptions(planted: {
  readonly plant: Plant | undefined;
  readonly plantedBug: string | undefined;
}): string {
  const { plant, plantedBug } = planted;
  const bug = plantedBug === undefined ? '' : ` --bug ${plantedBug}`;
  return plant === undefined ? bug : `${bug} --plant ${plant}`;
}

/** Takes the tenth write of a log for a violation. */
function violatedOracle(): Oracle {
  let stored = 0;
  return {
    after: ({ type }) => {
      if (type === 'stored') stored += 1;
      if (stored >= 10) throw new SimViolation('S0', 'planted', 'This was put in for a test.');
    },
    atEnd: () => {},
  };
}

/** Has a node read at a time that no seed decides: the mistake that repeating is to find. */
function chanceOracle(world: SimWorld): Oracle {
  // While a run is made, the real world is not shut off yet.
  const ms = 100 + 1000 * Math.random();
  world.setTimer(() => void world.call('a', (raft) => raft.readBarrier()), ms);
  return { after: () => {}, atEnd: () => {} };
}
