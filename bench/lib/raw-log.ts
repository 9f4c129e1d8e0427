import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const gatherBytes = 16 * 1024;

/**
 * The least that a durable log can do on this machine: a file of zeroes, made before the clock
 * starts, and one O_DSYNC write for all that arrived during the one before. No format, no index.
 */
export class RawLog implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #size: number;
  #offset = 0;

  static async create(path: string, size: number): Promise<RawLog> {
    const zeroes = new Uint8Array(1024 * 1024);
    const filling = await open(path, 'w');
    for (let at = 0; at < size; at += zeroes.length) {
      await filling.write(zeroes, 0, zeroes.length, at);
    }
    await filling.sync();
    await filling.close();
    return new RawLog(await open(path, constants.O_RDWR | constants.O_DSYNC), size);
  }

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Begins again at the start of the file when that is full. */
  async append(commands: readonly Uint8Array[]): Promise<void> {
    const length = commands.reduce((sum, { length: one }) => sum + one, 0);
    if (this.#offset + length > this.#size) this.#offset = 0;
    // Large ones are not worth a copy.
    if (length >= commands.length * gatherBytes) {
      await this.#file.writev(commands, this.#offset);
    } else {
      await this.#file.write(Buffer.concat(commands), 0, length, this.#offset);
    }
    this.#offset += length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
