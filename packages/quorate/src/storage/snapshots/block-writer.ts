import { crc32 } from 'node:zlib';
import type { SnapshotWhole } from '../../contract/snapshot-store.ts';
import type { OpenFile } from '../../platform/file-system.ts';
import { buggify } from '../../platform/sites.ts';
import {
  checkBytes,
  encodeTrailer,
  endOfBlocks,
  type Head,
  positionOf,
  sealed,
  viewOf,
} from './format.ts';

export interface BlockWriterOptions {
  /** Written at once, if there is as much. */
  readonly pieceBytes: number;
  /** Written between two syncs, so that the last one has little left to do. */
  readonly syncBytes: number;
  readonly unsafeNoSync: boolean;
}

/**
 * Writes content in blocks, each with its check. One buffer is filled while the other is written,
 * and what is there is written as soon as nothing else is: a process that dies loses little.
 */
export class BlockWriter {
  readonly #file: OpenFile;
  readonly #head: Head;
  readonly #options: BlockWriterOptions;
  #whole: SnapshotWhole;
  /** Takes one piece, and the check of a block that ends with it. */
  #buffer: Uint8Array;
  #spare: Uint8Array | undefined = undefined;
  /** Where the buffer begins in the file. */
  #position: number;
  #filled = 0;
  /** Of the buffer, written or under way. */
  #taken = 0;
  #writing: Promise<void> | undefined = undefined;
  #syncing: Promise<void> | undefined = undefined;
  #unsyncedBytes = 0;
  #failure: { readonly cause: unknown } | undefined = undefined;

  /** `whole` is what the file holds already. */
  constructor(
    file: OpenFile,
    head: Head,
    options: BlockWriterOptions,
    whole: SnapshotWhole = { size: 0, checksum: 0 },
  ) {
    this.#file = file;
    this.#head = head;
    this.#options = options;
    this.#whole = whole;
    this.#position = positionOf(head, whole.size);
    this.#buffer = this.#newBuffer();
  }

  /** Size and checksum of all that was added. */
  get whole(): SnapshotWhole {
    return this.#whole;
  }

  /**
   * Copies the chunk; resolves when there is room for the next one. Whoever adds may be told to end
   * while it waits: `demandWanted` throws then, and nothing more of the chunk is taken.
   */
  async add(chunk: Uint8Array, demandWanted: () => void): Promise<void> {
    let rest = chunk;
    while (rest.byteLength > 0) {
      this.#throwFailure();
      rest = rest.subarray(this.#take(rest));
      this.#writeOn();
      while (this.#isFull && this.#writing !== undefined) await this.#writing;
      demandWanted();
    }
    this.#throwFailure();
  }

  /** Resolves when all that was added is in the file; it may not be durable yet. */
  async settle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    this.#throwFailure();
  }

  /** Ends the file with its trailer. Everything is durable then. */
  async finish(): Promise<void> {
    await this.settle();
    const trailer = encodeTrailer(this.#whole, this.#head);
    await this.#file.write([trailer], endOfBlocks(this.#head, this.#whole.size));
    await this.#syncing;
    this.#throwFailure();
    if (!this.#options.unsafeNoSync) await this.#file.sync();
  }

  /** Writes nothing more. Resolves when nothing is under way. */
  async stop(cause: unknown): Promise<void> {
    this.#failure ??= { cause };
    while (this.#writing !== undefined) await this.#writing;
    await this.#syncing;
  }

  get #isFull(): boolean {
    return this.#filled >= this.#options.pieceBytes;
  }

  /** Copies as much as fits before the end of the block and of the buffer. */
  #take(bytes: Uint8Array): number {
    const { blockBytes, seal } = this.#head;
    const { size, checksum } = this.#whole;
    const inBlock = size % blockBytes;
    const room = Math.min(blockBytes - inBlock, this.#options.pieceBytes - this.#filled);
    const part = bytes.byteLength > room ? bytes.subarray(0, room) : bytes;
    this.#buffer.set(part, this.#filled);
    this.#filled += part.byteLength;
    this.#whole = { size: size + part.byteLength, checksum: crc32(part, checksum) };
    if (inBlock + part.byteLength === blockBytes) {
      viewOf(this.#buffer).setUint32(this.#filled, sealed(this.#whole.checksum, seal), true);
      this.#filled += checkBytes;
    }
    return part.byteLength;
  }

  /** Starts to write what the buffer has, unless a write is under way: that one goes on with it. */
  #writeOn(): void {
    if (this.#writing !== undefined || this.#failure !== undefined) return;
    if (this.#taken === this.#filled) return;
    const parts = [this.#buffer.subarray(this.#taken, this.#filled)];
    const position = this.#position + this.#taken;
    // A block that is not full yet has its check all the same, until more content replaces it.
    if (this.#whole.size % this.#head.blockBytes > 0) parts.push(this.#currentCheck());
    this.#taken = this.#filled;
    if (this.#isFull) this.#swap();
    this.#writing = this.#write(parts, position);
  }

  async #write(parts: readonly Uint8Array[], position: number): Promise<void> {
    try {
      await this.#file.write(parts, position);
      for (const part of parts) this.#unsyncedBytes += part.byteLength;
      const isMuch = this.#unsyncedBytes >= this.#options.syncBytes;
      if (isMuch || buggify('snapshots.syncNow')) await this.#syncEarly();
    } catch (cause) {
      this.#failure ??= { cause };
    }
    this.#writing = undefined;
    this.#writeOn();
  }

  /** Starts a sync, once the one before has ended. */
  async #syncEarly(): Promise<void> {
    await this.#syncing;
    this.#unsyncedBytes = 0;
    if (this.#options.unsafeNoSync) return;
    this.#syncing = this.#file.sync().catch((cause: unknown) => {
      this.#failure ??= { cause };
    });
  }

  #swap(): void {
    this.#position += this.#filled;
    [this.#buffer, this.#spare] = [this.#spare ?? this.#newBuffer(), this.#buffer];
    this.#filled = 0;
    this.#taken = 0;
  }

  #currentCheck(): Uint8Array {
    const bytes = new Uint8Array(checkBytes);
    viewOf(bytes).setUint32(0, sealed(this.#whole.checksum, this.#head.seal), true);
    return bytes;
  }

  #newBuffer(): Uint8Array {
    // Zeroes that are overwritten before anybody sees them would cost a part of the copy.
    const { buffer } = Buffer.allocUnsafeSlow(this.#options.pieceBytes + checkBytes);
    return new Uint8Array(buffer);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}
