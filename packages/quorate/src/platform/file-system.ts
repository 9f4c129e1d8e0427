export interface OpenOptions {
  /**
   * `read`: an existing file, for reading. `write`: an existing file, for reading and writing.
   * `create`: a new file, for both; fails with `EEXIST` if the name is taken.
   */
  readonly mode: 'read' | 'write' | 'create';
  /** Every `write` resolves only once its bytes survive power loss (`O_DSYNC`). Default `false`. */
  readonly durableWrites?: boolean;
  /**
   * Small durable writes may hold up the event loop, where that is quicker than to wake another
   * thread for them. Default `false`.
   */
  readonly mayBlock?: boolean;
}

/** An open file. Calls may overlap; overlapping writes to the same bytes end in any order. */
export interface OpenFile extends AsyncDisposable {
  /**
   * Fills `buffer` from the bytes at `position` and returns how many came: less than asked only at
   * the end of the file.
   */
  read(buffer: Uint8Array, position: number): Promise<number>;

  /**
   * Writes all of `parts`, one after the other, from `position` on. If it rejects, any part of the
   * bytes may have been written. `parts` must not change until it has settled.
   */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;

  /** Cuts or extends (with zeroes) the file to `size` bytes. Durable only after `sync`. */
  truncate(size: number): Promise<void>;

  /** Resolves once all that was written, and the size, survive power loss. */
  sync(): Promise<void>;

  /** The size in bytes. */
  size(): Promise<number>;

  /** Closes the file. A second call does nothing. */
  close(): Promise<void>;
}

/**
 * A lock that is held. It ends with `release`, or with the process, in whatever way that dies. Keep
 * the object for as long as the lock is needed: one that is forgotten may be released as garbage.
 */
export interface FileLock {
  /** A second call does nothing. */
  release(): Promise<void>;
}

/**
 * The files that a store on disk works with. Failures reject with the system's error, whose `code`
 * is its name (`ENOENT`, `ENOSPC`, `EIO`). A name that was created, renamed or removed survives
 * power loss only after `syncDirectory` of the directory it is in.
 */
export interface FileSystem {
  open(path: string, options: OpenOptions): Promise<OpenFile>;

  /** Gives a file another name. What had that name before is gone, all at once. */
  rename(from: string, to: string): Promise<void>;

  /** Removes a file. Who has it open can go on reading. */
  unlink(path: string): Promise<void>;

  /** Creates a directory and those above it. One that exists already is fine. */
  makeDirectory(path: string): Promise<void>;

  /** The names in a directory, sorted. */
  readDirectory(path: string): Promise<string[]>;

  /** Resolves once the names in the directory survive power loss. */
  syncDirectory(path: string): Promise<void>;

  /** The size of a file in bytes, or `undefined` if there is none. */
  size(path: string): Promise<number | undefined>;

  /** How many bytes can still be written to the disk that holds `path`. */
  freeBytes(path: string): Promise<number>;

  /**
   * Takes the lock that the file at `path` stands for, creating the file if needed. Returns
   * `undefined` if it is held already, by another process or by this one. Nobody else may open
   * that file.
   */
  lock(path: string): Promise<FileLock | undefined>;
}
