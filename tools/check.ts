// What must hold before every commit. Writes nothing into the tree; `npm run fix` may.

import { checkPackage } from './check-package.ts';
import { runInstalled } from './commands.ts';
import { endProgramsOnSignal, type Outcome } from './run-program.ts';

/** One thing that is checked. An empty list of complaints means that it holds. */
type Check = { readonly name: string; run(): Promise<readonly string[]> };

const checks: readonly Check[] = [
  { name: 'types', run: () => complaints(runInstalled('tsc', '--noEmit')) },
  { name: 'lint', run: () => complaints(runInstalled('oxlint', '--type-aware')) },
  { name: 'format', run: () => complaints(runInstalled('biome', 'check', '--colors=off')) },
  { name: 'tidy', run: () => complaints(runInstalled('vitest', 'run', 'test/tidy')) },
  { name: 'dead code', run: () => complaints(runInstalled('knip', '--no-progress')) },
  { name: 'package and API report', run: checkPackage },
];

async function complaints(running: Promise<Outcome>): Promise<readonly string[]> {
  const { exitCode, timedOut, output } = await running;
  if (timedOut) return ['It did not end in time.', output];
  return exitCode === 0 ? [] : [output];
}

endProgramsOnSignal();
let failed = 0;
for (const check of checks) {
  const startedAt = performance.now();
  // A check that cannot be made does not hold, and the others are made all the same.
  const found = await check.run().catch((error: unknown) => [String(error)]);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${found.length === 0 ? '✓' : '✗'} ${check.name} (${seconds} s)`);
  for (const text of found) console.log(text.trimEnd());
  if (found.length > 0) failed += 1;
}
console.log(failed === 0 ? 'All checks hold.' : `${failed} of ${checks.length} checks failed.`);
process.exitCode = failed === 0 ? 0 : 1;
