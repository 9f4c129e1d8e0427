import { shrinkChoices } from '../shrink/shrink-choices.ts';
import type { Choice } from './choices.ts';
import { ReplayedChoices } from './choices.ts';
import { type Company, runSeed } from './run.ts';
import { record } from './run-file.ts';
import type { RunFile } from './trace.ts';
import { describe } from './world.ts';

export interface ShrunkRun {
  readonly file: RunFile;
  readonly runCount: number;
}

/** How much the search for a smaller run may cost. */
const limits = { runs: 2000, ms: 60_000 };

/** Looks for fewer choices that fail in the same way, and runs them once more for the record. */
export async function shrinkRun(file: RunFile, company: Company): Promise<ShrunkRun> {
  const { seed } = file;
  const run = async (
    given: readonly Choice[],
  ): Promise<{ code: string; choices: readonly Choice[] } | undefined> => {
    const choices = new ReplayedChoices(given);
    const { failure } = await runSeed(seed, { company, choices });
    if (failure === undefined) return undefined;
    return { code: describe(failure.error).code, choices: choices.made };
  };
  const shrunk = await shrinkChoices(file.choices, run, { limits });
  const { file: small } = await record(seed, { company, replay: shrunk.choices });
  return { file: small, runCount: shrunk.runCount };
}
