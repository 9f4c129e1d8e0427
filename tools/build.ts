// Compiles the packages into their dist folders, from nothing.

import { rm } from 'node:fs/promises';
import path from 'node:path';

import { compileDependent, compileLibrary, dependents } from './commands.ts';
import { projectRoot, withTemporaryFolder } from './project.ts';
import type { Outcome } from './run-program.ts';

const library = distOf('quorate');
await build('quorate', () => compileLibrary(library));
for (const name of dependents) {
  await build(name, () =>
    withTemporaryFolder('build', (folder) =>
      compileDependent(name, distOf(name), { library, folder }),
    ),
  );
}

function distOf(name: string): string {
  return path.join(projectRoot, 'packages', name, 'dist');
}

async function build(name: string, compile: () => Promise<Outcome>): Promise<void> {
  await rm(distOf(name), { recursive: true, force: true });
  const { exitCode, output, seconds } = await compile();
  process.stdout.write(output);
  if (exitCode === 0) console.log(`packages/${name}/dist is built (${seconds.toFixed(1)} s).`);
  else process.exitCode = exitCode ?? 1;
}
