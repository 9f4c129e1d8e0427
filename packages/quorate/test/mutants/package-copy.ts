import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type PlantedBug, planted } from './planted-bug.ts';

const packageFolder = path.resolve(import.meta.dirname, '..', '..');

/** What the programs that hunt need. */
const parts = [
  'src',
  'test/walker',
  'test/scenarios',
  'test/shrink',
  'test/sim',
  'test/mutants',
  'test/command-line.ts',
];

/**
 * A copy of the library and of the programs that test it, in a folder of its own, into which bugs
 * can be planted. The product never holds such code.
 */
export class PackageCopy {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes one, lets `work` have it, and removes it. */
  static async with<Result>(work: (copy: PackageCopy) => Promise<Result>): Promise<Result> {
    // Not in node_modules, where Node runs no TypeScript.
    const folder = await mkdtemp(path.join(tmpdir(), 'quorate-planted-'));
    try {
      for (const part of parts) await copyPart(part, folder);
      // Without one, Node would look for the type of the modules in folders above.
      await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n');
      return await work(new PackageCopy(folder));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Plants the bug, lets `work` have the copy, and mends it. */
  async withBug<Result>(bug: PlantedBug | undefined, work: () => Promise<Result>): Promise<Result> {
    const right = new Map<string, string>();
    for (const { file } of bug?.edits ?? []) {
      right.set(file, await readFile(this.source(file), 'utf8'));
    }
    try {
      for (const [file, text] of right) {
        await writeFile(this.source(file), planted(bug as PlantedBug, file, text));
      }
      return await work();
    } finally {
      for (const [file, text] of right) await writeFile(this.source(file), text);
    }
  }

  /** A program of the tests, as `walker/main.ts`. */
  program(name: string): string {
    return path.join(this.folder, 'test', name);
  }

  source(file: string): string {
    return path.join(this.folder, 'src', file);
  }
}

async function copyPart(part: string, folder: string): Promise<void> {
  const target = path.join(folder, part);
  await mkdir(path.dirname(target), { recursive: true });
  // Somebody else may be writing tests meanwhile: those are not taken along.
  await cp(path.join(packageFolder, part), target, {
    recursive: true,
    filter: (from) => !from.endsWith('.test.ts'),
  });
}
