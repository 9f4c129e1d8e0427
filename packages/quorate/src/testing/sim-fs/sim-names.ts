import type { SimFile } from './sim-file.ts';

export type SimNode = SimFile | 'directory';

/** One change of names: it happens at once or not at all. */
export interface NameChange {
  readonly sequence: number;
  readonly removed?: string;
  readonly added?: { readonly path: string; readonly node: SimNode };
  /** The directories whose sync it still needs in order to be durable; empty once it is. */
  readonly needs: Set<string>;
}

/**
 * The names of a file system: those that programs see, and the changes that the disk may or may not
 * hold. A path is absolute and plain: `/`, `/log/a`.
 */
export class SimNames {
  /** What the disk is sure to hold before any of `#changes`. */
  readonly #durable: Map<string, SimNode>;
  readonly #current: Map<string, SimNode>;
  /** In order. A durable one stays for as long as an older one is not. */
  readonly #changes: NameChange[] = [];
  /** The names that were asked for last; each is looked at again before it is believed. */
  readonly #paths = new WeakMap<SimFile, string>();

  constructor(names: ReadonlyMap<string, SimNode> = new Map([['/', 'directory']])) {
    this.#durable = new Map(names);
    this.#current = new Map(names);
  }

  get(path: string): SimNode | undefined {
    return this.#current.get(path);
  }

  entries(): Iterable<[string, SimNode]> {
    return this.#current.entries();
  }

  /** The name that a file has now, if any. */
  pathOf(file: SimFile): string | undefined {
    const known = this.#paths.get(file);
    if (known !== undefined && this.#current.get(known) === file) return known;
    for (const [path, node] of this.#current) {
      if (node !== file) continue;
      this.#paths.set(file, path);
      return path;
    }
    return undefined;
  }

  /** The names in a directory, sorted. */
  list(directory: string): string[] {
    return [...this.#current.keys()]
      .filter((path) => path !== '/' && parentOf(path) === directory)
      .map((path) => path.slice(path.lastIndexOf('/') + 1))
      .sort();
  }

  change(change: Omit<NameChange, 'needs'>): void {
    const paths = [change.removed, change.added?.path].filter((path) => path !== undefined);
    const made: NameChange = { ...change, needs: new Set(paths.map(parentOf)) };
    applyTo(this.#current, made);
    this.#changes.push(made);
  }

  /** A sync of `directory` that began at `sequence` has ended. */
  settle(directory: string, sequence: number): void {
    for (const change of this.#changes) {
      if (change.sequence <= sequence) change.needs.delete(directory);
    }
    while (this.#changes[0]?.needs.size === 0) {
      const change = this.#changes.shift();
      if (change !== undefined) applyTo(this.#durable, change);
    }
  }

  /** The changes that a power cut may undo, in order. */
  unsettled(): NameChange[] {
    return this.#changes.filter(({ needs }) => needs.size > 0);
  }

  /** Every file that some power cut may leave. */
  files(): Set<SimFile> {
    const nodes = [...this.#durable.values(), ...this.#changes.map(({ added }) => added?.node)];
    return new Set(nodes.filter((node) => node !== undefined && node !== 'directory'));
  }

  /** The names that a power cut leaves which undoes the changes `lost`. */
  crashed(lost: ReadonlySet<NameChange>): Map<string, SimNode> {
    const names = new Map(this.#durable);
    for (const change of this.#changes) {
      if (!lost.has(change)) applyTo(names, change);
    }
    return new Map([...names].filter(([path]) => isReachable(names, path)));
  }
}

export function parentOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

function applyTo(names: Map<string, SimNode>, { removed, added }: NameChange): void {
  if (removed !== undefined) names.delete(removed);
  if (added === undefined) return;
  if (added.node !== 'directory') {
    // A file has one name; an older one is left over when the change between was undone.
    for (const [path, node] of names) {
      if (node === added.node) names.delete(path);
    }
  }
  names.set(added.path, added.node);
}

/** Whether all directories above are there. */
function isReachable(names: ReadonlyMap<string, SimNode>, path: string): boolean {
  if (path === '/') return true;
  const parent = parentOf(path);
  return names.get(parent) === 'directory' && isReachable(names, parent);
}
