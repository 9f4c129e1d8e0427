import type { Oracle, SimWorld, Workload } from '../hooks.ts';
import { EndOracle } from '../oracle/end-oracle.ts';
import { SimOracle } from '../oracle/sim-oracle.ts';
import { ClientWorkload } from './workload.ts';

/** Those who work in one world and those who look on; they know one another. */
export interface Checks {
  readonly oracle: SimOracle;
  readonly workload: ClientWorkload;
  readonly end: EndOracle;
}

const checks = new WeakMap<SimWorld, Checks>();

/** The checks of a world, made when they are first asked for. */
export function checksOf(world: SimWorld): Checks {
  const known = checks.get(world);
  if (known !== undefined) return known;
  const oracle = new SimOracle(world);
  const workload = new ClientWorkload(world, oracle);
  const made = { oracle, workload, end: new EndOracle(world, oracle, workload) };
  checks.set(world, made);
  return made;
}

/** What every run is to have: clients, and all that is checked. */
export const simCompany = {
  workload: (world: SimWorld): Workload => checksOf(world).workload,
  oracles: (world: SimWorld): readonly Oracle[] => {
    const { oracle, end } = checksOf(world);
    return [oracle, end];
  },
};
