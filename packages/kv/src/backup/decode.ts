import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { DamagedError, UnsupportedError } from 'quorate';
import { ByteSource } from './byte-source.ts';
import {
  type BackupHead,
  type BackupWhole,
  checksumBytes,
  fixedHeadBytes,
  frameHeadBytes,
  magic,
  mostFrameBytes,
  mostHeadBytes,
  readHeadJson,
  sealOf,
  trailerBytes,
} from './format.ts';

/** A backup file whose head was read. */
export interface OpenedBackup {
  readonly head: BackupHead;
  /**
   * The store's snapshot, each piece of which was checked. It ends only if the file does, whole; to
   * be read once.
   *
   * @throws {DamagedError} that names the file and the offset.
   */
  readonly content: AsyncGenerator<Uint8Array, BackupWhole, undefined>;
  /** What the file comes to, once the content was read to its end. */
  whole(): BackupWhole;
  /** Lets go of the file, however much of it was read. */
  close(): Promise<void>;
}

/**
 * Reads the head of a backup.
 *
 * @param name what a refusal calls the file.
 * @throws {DamagedError} if it is not as it was written, or no backup.
 * @throws {UnsupportedError} if it is of another version of the format.
 */
export async function openBackup(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): Promise<OpenedBackup> {
  const source = new ByteSource(chunks);
  const reader = new BackupReader(source, name);
  try {
    const head = await reader.head();
    const content = reader.content(head);
    return {
      head,
      content,
      whole: () => reader.whole(),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

class BackupReader {
  readonly #source: ByteSource;
  readonly #name: string;
  readonly #sha: Hash = createHash('sha256');
  #seal = 0;
  #index = 0;
  #whole: BackupWhole | undefined;

  constructor(source: ByteSource, name: string) {
    this.#source = source;
    this.#name = name;
  }

  async head(): Promise<BackupHead> {
    const fixed = await this.#take(fixedHeadBytes, 'the head');
    const family = magic.length - 1;
    if (fixed.compare(magic, 0, family, 0, family) !== 0) {
      const found = JSON.stringify(fixed.toString('latin1', 0, magic.length));
      throw this.#damaged(0, `it begins with ${found}, and a backup with "${magic.toString()}"`);
    }
    const length = fixed.readUInt32LE(8);
    if (length > mostHeadBytes) throw this.#damaged(8, `its head claims to have ${length} bytes`);
    const json = await this.#take(length, 'the head');
    this.#seal = fixed.readUInt32LE(12);
    if (sealOf(Buffer.concat([fixed, json])) !== this.#seal) {
      throw this.#damaged(0, 'the checksum of its head is not the one that it has');
    }
    if (fixed[family] !== magic[family]) {
      const version = fixed.toString('latin1', family, magic.length);
      throw new UnsupportedError(
        `${this.#name} is a backup of version ${version} of the format, and only 1 is known here. Use the version of quorate that made it.`,
      );
    }
    const head = readHeadJson(json);
    if (typeof head === 'string') throw this.#damaged(fixedHeadBytes, head);
    this.#index = head.index;
    return head;
  }

  async *content(head: BackupHead): AsyncGenerator<Uint8Array, BackupWhole, undefined> {
    let [frames, contentBytes, checksum] = [0, 0, 0];
    for (;;) {
      const at = this.#source.offset;
      const frame = await this.#take(frameHeadBytes, `the next frame, or the end of ${head.hash}`);
      const length = frame.readUInt32LE(0);
      if (length === 0) {
        const told = { frames: frame.readUInt32LE(4), at };
        this.#whole = await this.#end(told, { frames, contentBytes });
        return this.#whole;
      }
      if (length > mostFrameBytes) {
        throw this.#damaged(
          at,
          `a frame claims ${length} bytes; none has more than ${mostFrameBytes}`,
        );
      }
      const part = await this.#take(length, 'the rest of a frame');
      checksum = crc32(part, checksum);
      if (frame.readUInt32LE(4) !== (checksum ^ this.#seal) >>> 0) {
        throw this.#damaged(at, `the checksum of the frame that begins there is wrong`);
      }
      frames += 1;
      contentBytes += length;
      yield part;
    }
  }

  whole(): BackupWhole {
    if (this.#whole !== undefined) return this.#whole;
    throw new Error(`${this.#name} was not read to its end.`);
  }

  async #end(
    told: { readonly frames: number; readonly at: number },
    found: { readonly frames: number; readonly contentBytes: number },
  ): Promise<BackupWhole> {
    const rest = await this.#take(trailerBytes - frameHeadBytes - checksumBytes, 'the end');
    const contentBytes = Number(rest.readBigUInt64LE(0));
    if (told.frames !== found.frames || contentBytes !== found.contentBytes) {
      const came = `${found.frames} frames with ${found.contentBytes} bytes`;
      throw this.#damaged(
        told.at,
        `it should have ${told.frames} with ${contentBytes}, and has ${came}`,
      );
    }
    const checksum = this.#sha.digest();
    const wanted = await this.#take(checksumBytes, 'the checksum of everything', {
      isHashed: false,
    });
    if (!wanted.equals(checksum)) {
      throw this.#damaged(told.at, 'the checksum of everything is not the one at its end');
    }
    const bytes = this.#source.offset;
    if ((await this.#source.take(1)).length > 0) {
      throw this.#damaged(bytes, 'more follows after its end');
    }
    return { ...found, bytes, checksum: checksum.toString('hex') };
  }

  async #take(length: number, what: string, { isHashed = true } = {}): Promise<Buffer> {
    const bytes = await this.#source.take(length);
    if (bytes.length < length) {
      throw this.#damaged(this.#source.offset, `it ends there, in the middle of ${what}`);
    }
    if (isHashed) this.#sha.update(bytes);
    return bytes;
  }

  #damaged(offset: number, what: string): DamagedError {
    return new DamagedError(
      `${this.#name} is no whole backup. At byte ${offset}: ${what}. Take another one; this file cannot be relied on.`,
      { file: this.#name, offset, index: this.#index },
    );
  }
}

/**
 * Reads the head of a backup that is to be passed on as it is.
 *
 * @throws {DamagedError | UnsupportedError}
 */
export async function peekHead(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): Promise<{ readonly head: BackupHead; readonly chunks: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  const source = new ByteSource({
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const next = await iterator.next();
        if (next.done !== true) seen.push(next.value);
        return next;
      },
    }),
  });
  try {
    const head = await new BackupReader(source, name).head();
    return { head, chunks: joined(seen, iterator) };
  } catch (error) {
    await iterator.return?.();
    throw error;
  }
}

async function* joined(
  first: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      yield next.value;
    }
  } finally {
    await rest.return?.();
  }
}
