import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const mib = 1024 * 1024;
const pieceBytes = mib;

export interface SmallDisksOptions {
  /** An absolute path. */
  readonly directory: string;
  readonly slots: readonly string[];
  readonly megabytes: number;
}

/** How a process gets a view of its own of what is mounted where. */
interface Way {
  readonly unshare: readonly string[];
  readonly enter: readonly string[];
}

const ways: readonly Way[] = [
  { unshare: ['--mount'], enter: ['--mount'] },
  {
    unshare: ['--user', '--map-root-user', '--mount'],
    enter: ['--user', '--preserve-credentials', '--mount'],
  },
];

/**
 * A small file system in memory for each seat, which fills up as a real disk does. One process
 * holds them, and only who is started with `words` sees them: they are gone with the last of these.
 */
export class SmallDisks {
  readonly #options: SmallDisksOptions;
  readonly #way: Way;
  readonly #holder: ChildProcess;

  private constructor(options: SmallDisksOptions, way: Way, holder: ChildProcess) {
    this.#options = options;
    this.#way = way;
    this.#holder = holder;
  }

  /** Nothing, where this user may not mount anything. */
  static async open(options: SmallDisksOptions): Promise<SmallDisks | undefined> {
    const { directory, slots, megabytes } = options;
    const way = ways.find(canMount);
    if (way === undefined) return undefined;
    const folders = slots.map((slot) => path.join(directory, diskOf(slot)));
    for (const folder of folders) await mkdir(folder, { recursive: true });
    const size = `size=${megabytes}m`;
    const mounts = folders.map((_, at) => `mount -t tmpfs -o ${size} tmpfs "$${at + 1}"`);
    // It ends when nobody holds the other end of its input any more.
    const script = `${mounts.join(' && ')} && echo mounted && exec cat`;
    const holder = spawn('unshare', [...way.unshare, 'sh', '-c', script, 'sh', ...folders], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    holder.on('error', () => undefined);
    holder.stdin.on('error', () => undefined);
    const begun = await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]);
    if (String(begun[0]).trim() === 'mounted') return new SmallDisks(options, way, holder);
    return undefined;
  }

  /** What a program is started with, so that it sees the disks. */
  get words(): readonly string[] {
    return ['nsenter', ...this.#way.enter, `--target=${this.#holder.pid}`, '--'];
  }

  /** Where the folder of a member is, for its process. */
  folderOf(slot: string, name: string): string {
    return path.join(this.#options.directory, diskOf(slot), name);
  }

  async remove(slot: string, name: string): Promise<void> {
    const folder = this.#seenFromHere(this.folderOf(slot, name));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Takes the room on a disk but for so many bytes, or gives it back. */
  async leave(slot: string, bytes: number | undefined): Promise<void> {
    const ballast = this.#seenFromHere(this.folderOf(slot, 'ballast'));
    if (bytes === undefined) return rm(ballast, { force: true });
    const { bavail, bsize } = await statfs(path.dirname(ballast));
    const file = await open(ballast, 'w');
    try {
      const piece = Buffer.alloc(pieceBytes, 1);
      for (let left = bavail * bsize - bytes; left > 0; ) {
        left -= (await file.write(piece, 0, Math.min(piece.length, left))).bytesWritten;
      }
    } catch (error) {
      // The member has taken some of it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  /** Lets go of them; if they are to be kept, what is on them is in the directory afterwards. */
  async close({ isKept }: { readonly isKept: boolean }): Promise<void> {
    const { directory, slots } = this.#options;
    for (const slot of slots) {
      const disk = path.join(directory, diskOf(slot));
      await this.leave(slot, undefined);
      if (isKept) await cp(this.#seenFromHere(disk), directory, { recursive: true });
    }
    this.#holder.stdin?.end();
    if (this.#holder.exitCode === null) await once(this.#holder, 'close');
    for (const slot of slots) await rm(path.join(directory, diskOf(slot)), { recursive: true });
  }

  #seenFromHere(file: string): string {
    return path.join(`/proc/${this.#holder.pid}/root`, file);
  }
}

function diskOf(slot: string): string {
  return `${slot}.disk`;
}

function canMount({ unshare }: Way): boolean {
  const mount = ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', tmpdir()];
  if (spawnSync('unshare', [...unshare, ...mount]).status !== 0) return false;
  return spawnSync('nsenter', ['--version']).status === 0;
}
