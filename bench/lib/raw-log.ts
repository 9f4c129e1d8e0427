import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * The least that a durable log can do on this machine: a file of zeroes, made before the clock
 * starts, and one O_DSYNC write for all that arrived during the one before. No format, no index.
 */
export class RawLog implements AsyncDisposable {
  readonly #file: FileHandle;
  #offset = 0;

  static async create(path: string, size: number): Promise<RawLog> {
    const zeroes = new Uint8Array(1024 * 1024);
    const filling = await open(path, 'w');
    for (let at = 0; at < size; at += zeroes.length) {
      await filling.write(zeroes, 0, zeroes.length, at);
    }
    await filling.sync();
    await filling.close();
    return new RawLog(await open(path, constants.O_RDWR | constants.O_DSYNC));
  }

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  async append(commands: readonly Uint8Array[]): Promise<void> {
    const bytes = Buffer.concat(commands);
    await this.#file.write(bytes, 0, bytes.length, this.#offset);
    this.#offset += bytes.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
