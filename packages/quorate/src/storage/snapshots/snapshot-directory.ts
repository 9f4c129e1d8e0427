import type { FileSystem } from '../../platform/file-system.ts';
import { makeDurableDirectory } from '../wal/directory.ts';
import type { BlockWriterOptions } from './block-writer.ts';

export interface SnapshotDirectoryOptions extends BlockWriterOptions {
  readonly directory: string;
  readonly files: FileSystem;
  /** Bytes of content with one check. */
  readonly blockBytes: number;
}

/**
 * What a file is: whole; received in part; being written here. Only what is whole has to be whole
 * after a crash.
 */
export type FileKind = 'snap' | 'part' | 'tmp';

export interface NumberedFile {
  readonly number: number;
  readonly kind: FileKind;
  readonly path: string;
}

const namePattern = /^(\d{16})\.(snap|part|tmp)$/;

/** The folder of the snapshots. Files have numbers: the id of a snapshot may be any string. */
export class SnapshotDirectory {
  readonly options: SnapshotDirectoryOptions;
  readonly #files: FileSystem;
  #lastNumber = 0;
  /** Nobody needs them, and they could not be removed when it was tried. */
  readonly #garbage = new Set<string>();

  constructor(options: SnapshotDirectoryOptions) {
    this.options = options;
    this.#files = options.files;
  }

  /** Makes the folder if needed, and returns what is in it, the oldest first. */
  async open(): Promise<NumberedFile[]> {
    const { directory, unsafeNoSync } = this.options;
    if (unsafeNoSync) await this.#files.makeDirectory(directory);
    else await makeDurableDirectory(this.#files, directory);
    const found = (await this.#files.readDirectory(directory)).flatMap((name) =>
      this.#numberedFile(name),
    );
    this.#lastNumber = Math.max(0, ...found.map(({ number }) => number));
    return found.sort((one, other) => one.number - other.number);
  }

  newFile(kind: FileKind): NumberedFile {
    this.#lastNumber += 1;
    return this.#fileOf(this.#lastNumber, kind);
  }

  /**
   * Makes a file that is complete and durable count, durably. Returns its new path. Of two that
   * count, the one with the higher number came later.
   */
  async publish({ path }: NumberedFile): Promise<string> {
    const target = this.newFile('snap').path;
    await this.#files.rename(path, target);
    try {
      await this.sync();
    } catch (error) {
      await this.remove(target);
      throw error;
    }
    return target;
  }

  async sync(): Promise<void> {
    if (!this.options.unsafeNoSync) await this.#files.syncDirectory(this.options.directory);
  }

  /**
   * Removes a file that does not count any more. What cannot be removed is tried again with the
   * next one, and at the next start: nobody may be told that a snapshot failed which did not.
   */
  async remove(path: string): Promise<void> {
    this.#garbage.add(path);
    for (const unwanted of this.#garbage) {
      try {
        if ((await this.#files.size(unwanted)) !== undefined) await this.#files.unlink(unwanted);
        this.#garbage.delete(unwanted);
      } catch {
        // It stays in `#garbage`.
      }
    }
  }

  /** Removes a file in such a way that it does not come back with the next start either. */
  async removeDurably(path: string): Promise<void> {
    await this.remove(path);
    // If it does come back, somebody has to receive it once more to find it wrong; that is all.
    await this.sync().catch(() => undefined);
  }

  #numberedFile(name: string): NumberedFile[] {
    const [, digits, kind] = namePattern.exec(name) ?? [];
    return digits === undefined ? [] : [this.#fileOf(Number(digits), kind as FileKind)];
  }

  #fileOf(number: number, kind: FileKind): NumberedFile {
    const name = `${String(number).padStart(16, '0')}.${kind}`;
    return { number, kind, path: `${this.options.directory}/${name}` };
  }
}
