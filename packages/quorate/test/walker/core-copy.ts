import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Mutant } from './mutants.ts';
import type { CoreModule } from './world.ts';

const coreFolder = path.resolve(import.meta.dirname, '..', '..', 'src', 'core');

/**
 * Copies the core into a folder of its own, plants the bug there, and calls `work` with that copy.
 * Without a mutant the copy is what the product has. The product itself never holds such code.
 */
export async function withCoreCopy<Result>(
  mutant: Mutant | undefined,
  work: (module: CoreModule) => Result | Promise<Result>,
): Promise<Result> {
  // Not in node_modules, where Node runs no TypeScript.
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-walker-'));
  try {
    await cp(coreFolder, folder, { recursive: true });
    // Without one, Node would look for the type of the modules in folders above.
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n');
    if (mutant !== undefined) await plant(mutant, folder);
    return await work(await loadCore(folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function loadCore(folder: string = coreFolder): Promise<CoreModule> {
  return Promise.all([
    load<Pick<CoreModule, 'RaftCore'>>(folder, 'raft-core.ts'),
    load<Pick<CoreModule, 'checkInvariants'>>(folder, 'invariants.ts'),
  ]).then(([{ RaftCore }, { checkInvariants }]) => ({ RaftCore, checkInvariants }));
}

async function plant({ name, edits }: Mutant, folder: string): Promise<void> {
  for (const { file, find, replace } of edits) {
    const text = await readFile(path.join(folder, file), 'utf8');
    const count = text.split(find).length - 1;
    if (count !== 1) {
      throw new Error(
        `The mutant "${name}" wants to change one place of ${file} and finds ${count} of it: ${find}`,
      );
    }
    await writeFile(
      path.join(folder, file),
      text.replace(find, () => replace),
    );
  }
}

async function load<Exports>(folder: string, file: string): Promise<Exports> {
  return (await import(pathToFileURL(path.join(folder, file)).href)) as Exports;
}
