import { type CampaignResult, runCampaign } from './campaign.ts';
import { withCoreCopy } from './core-copy.ts';
import { type Mutant, mutants } from './mutants.ts';

/** Enough to see that copying and importing alone break nothing. */
const canarySteps = 200_000;

/**
 * Lets the walker hunt each planted bug, and the core as it is through the same copy, which must
 * survive. Returns `true` if all went as it should.
 */
export async function huntMutants(seed: string, steps: number): Promise<boolean> {
  let isRight = true;
  for (const mutant of [undefined, ...mutants]) {
    const limits = { steps: mutant === undefined ? Math.min(steps, canarySteps) : steps };
    const result = await withCoreCopy(mutant, (module) => runCampaign(module, seed, limits));
    const isExpected = isAsExpected(mutant, result);
    console.log(`${isExpected ? '✓' : '✗'} ${describe(mutant, result)}`);
    if (!isExpected) printSurprise(mutant, result);
    isRight &&= isExpected;
  }
  return isRight;
}

/** Any check may be the first to see a bug. An error that nobody foresaw is an edit gone wrong. */
function isAsExpected(mutant: Mutant | undefined, { failed }: CampaignResult): boolean {
  const code = failed?.violation?.code;
  return mutant === undefined ? code === undefined : code !== undefined && code !== 'crash';
}

function describe(mutant: Mutant | undefined, result: CampaignResult): string {
  const { walkCount, stepCount, failed } = result;
  const name = (mutant?.name ?? 'no mutant').padEnd(36);
  const code = failed?.violation?.code;
  const cost = `${walkCount} walks, ${stepCount} steps`;
  if (code === undefined) return `${name} survived ${cost}`;
  const usual =
    mutant === undefined || mutant.kills.includes(code)
      ? ''
      : `, where ${mutant.kills.join(' or ')} is usual`;
  return `${name} killed by ${code} in ${cost}${usual}`;
}

function printSurprise(mutant: Mutant | undefined, { failed }: CampaignResult): void {
  if (failed === undefined) {
    console.log('  The walker does not find this bug: bend its choices until it does.');
    return;
  }
  const planted = mutant === undefined ? '' : ` --mutant ${mutant.name}`;
  const { seed, stepCount, violation } = failed;
  console.log(`  ${violation?.message ?? ''}`);
  console.log(`  npm run walk -- --seed ${seed} --until ${stepCount}${planted} --trace`);
}
