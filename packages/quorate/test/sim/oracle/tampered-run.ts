import { type Choices, SeededChoices } from '../choices.ts';
import { checksOf } from '../clients/company.ts';
import type { Happening, Oracle, SimWorld } from '../hooks.ts';
import { type RunResult, runSeed } from '../run.ts';

/** What the oracle is told instead; nothing if it is told nothing. */
export type Tamper = (happening: Happening, world: SimWorld) => Happening | undefined;

/** The knobs of a run in which nothing goes wrong; clients and delays are drawn. */
export function calmChoices(seed: string): Choices {
  const drawn = new SeededChoices(seed);
  return {
    choose: (label, count) => (label.startsWith('knobs.') ? 0 : drawn.choose(label, count)),
  };
}

/**
 * A real run whose oracle is lied to: what it is told differs in one thing from what happened, as
 * it would if the library had done that.
 */
export async function runTampered(
  tamper: Tamper,
  options: { seed?: string } = {},
): Promise<RunResult> {
  const { seed = 'tampered' } = options;
  const company = {
    workload: (world: SimWorld) => checksOf(world).workload,
    oracles: (world: SimWorld): readonly Oracle[] => {
      const { oracle, end } = checksOf(world);
      const lied: Oracle = {
        after: (happening) => {
          const told = tamper(happening, world);
          if (told !== undefined) oracle.after(told);
        },
        settled: () => oracle.settled(),
        atEnd: () => oracle.atEnd(),
      };
      return [lied, end];
    },
  };
  return runSeed(seed, { company, choices: calmChoices(seed) });
}

/** Lies once, when `test` holds for a happening of this type for the `after`-th time. */
export function once<Type extends Happening['type']>(
  type: Type,
  change: (happening: Extract<Happening, { type: Type }>) => Happening | undefined,
  options: {
    readonly after?: number;
    readonly test?: (happening: Extract<Happening, { type: Type }>) => boolean;
  } = {},
): Tamper {
  const { after = 0, test = () => true } = options;
  let seen = 0;
  return (happening) => {
    if (happening.type !== type) return happening;
    const one = happening as Extract<Happening, { type: Type }>;
    if (!test(one)) return happening;
    seen += 1;
    return seen === after + 1 ? change(one) : happening;
  };
}
