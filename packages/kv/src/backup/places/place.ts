import type { BackupName } from '../names.ts';
import type { VerifiedBackup } from '../verify.ts';

/** A backup that lies in a place. */
export interface StoredBackup extends BackupName {
  readonly bytes: number;
}

export interface PlaceCallOptions {
  readonly signal?: AbortSignal;
}

export interface SaveOptions extends PlaceCallOptions {
  /** What is read back goes through it: to be slowed down, for one. */
  readonly readBack?: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/** Where backups are kept. What lies there besides is left alone. */
export interface BackupPlace extends AsyncDisposable {
  /** For people. */
  readonly title: string;
  /** The newest first. */
  list(options?: PlaceCallOptions): Promise<readonly StoredBackup[]>;
  /**
   * Stores a backup, and reads it back and verifies it. What is not whole has no such name.
   *
   * @throws {DamagedError} if what came, or what was stored, is no whole backup.
   */
  save(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    options?: SaveOptions,
  ): Promise<VerifiedBackup>;
  read(name: string, options?: PlaceCallOptions): AsyncIterable<Uint8Array>;
  remove(name: string, options?: PlaceCallOptions): Promise<void>;
}

export function newestFirst(
  one: Pick<BackupName, 'at' | 'name'>,
  other: Pick<BackupName, 'at' | 'name'>,
): number {
  return other.at.getTime() - one.at.getTime() || (one.name < other.name ? 1 : -1);
}
