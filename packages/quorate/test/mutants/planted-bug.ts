/** A bug to plant into a copy of the package. Each `find` must be there exactly once. */
export interface PlantedBug {
  readonly name: string;
  /** The families of docs/mutants.md that it belongs to. */
  readonly families: readonly number[];
  readonly edits: readonly Edit[];
}

interface Edit {
  /** In the sources of the library, as `node/log.ts`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Plants the edits of one file into its text. */
export function planted(bug: PlantedBug, file: string, text: string): string {
  let changed = text;
  for (const edit of bug.edits) {
    if (edit.file !== file) continue;
    const count = changed.split(edit.find).length - 1;
    if (count !== 1) {
      throw new Error(
        `The planted bug "${bug.name}" wants to change one place of ${file} and finds ${count} of it: ${edit.find}`,
      );
    }
    changed = changed.replace(edit.find, () => edit.replace);
  }
  return changed;
}
