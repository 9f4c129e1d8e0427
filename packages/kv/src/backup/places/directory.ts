import { stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { reading, writeBackupFile } from '../files.ts';
import { readName } from '../names.ts';
import { namesIn, removeLeftovers, unlessGone } from '../partial.ts';
import type { VerifiedBackup } from '../verify.ts';
import {
  type BackupPlace,
  newestFirst,
  type PlaceCallOptions,
  type SaveOptions,
  type StoredBackup,
} from './place.ts';

/** Backups as files of one folder, which is made when the first is stored. */
export class DirectoryPlace implements BackupPlace {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get title(): string {
    return this.#folder;
  }

  async list(): Promise<readonly StoredBackup[]> {
    const found: StoredBackup[] = [];
    for (const name of await namesIn(this.#folder)) {
      const known = readName(name);
      if (known === undefined) continue;
      const size = await this.#sizeOf(name);
      // A name that is held for one that is being written has nothing in it yet.
      if (size > 0) found.push({ ...known, bytes: size });
    }
    return found.sort(newestFirst);
  }

  async save(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    options: SaveOptions = {},
  ): Promise<VerifiedBackup> {
    await this.#removeLeftovers(name);
    return writeBackupFile(path.join(this.#folder, name), chunks, {
      ...options,
      existing: 'replace',
    });
  }

  read(name: string, options: PlaceCallOptions = {}): AsyncIterable<Uint8Array> {
    return reading(path.join(this.#folder, name), options);
  }

  async remove(name: string): Promise<void> {
    await unlink(path.join(this.#folder, name)).catch(unlessGone);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open.
  }

  /** What this member was writing when its process died. Of others nobody knows if they are. */
  async #removeLeftovers(name: string): Promise<void> {
    const { cluster, member } = readName(name) ?? {};
    await removeLeftovers(this.#folder, (other) => {
      const known = readName(other);
      return known !== undefined && known.cluster === cluster && known.member === member;
    });
  }

  async #sizeOf(name: string): Promise<number> {
    const found = await stat(path.join(this.#folder, name)).catch(unlessGone);
    return found?.size ?? 0;
  }
}
