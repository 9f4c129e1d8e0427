/**
 * Runs all benchmarks in a short form, one after the other, to see that they work and about where
 * they are; figures to be told need the long form of each. What they print can go to `plots`.
 *
 *     npm run bench -- all [--only cluster] [--shortest]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { nothingToCompareExitCode } from './lib/exit-codes.ts';
import { killAllChildren, trackChild } from './lib/living-children.ts';
import { forms } from './lib/short-forms.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: Object.keys(forms) },
    shortest: { type: 'boolean', default: false },
  },
});
const longestMs = 900_000;
const ends: string[] = [];

process.once('exit', killAllChildren);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}
for (const name of values.only) ends.push(`${name}: ${await run(name)}`);
console.log(`\n${ends.join('\n')}`);

async function run(name: string): Promise<string> {
  const form = forms[name];
  if (form === undefined) {
    throw new RangeError(
      `--only must be one of ${Object.keys(forms).join(', ')}; it is "${name}".`,
    );
  }
  const program = path.join(import.meta.dirname, `${name}.ts`);
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const args = [...flags, program, ...(values.shortest ? form.shortest : form.short)];
  const began = performance.now();
  // It is asked to end when it takes too long, so that it clears up what it has made.
  const child = spawn(process.execPath, args, { stdio: 'inherit', timeout: longestMs });
  trackChild(child);
  const [exitCode, signal] = (await once(child, 'exit')) as [number | null, string | null];
  const took = `${((performance.now() - began) / 1000).toFixed(0)} s`;
  if (exitCode === 0) return took;
  if (exitCode === nothingToCompareExitCode) return 'left out, since there is no etcd';
  process.exitCode = 1;
  return `failed with ${signal ?? `exit code ${exitCode}`} after ${took}`;
}
