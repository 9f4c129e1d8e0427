import type { SnapshotWhole } from '../../contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../core/types.ts';
import type { OpenFile } from '../../platform/file-system.ts';
import { BlockWriter } from './block-writer.ts';
import { contentIn, encodeHead, endOfBlocks, type Head } from './format.ts';
import { readBlocks, readBytes } from './read-blocks.ts';
import type { NumberedFile, SnapshotDirectory } from './snapshot-directory.ts';

/** A snapshot on its way to become whole: built here, or received from a leader. */
export class Draft {
  readonly head: Head;
  readonly openFile: OpenFile;
  readonly #directory: SnapshotDirectory;
  readonly #file: NumberedFile;
  readonly #writer: BlockWriter;
  /** The file's name may be another one's soon after, so this must not happen twice. */
  #discarded: Promise<void> | undefined = undefined;

  static async create(
    directory: SnapshotDirectory,
    kind: 'part' | 'tmp',
    meta: SnapshotMeta,
  ): Promise<Draft> {
    const { files, blockBytes } = directory.options;
    const { head, bytes } = encodeHead(meta, blockBytes);
    const file = directory.newFile(kind);
    try {
      const openFile = await files.open(file.path, { mode: 'create' });
      try {
        await openFile.write([bytes], 0);
        // A part is found again only by its name; the rest of it may get lost.
        if (kind === 'part') await directory.sync();
        return new Draft(directory, file, { head, openFile });
      } catch (error) {
        await openFile.close();
        throw error;
      }
    } catch (error) {
      await directory.remove(file.path);
      throw error;
    }
  }

  /** Opens a part that an earlier process left, and cuts off what is not as it was written. */
  static async resume(
    directory: SnapshotDirectory,
    file: NumberedFile,
    head: Head,
  ): Promise<Draft> {
    const openFile = await directory.options.files.open(file.path, { mode: 'write' });
    try {
      const whole = await rightContent(openFile, head, directory.options.pieceBytes);
      await openFile.truncate(endOfBlocks(head, whole.size));
      return new Draft(directory, file, { head, openFile, whole });
    } catch (error) {
      await openFile.close();
      throw error;
    }
  }

  private constructor(
    directory: SnapshotDirectory,
    file: NumberedFile,
    opened: {
      readonly head: Head;
      readonly openFile: OpenFile;
      readonly whole?: SnapshotWhole;
    },
  ) {
    this.#directory = directory;
    this.#file = file;
    this.head = opened.head;
    this.openFile = opened.openFile;
    this.#writer = new BlockWriter(this.openFile, this.head, directory.options, opened.whole);
  }

  get meta(): SnapshotMeta {
    return this.head.meta;
  }

  get path(): string {
    return this.#file.path;
  }

  get whole(): SnapshotWhole {
    return this.#writer.whole;
  }

  /** See `BlockWriter.add`. */
  add(chunk: Uint8Array, demandWanted: () => void): Promise<void> {
    return this.#writer.add(chunk, demandWanted);
  }

  /** Makes the file whole, durable, and one of those that count. Returns its new path. */
  async publish(): Promise<string> {
    await this.#writer.finish();
    return this.#directory.publish(this.#file);
  }

  /** Leaves the file with all that was added, for a later start. */
  async keep(cause: unknown): Promise<void> {
    // Only what is in the file can be kept.
    await this.#writer.settle().catch(() => undefined);
    await this.#writer.stop(cause);
    await this.openFile.close();
  }

  /** Ends all work on it, and removes the file. May be called twice; never rejects. */
  discard(cause: unknown): Promise<void> {
    this.#discarded ??= this.#discard(cause);
    return this.#discarded;
  }

  async #discard(cause: unknown): Promise<void> {
    await this.#writer.stop(cause);
    // Nobody wants what is in it, so nobody has to know if that got lost.
    await this.openFile.close().catch(() => undefined);
    if (this.#file.kind === 'part') await this.#directory.removeDurably(this.#file.path);
    else await this.#directory.remove(this.#file.path);
  }
}

/** How much of a part is as it was written; what comes after that was torn. */
async function rightContent(
  file: OpenFile,
  head: Head,
  pieceBytes: number,
): Promise<SnapshotWhole> {
  let whole: SnapshotWhole = { size: 0, checksum: 0 };
  const range = { from: 0, size: contentIn(head, await file.size()), pieceBytes };
  const read = (position: number, length: number): Promise<Uint8Array> =>
    readBytes(file, position, length);
  for await (const block of readBlocks(read, head, range)) {
    if (!block.isRight) break;
    whole = { size: block.offset + block.content.length, checksum: block.checksum };
  }
  return whole;
}
