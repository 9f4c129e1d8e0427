import type { FileLock, FileSystem, OpenFile, OpenOptions } from '../../platform/file-system.ts';
import { Digest } from './digest.ts';
import { type Fault, Faults, type PlannedFault, type SimOperation, systemError } from './faults.ts';
import { type SectorOrHole, sectorBytes, torn } from './sector.ts';
import { SimFile } from './sim-file.ts';
import { parentOf, SimNames, type SimNode } from './sim-names.ts';
import { SimOpenFile } from './sim-open-file.ts';
import { type CrashChoice, findUnsettled, type Unsettled } from './unsettled.ts';

export interface SimFsOptions {
  /**
   * Called when an operation is under way: programs see its effect, and a power cut may bring it,
   * lose it or tear it. It completes, or fails if a fault hits it, once the promise resolves.
   */
  readonly hold?: (operation: SimOperation) => Promise<void>;
  /**
   * Called when bytes were read that the caller does not have yet. Default, or `undefined`: it has
   * them at once, as from the cache.
   */
  readonly holdRead?: (operation: SimOperation) => Promise<void> | undefined;
  /** How much fits, in whole sectors. Default: there is no end. */
  readonly capacityBytes?: number;
}

const endlessBytes = 2 ** 40;

/**
 * A file system in memory that forgets what a real one may forget. What a program sees is the page
 * cache; beside it stands what the disk is sure to hold:
 *
 * - a write to a file with `durableWrites` is durable when it resolves, any other after `sync`;
 *   until then each of its sectors, and the size, may be there or not, whichever came first;
 * - a name that was created, renamed or removed is durable after `syncDirectory` of its directory
 *   (of both, if renamed from one to the other); until then any subset of those changes may be
 *   there. A rename is there as a whole or not at all;
 * - a sync covers what was done before it was called.
 *
 * `crash` gives the file system that a power cut leaves. It is another object, and this one goes on
 * as if nothing had been. There is no clock and no chance in it.
 */
export class SimFs implements FileSystem {
  /** How much fits. May be changed at any time, to less than is there too. */
  capacityBytes: number | undefined;
  readonly #hold: ((operation: SimOperation) => Promise<void>) | undefined;
  readonly #holdRead: SimFsOptions['holdRead'];
  readonly #names: SimNames;
  readonly #faults = new Faults();
  readonly #locks = new Set<string>();
  readonly #openCounts = new Map<SimFile, number>();
  #sequence = 0;

