import type { FileSystem, OpenFile } from '../../platform/file-system.ts';
import type { Runtime, Timer } from '../../platform/runtime.ts';
import type { Pauses } from './pauses.ts';

export interface SpareOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly runtime: Runtime;
  readonly bytes: number;
  readonly durableWrites: boolean;
  readonly mayBlock: boolean;
  /** The zeroes are written in these. */
  readonly pauses: Pauses;
  /** The disk had no room for the spare, or has it again. */
  readonly onRoom: (hasRoom: boolean) => void;
}

/** Zeroes of one write at least: few, so that a write of the log that meets them waits little. */
const minChunkBytes = 128 * 1024;
/** And at most, where the log itself writes so much at once. */
const maxChunkBytes = 1024 * 1024;
const retryMs = 1000;
const zeroes = new Uint8Array(maxChunkBytes);

/** A file full of zeroes that waits to become a segment. */
export interface Prepared {
  readonly file: OpenFile;
  readonly path: string;
}

/**
 * Keeps one segment ready, so that no write waits for a file to grow. A full disk is no failure
 * here: nothing was promised yet, so it is tried again.
 */
export class Spare {
  readonly #options: SpareOptions;
  #ready: Promise<Prepared | undefined> | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #isClosed = false;

  constructor(options: SpareOptions) {
    this.#options = options;
  }

  get #path(): string {
    return `${this.#options.directory}/spare.tmp`;
  }

  /** Begins to prepare one, unless that was done before. */
  prepare(): void {
    if (this.#isClosed) return;
    this.#ready ??= this.#try();
  }

  /** Returns the spare; whoever takes it gives it another name. */
  async take(): Promise<Prepared> {
    const ready = await this.#ready;
    this.#ready = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    return ready ?? fill(this.#options, this.#path, this.#options.bytes);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const ready = await this.#ready;
    await ready?.file.close();
  }

  async #try(): Promise<Prepared | undefined> {
    const { bytes, onRoom, files, directory } = this.#options;
    try {
      // A try that must fail would take the last of the room from others on the way.
      if ((await files.freeBytes(directory)) < bytes) throw new Error('There is no room.');
      const prepared = await fill(this.#options, this.#path, bytes);
      onRoom(true);
      return prepared;
    } catch {
      // Whatever is wrong with the disk, the next write will say so if it is still wrong then.
      onRoom(false);
      this.#retryLater();
      return undefined;
    }
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.runtime.setTimer(() => {
      this.#timer = undefined;
      this.#ready = this.#isClosed ? undefined : this.#try();
    }, retryMs);
  }
}

/** Makes a file of `bytes` zeroes that are on the disk. What had the name before is replaced. */
export async function fill(
  options: Pick<SpareOptions, 'files' | 'durableWrites' | 'mayBlock' | 'pauses'>,
  path: string,
  bytes: number,
): Promise<Prepared> {
  const { files, durableWrites, mayBlock, pauses } = options;
  if ((await files.size(path)) !== undefined) await files.unlink(path);
  const file = await files.open(path, { mode: 'create', durableWrites, mayBlock });
  try {
    // What was written before this began is not to be made up for: the first write would be large.
    await pauses.next();
    for (let offset = 0; offset < bytes; ) {
      // As many as the log has used up meanwhile, or the next segment would come too late.
      const length = Math.min(chunkFor(await pauses.next()), bytes - offset);
      await file.write([zeroes.subarray(0, length)], offset);
      offset += length;
    }
    return { file, path };
  } catch (error) {
    await file.close();
    await files.unlink(path);
    throw error;
  }
}

function chunkFor(written: number): number {
  const chunks = Math.ceil(written / minChunkBytes);
  return Math.min(Math.max(1, chunks) * minChunkBytes, maxChunkBytes);
}
