import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Mutant } from '../walker/mutants.ts';
import type { CoreModule } from '../walker/world.ts';

const coreFolder = path.resolve(import.meta.dirname, '..', '..', 'src', 'core');

/**
 * Loads a copy of the core whose private fields can be read from outside: every `#name` is `$name`
 * there, and nothing else differs, unless `mutant` plants a bug as well. Whoever visits all states
 * has to copy and compare the whole of one, and a private field would hide a part of it.
 */
export async function loadOpenCore(mutant?: Mutant): Promise<CoreModule> {
  // Not in node_modules, where Node runs no TypeScript.
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-explore-'));
  try {
    await cp(coreFolder, folder, { recursive: true });
    // Without one, Node would look for the type of the modules in folders above.
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n');
    for (const file of await readdir(folder)) {
      if (file.endsWith('.ts')) await rewrite(folder, file, mutant);
    }
    const [{ RaftCore }, { checkInvariants }] = await Promise.all([
      load<Pick<CoreModule, 'RaftCore'>>(folder, 'raft-core.ts'),
      load<Pick<CoreModule, 'checkInvariants'>>(folder, 'invariants.ts'),
    ]);
    return { RaftCore, checkInvariants };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function rewrite(folder: string, file: string, mutant: Mutant | undefined): Promise<void> {
  let text = await readFile(path.join(folder, file), 'utf8');
  for (const { find, replace } of mutant?.edits.filter((edit) => edit.file === file) ?? []) {
    const count = text.split(find).length - 1;
    if (count !== 1) {
      throw new Error(
        `The mutant "${mutant?.name}" wants to change one place of ${file} and finds ${count} of it: ${find}`,
      );
    }
    text = text.replace(find, () => replace);
  }
  await writeFile(path.join(folder, file), text.replaceAll(/#(?=[a-zA-Z])/g, '$'));
}

async function load<Exports>(folder: string, file: string): Promise<Exports> {
  return (await import(pathToFileURL(path.join(folder, file)).href)) as Exports;
}
