import { mutants } from '../walker/mutants.ts';
import { logBugs } from './bugs-log.ts';
import { serviceBugs } from './bugs-service.ts';
import { snapshotBugs } from './bugs-snapshot.ts';
import { wireBugs } from './bugs-wire.ts';
import { familiesOfCoreBugs } from './core-families.ts';
import type { Tier } from './hunt.ts';
import type { PlantedBug } from './planted-bug.ts';

/** The bugs that the walker hunts are all in the core. */
export const coreBugs: readonly PlantedBug[] = mutants.map(({ name, edits }) => ({
  name,
  families: familiesOfCoreBugs[name] ?? [],
  edits: edits.map((edit) => ({ ...edit, file: `core/${edit.file}` })),
}));

/** Those in what stands around it, which only whole nodes can show. */
export const runtimeBugs: readonly PlantedBug[] = [
  ...logBugs,
  ...snapshotBugs,
  ...serviceBugs,
  ...wireBugs,
];

export const bugs: readonly PlantedBug[] = [...coreBugs, ...runtimeBugs];

/** The cheapest tier that can see a bug. */
export function tierOf(bug: PlantedBug): Tier {
  return bug.edits.every(({ file }) => file.startsWith('core/')) ? 0 : 1;
}
