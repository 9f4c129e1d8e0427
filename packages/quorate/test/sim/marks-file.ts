import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { markNames } from '../../src/platform/sites.ts';

/** What a campaign meets, as it was when that was last accepted. */
export interface MarksFile {
  readonly version: 1;
  /** How many seeds were run for it. */
  readonly seeds: number;
  /** In how many of a thousand seeds each mark was met. */
  readonly perThousand: Readonly<Record<string, number>>;
}

/** What there is to know of a campaign. */
export interface Met {
  readonly seedCount: number;
  readonly seedsByMark: ReadonlyMap<string, number>;
}

export interface MarksVerdict {
  /** Marks that should have been met, with how often they were before. */
  readonly missed: readonly { readonly name: string; readonly perThousand: number }[];
  /** Rare branches of the library that were not met, and that nobody could count on. */
  readonly neverMet: readonly string[];
  /** Marks that were met and that the file does not have. */
  readonly unknown: readonly string[];
}

export const marksPath: string = path.join(import.meta.dirname, 'marks.json');

/** A smaller campaign shows nothing by what it did not meet. */
export const seedsForMarks = 1000;
/** A mark is missed if chance alone would not meet it in one campaign of so many. */
const byChance = 1e-6;

/** What a campaign should have met and has not. */
export function judgeMarks({ seedCount, seedsByMark }: Met, file: MarksFile): MarksVerdict {
  const notMet = (name: string): boolean => !seedsByMark.has(name);
  const missed =
    seedCount < seedsForMarks
      ? []
      : Object.entries(file.perThousand)
          .filter(([name]) => notMet(name) && missingByChance(file, name, seedCount) < byChance)
          .map(([name, perThousand]) => ({ name, perThousand }));
  const isMissed = new Set(missed.map(({ name }) => name));
  return {
    missed,
    neverMet: markNames.filter((name) => notMet(name) && !isMissed.has(name)),
    unknown: [...seedsByMark.keys()].filter((name) => file.perThousand[name] === undefined).sort(),
  };
}

/**
 * How probable it is that so many seeds do not meet a mark though nothing has changed. What was
 * measured may have been luck: the rate is taken for what is three standard deviations below it.
 */
export function missingByChance(file: MarksFile, name: string, seedCount: number): number {
  const met = ((file.perThousand[name] ?? 0) / 1000) * file.seeds;
  const surely = Math.max(0, met - 3 * Math.sqrt(met));
  return (1 - surely / file.seeds) ** seedCount;
}

/** The file that a campaign would make. */
export function marksFileOf({ seedCount, seedsByMark }: Met): MarksFile {
  const names = [...seedsByMark.keys()].sort();
  const rate = (name: string): number =>
    Number((((seedsByMark.get(name) ?? 0) / seedCount) * 1000).toFixed(2));
  return {
    version: 1,
    seeds: seedCount,
    perThousand: Object.fromEntries(names.map((name) => [name, rate(name)])),
  };
}

/** A line for each mark that was missed, as any other failure has one. */
export function missedLines({ missed }: MarksVerdict, met: Met, seed: string): readonly string[] {
  return missed.map(
    ({ name, perThousand }) =>
      `SIM FAIL coverage "${name}" was met in ${perThousand} of 1000 seeds before, and in none of ` +
      `${met.seedCount} now -> npm run sim -- --seeds ${met.seedCount} --seed ${seed}`,
  );
}

/** @throws RangeError that says what is wrong with the file. */
export async function readMarks(target: string = marksPath): Promise<MarksFile> {
  const hint = 'Run: npm run sim -- --seeds 3000 --accept-marks';
  let file: Partial<MarksFile>;
  try {
    file = JSON.parse(await readFile(target, 'utf8')) as Partial<MarksFile>;
  } catch (error) {
    const message = `${target} cannot be read as marks: ${(error as Error).message}. ${hint}`;
    throw new RangeError(message, { cause: error });
  }
  const { version, seeds, perThousand } = file;
  const isRight = version === 1 && Number.isSafeInteger(seeds) && (seeds ?? 0) > 0;
  const rates = typeof perThousand === 'object' ? Object.values(perThousand ?? {}) : [Number.NaN];
  if (!isRight || !rates.every((rate) => rate >= 0 && rate <= 1000)) {
    throw new RangeError(
      `${target} must be of version 1, with a number of seeds and rates from 0 to 1000. ${hint}`,
    );
  }
  return file as MarksFile;
}

/** @throws RangeError if the campaign was too small to say anything. */
export async function writeMarks(met: Met, target: string = marksPath): Promise<void> {
  if (met.seedCount < seedsForMarks) {
    throw new RangeError(
      `--accept-marks wants a campaign of ${seedsForMarks} seeds or more, not of ${met.seedCount}.`,
    );
  }
  await writeFile(target, `${JSON.stringify(marksFileOf(met), undefined, 2)}\n`);
}
