import { crc32 } from 'node:zlib';

import type { OpenFile } from '../../../src/platform/file-system.ts';
import type { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';

/** What a `ToyStore` leaves out; nothing, if it is a good one. */
export type ToyFlaw =
  | 'no sync of the directory'
  | 'no checksum'
  | 'rename before sync'
  | 'acknowledges early';

const headerBytes = 8;

/**
 * A list of texts in one file, the shortest store that keeps its promises: an added text is durable
 * when `add` resolves, and `replaceAll` happens as a whole or not at all.
 */
export class ToyStore implements AsyncDisposable {
  readonly #files: SimFs;
  readonly #flaw: ToyFlaw | undefined;
  readonly #texts: string[] = [];
  #file: OpenFile;
  #end = 0;

  private constructor(files: SimFs, file: OpenFile, flaw: ToyFlaw | undefined) {
    this.#files = files;
    this.#file = file;
    this.#flaw = flaw;
  }

  static async open(files: SimFs, flaw?: ToyFlaw): Promise<ToyStore> {
    const isThere = (await files.size('/texts')) !== undefined;
    const mode = isThere ? 'write' : 'create';
    const file = await files.open('/texts', { mode, durableWrites: true });
    const store = new ToyStore(files, file, flaw);
    await store.#recover();
    await store.#syncDirectory();
    return store;
  }

  get texts(): readonly string[] {
    return this.#texts;
  }

  async add(text: string): Promise<void> {
    const record = this.#record(text);
    const writing = this.#file.write([record], this.#end);
    if (this.#flaw !== 'acknowledges early') await writing;
    this.#end += record.byteLength;
    this.#texts.push(text);
  }

  async replaceAll(text: string): Promise<void> {
    if ((await this.#files.size('/next')) !== undefined) await this.#files.unlink('/next');
    const next = await this.#files.open('/next', { mode: 'create' });
    const record = this.#record(text);
    await next.write([record], 0);
    if (this.#flaw !== 'rename before sync') await next.sync();
    await this.#files.rename('/next', '/texts');
    await this.#syncDirectory();
    await next.close();
    await this.#file.close();
    this.#file = await this.#files.open('/texts', { mode: 'write', durableWrites: true });
    this.#end = record.byteLength;
    this.#texts.splice(0, this.#texts.length, text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }

  async #recover(): Promise<void> {
    const size = await this.#file.size();
    const bytes = new Uint8Array(size);
    await this.#file.read(bytes, 0);
    for (;;) {
      const text = this.#textAt(bytes, this.#end);
      if (text === undefined) break;
      this.#texts.push(text);
      this.#end += this.#record(text).byteLength;
    }
    if (size === this.#end) return;
    await this.#file.truncate(this.#end);
    await this.#file.sync();
  }

  #textAt(bytes: Uint8Array, start: number): string | undefined {
    if (start + headerBytes > bytes.byteLength) return undefined;
    const view = new DataView(bytes.buffer);
    const length = view.getUint32(start);
    const content = bytes.subarray(start + headerBytes, start + headerBytes + length);
    if (length === 0 || content.byteLength < length) return undefined;
    if (this.#flaw !== 'no checksum' && crc32(content) !== view.getUint32(start + 4)) {
      return undefined;
    }
    return new TextDecoder().decode(content);
  }

  #record(text: string): Uint8Array {
    const content = new TextEncoder().encode(text);
    const record = new Uint8Array(headerBytes + content.byteLength);
    const view = new DataView(record.buffer);
    view.setUint32(0, content.byteLength);
    view.setUint32(4, crc32(content));
    record.set(content, headerBytes);
    return record;
  }

  async #syncDirectory(): Promise<void> {
    if (this.#flaw !== 'no sync of the directory') await this.#files.syncDirectory('/');
  }
}