  constructor(options: SimFsOptions & { names?: ReadonlyMap<string, SimNode> } = {}) {
    this.#hold = options.hold;
    this.#holdRead = options.holdRead;
    this.capacityBytes = options.capacityBytes;
    this.#names = new SimNames(options.names);
  }

  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const plain = plainPath(path);
    const node = this.#lookUp(plain, 'open');
    if (options.mode !== 'create') {
      if (node === undefined) throw systemError('ENOENT', 'open', path);
      if (node === 'directory') throw systemError('EISDIR', 'open', path);
      return this.#opened(plain, node, options);
    }
    if (node !== undefined) throw systemError('EEXIST', 'open', path);
    this.#requireDirectory(parentOf(plain), 'open', path);
    const file = new SimFile();
    await this.#perform({ type: 'create', path: plain }, () => this.#add(plain, file));
    return this.#opened(plain, file, options);
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [plainPath(from), plainPath(to)];
    this.#requireDirectory(parentOf(source), 'rename', from);
    this.#requireDirectory(parentOf(target), 'rename', to);
    const file = this.#file(source, 'rename');
    if (this.#lookUp(target, 'rename') === 'directory') throw systemError('EISDIR', 'rename', to);
    await this.#perform({ type: 'rename', path: source }, () => {
      if (source === target) return;
      const added = { path: target, node: file };
      this.#names.change({ sequence: this.#next(), removed: source, added });
    });
  }

  async unlink(path: string): Promise<void> {
    const plain = plainPath(path);
    this.#file(plain, 'unlink');
    await this.#perform({ type: 'unlink', path: plain }, () =>
      this.#names.change({ sequence: this.#next(), removed: plain }),
    );
  }

  async makeDirectory(path: string): Promise<void> {
    const plain = plainPath(path);
    const node = this.#lookUp(plain, 'mkdir');
    if (node === 'directory') return;
    if (node !== undefined) throw systemError('EEXIST', 'mkdir', path);
    await this.makeDirectory(parentOf(plain));
    await this.#perform({ type: 'makeDirectory', path: plain }, () => {
      if (this.#names.get(plain) === undefined) this.#add(plain, 'directory');
    });
  }

  async readDirectory(path: string): Promise<string[]> {
    this.#requireDirectory(plainPath(path), 'scandir', path);
    return this.#names.list(plainPath(path));
  }

  async syncDirectory(path: string): Promise<void> {
    const plain = plainPath(path);
    this.#requireDirectory(plain, 'fsync', path);
    const sequence = this.#sequence;
    await this.#perform({ type: 'syncDirectory', path: plain }, () => {});
    this.#names.settle(plain, sequence);
  }

  async size(path: string): Promise<number | undefined> {
    const node = this.#lookUp(plainPath(path), 'stat');
    return node instanceof SimFile ? node.size : node && 0;
  }

  async freeBytes(path: string): Promise<number> {
    if (this.#names.get(plainPath(path)) === undefined) throw systemError('ENOENT', 'statfs', path);
    return this.#freeSectors() * sectorBytes;
  }

  async lock(path: string): Promise<FileLock | undefined> {
    const plain = plainPath(path);
    this.#requireDirectory(parentOf(plain), 'open', path);
    if (this.#locks.has(plain)) return undefined;
    if (this.#names.get(plain) === undefined) this.#add(plain, new SimFile());
    const lock = {
      release: async (): Promise<void> => {
        if (isHeld) this.#locks.delete(plain);
        isHeld = false;
      },
    };
    let isHeld = true;
    this.#locks.add(plain);
    return lock;
  }

  /** Makes calls to come fail. */
  fail(fault: Fault): PlannedFault {
    return this.#faults.plan(fault);
  }

  /** Flips one bit on the disk. */
  flipBit(path: string, position: number, bit: number): void {
    this.#file(plainPath(path), 'flipBit').damage(position, 1, (byte) => byte ^ (1 << bit));
  }

  /** Fills a sector of the disk with zeroes. */
  zeroSector(path: string, number: number): void {
    this.#file(plainPath(path), 'zeroSector').damage(number * sectorBytes, sectorBytes, () => 0);
  }

  /** Takes the end of a file from the disk, all behind `size` bytes. */
  cutOff(path: string, size: number): void {
    const file = this.#file(plainPath(path), 'cutOff');
    file.truncate(size, this.#next());
    file.settle(this.#sequence);
  }

  /** What a power cut would decide now. Good until the next operation begins or ends. */
  unsettled(): Unsettled {
    return findUnsettled(this.#names);
  }

  /** What a power cut leaves that decides so; by default, one that leaves only what is durable. */
  crash(
    { items }: Pick<Unsettled, 'items'> = this.unsettled(),
    choice: CrashChoice = { versions: [] },
    options: SimFsOptions = {},
  ): SimFs {
    const isLost = (at: number): boolean => (choice.versions[at] ?? 0) === 0;
    const lost = items.flatMap((item, at) =>
      item.type === 'name' && isLost(at) ? [item.change] : [],
    );
    const files = crashedFiles(items, choice);
    const names = new Map<string, SimNode>();
    for (const [path, node] of this.#names.crashed(new Set(lost))) {
      const isFile = node !== 'directory';
      names.set(
        path,
        isFile ? (files.get(node) ?? node.crashed(node.durableSize, new Map())) : node,
      );
    }
    const { capacityBytes } = this;
    return new SimFs({
      ...(capacityBytes === undefined ? {} : { capacityBytes }),
      ...options,
      names,
    });
  }

  /** Equal for two file systems in which programs find the same. */
  digest(): string {
    const digest = new Digest();
    for (const [path, node] of [...this.#names.entries()].sort(([a], [b]) => (a < b ? -1 : 1))) {
      digest.addText(path);
      if (node !== 'directory') node.addTo(digest);
    }
    return digest.toString();
  }

  /** Starts an operation, waits while it is held, and fails it if a fault hits it. */
  async #perform(operation: SimOperation, effect: () => void): Promise<void> {
    const fault = this.#faults.take(operation);
    if (fault === undefined) effect();
    await this.#held(operation);
    if (fault !== undefined) throw systemError(fault.code, operation.type, operation.path);
  }

  async #held(operation: SimOperation): Promise<void> {
    await this.#hold?.(operation);
  }

  #opened(path: string, file: SimFile, options: OpenOptions): OpenFile {
    this.#openCounts.set(file, (this.#openCounts.get(file) ?? 0) + 1);
    return new SimOpenFile({
      // Who watches operations thinks of the name that the file has now.
      path: () => this.#names.pathOf(file) ?? path,
      file,
      isWritable: options.mode !== 'read',
      hasDurableWrites: options.durableWrites ?? false,
      faults: this.#faults,
      held: (operation) => this.#held(operation),
      heldRead: (operation) => this.#holdRead?.(operation),
      sequence: () => this.#sequence,
      nextSequence: () => this.#next(),
      freeSectors: () => this.#freeSectors(),
      onClosed: () => this.#closed(file),
    });
  }

  #closed(file: SimFile): void {
    const count = (this.#openCounts.get(file) ?? 0) - 1;
    if (count > 0) this.#openCounts.set(file, count);
    else this.#openCounts.delete(file);
  }

  #add(path: string, node: SimNode): void {
    this.#names.change({ sequence: this.#next(), added: { path, node } });
  }

  /** What has that name, if anything; a file has nothing below it. */
  #lookUp(path: string, call: string): SimNode | undefined {
    const node = this.#names.get(path);
    if (node !== undefined || path === '/') return node;
    const parent = this.#lookUp(parentOf(path), call);
    if (parent instanceof SimFile) throw systemError('ENOTDIR', call, path);
    return undefined;
  }

  #file(path: string, call: string): SimFile {
    const node = this.#lookUp(path, call);
    if (node === undefined) throw systemError('ENOENT', call, path);
    if (node === 'directory') throw systemError('EISDIR', call, path);
    return node;
  }

  #requireDirectory(path: string, call: string, asked: string): void {
    const node = this.#lookUp(path, call);
    if (node === undefined) throw systemError('ENOENT', call, asked);
    if (node !== 'directory') throw systemError('ENOTDIR', call, asked);
  }

  /** Files that have no name any more keep their space until nobody has them open. */
  #freeSectors(): number {
    if (this.capacityBytes === undefined) return endlessBytes / sectorBytes;
    const files = new Set(this.#openCounts.keys());
    for (const [, node] of this.#names.entries()) if (node !== 'directory') files.add(node);
    let free = Math.floor(this.capacityBytes / sectorBytes);
    for (const file of files) free -= file.allocatedCount();
    return Math.max(0, free);
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}

/** The files that the choice makes differ from their durable image. */
function crashedFiles(items: Unsettled['items'], choice: CrashChoice): Map<SimFile, SimFile> {
  const sizes = new Map<SimFile, number>();
  const sectors = new Map<SimFile, Map<number, SectorOrHole>>();
  for (const [at, item] of items.entries()) {
    if (item.type === 'name') continue;
    const version = choice.versions[at] ?? 0;
    if (item.type === 'size') {
      sizes.set(item.file, item.sizes[version] ?? item.file.durableSize);
      continue;
    }
    const isTorn = choice.tear?.item === at && version > 0;
    const chosen = item.sectors[version];
    const changed = sectors.get(item.file) ?? new Map<number, SectorOrHole>();
    const { bytes } = choice.tear ?? { bytes: 0 };
    changed.set(item.number, isTorn ? torn(item.sectors[version - 1], chosen, bytes) : chosen);
    sectors.set(item.file, changed);
  }
  const files = new Set([...sizes.keys(), ...sectors.keys()]);
  return new Map(
    [...files].map((file) => {
      const size = sizes.get(file) ?? file.durableSize;
      return [file, file.crashed(size, sectors.get(file) ?? new Map())];
    }),
  );
}

/** Most are; of names that begin with a dot it does not say. */
const isPlain = /^(?:\/[^./][^/]*)+$/;

/** Absolute, without `.`, `..` and doubled slashes. */
function plainPath(path: string): string {
  if (isPlain.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
