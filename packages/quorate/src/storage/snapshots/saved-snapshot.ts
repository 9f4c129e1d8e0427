import type { Snapshot, SnapshotWhole } from '../../contract/snapshot-store.ts';
import type { LogIndex } from '../../core/types.ts';
import { DamagedError, StoppedError } from '../../errors.ts';
import type { OpenFile } from '../../platform/file-system.ts';
import { type Head, positionOf } from './format.ts';
import { type Block, readBlocks, readBytes } from './read-blocks.ts';
import type { SnapshotDirectory } from './snapshot-directory.ts';

/**
 * A whole snapshot in its file. Once another one has replaced it, its last reader removes it; until
 * then others may begin.
 */
export class SavedSnapshot {
  readonly head: Head;
  readonly path: string;
  readonly #directory: SnapshotDirectory;
  readonly #file: OpenFile;
  readonly #whole: SnapshotWhole;
  #readers = 0;
  #isRetired = false;
  #isClosed = false;
  /** Reads under way: the file stays open until they have ended. */
  readonly #reads = new Set<Promise<unknown>>();

  constructor(
    directory: SnapshotDirectory,
    opened: {
      readonly file: OpenFile;
      readonly path: string;
      readonly head: Head;
      readonly whole: SnapshotWhole;
    },
  ) {
    this.#directory = directory;
    this.#file = opened.file;
    this.path = opened.path;
    this.head = opened.head;
    this.#whole = opened.whole;
  }

  get index(): LogIndex {
    return this.head.meta.lastLogId.index;
  }

  get isInUse(): boolean {
    return this.#readers > 0;
  }

  get snapshot(): Snapshot {
    return { meta: this.head.meta, ...this.#whole, chunks: (from = 0) => this.#chunks(from) };
  }

  /** Lets its readers come to their end. Never rejects. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (this.#readers === 0) await this.#remove();
  }

  /** Refuses to read on, and closes the file. What is retired is removed even so. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#reads);
    await this.#file.close();
    if (this.#isRetired) await this.#directory.remove(this.path);
  }

  async *#chunks(from: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.#whole;
    this.#demandReadable();
    if (!Number.isSafeInteger(from) || from < 0 || from > size) {
      throw new RangeError(`The snapshot has ${size} bytes; cannot start at ${from}.`);
    }
    if (this.#isRetired && this.#readers === 0) {
      throw new StoppedError(
        `The snapshot of entry ${this.index} was replaced by a newer one and is gone; ask for the current one again.`,
      );
    }
    this.#readers += 1;
    try {
      const range = { from, size, pieceBytes: this.#directory.options.pieceBytes };
      const read = (position: number, length: number): Promise<Uint8Array> =>
        this.#read(position, length);
      for await (const block of readBlocks(read, this.head, range)) {
        if (!block.isRight || this.#endsWrong(block)) throw this.#damagedAt(block);
        yield block.content.subarray(Math.max(0, from - block.offset));
        this.#demandReadable();
      }
    } finally {
      this.#readers -= 1;
      if (this.#isRetired && this.#readers === 0 && !this.#isClosed) await this.#remove();
    }
  }

  #read(position: number, length: number): Promise<Uint8Array> {
    this.#demandReadable();
    const reading = readBytes(this.#file, position, length);
    this.#reads.add(reading);
    const ended = (): void => void this.#reads.delete(reading);
    reading.then(ended, ended);
    return reading;
  }

  /** The blocks may be right each for itself, and yet not those that the trailer tells of. */
  #endsWrong({ offset, content, checksum }: Block): boolean {
    const { size, checksum: wanted } = this.#whole;
    return offset + content.length === size && checksum !== wanted;
  }

  #damagedAt({ offset }: Block): DamagedError {
    const position = positionOf(this.head, offset);
    return new DamagedError(
      `${this.path} at offset ${position}: the block of the snapshot of entry ${this.index} that begins there is not what was written. Replace the disk, and restore the node from a copy or as a new one.`,
      { file: this.path, offset: position, index: this.index },
    );
  }

  async #remove(): Promise<void> {
    await Promise.allSettled(this.#reads);
    // Nobody wants what is in it, so nobody has to know if that got lost.
    await this.#file.close().catch(() => undefined);
    await this.#directory.remove(this.path);
  }

  #demandReadable(): void {
    if (this.#isClosed) throw new StoppedError('The snapshot store was closed.');
  }
}
