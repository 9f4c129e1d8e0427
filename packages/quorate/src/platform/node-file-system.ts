import { constants, writevSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  rename,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import type * as sqlite from 'node:sqlite';
import { UnsupportedError } from '../errors.ts';
import type { FileLock, FileSystem, OpenFile, OpenOptions } from './file-system.ts';
import { WritePace } from './write-pace.ts';

/** The files of this machine. */
export const nodeFileSystem: FileSystem = {
  open: openFile,
  rename,
  unlink,
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  readDirectory: async (path) => (await readdir(path)).sort(),
  syncDirectory,
  size: sizeOf,
  freeBytes,
  lock,
};

/**
 * Elsewhere the flag is missing or, as on macOS, stops short of the disk's own cache; there a sync
 * after each write does the same.
 */
const hasDurableFlag = process.platform === 'linux';

const openFlags = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
} as const;

async function openFile(path: string, options: OpenOptions): Promise<OpenFile> {
  const durable = options.durableWrites ?? false;
  const flags = openFlags[options.mode] | (durable && hasDurableFlag ? constants.O_DSYNC : 0);
  return new NodeFile(await open(path, flags), {
    syncWrites: durable && !hasDurableFlag,
    pace: durable && hasDurableFlag && options.mayBlock === true ? new WritePace() : undefined,
  });
}

interface NodeFileOptions {
  readonly syncWrites: boolean;
  readonly pace: WritePace | undefined;
}

class NodeFile implements OpenFile {
  readonly #handle: FileHandle;
  readonly #syncWrites: boolean;
  /** Durable writes may be done by the event loop itself. */
  readonly #pace: WritePace | undefined;
  #closing: Promise<void> | undefined;

  constructor(handle: FileHandle, options: NodeFileOptions) {
    this.#handle = handle;
    this.#syncWrites = options.syncWrites;
    this.#pace = options.pace;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let count = 0;
    while (count < buffer.byteLength) {
      const { bytesRead } = await this.#handle.read(
        buffer,
        count,
        buffer.byteLength - count,
        position + count,
      );
      if (bytesRead === 0) break;
      count += bytesRead;
    }
    return count;
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    if (this.#pace?.isQuick(bytesOf(parts), performance.now()) !== true) {
      return this.#handOver(parts, position);
    }
    // What else was begun in this turn leaves first: followers write at the same time.
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        try {
          this.#writeNow(parts, position);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #writeNow(parts: readonly Uint8Array[], position: number): void {
    const began = performance.now();
    let rest = parts.filter((part) => part.byteLength > 0);
    let at = position;
    while (rest.length > 0) {
      const count = writevSync(this.#handle.fd, rest, at);
      at += demandProgress(count, at);
      rest = withoutFirstBytes(rest, count);
    }
    const now = performance.now();
    this.#pace?.took(now - began, now);
  }

  async #handOver(parts: readonly Uint8Array[], position: number): Promise<void> {
    let rest = parts.filter((part) => part.byteLength > 0);
    let at = position;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#handle.writev(rest, at);
      at += demandProgress(bytesWritten, at);
      rest = withoutFirstBytes(rest, bytesWritten);
    }
    if (this.#syncWrites) await this.#handle.sync();
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    this.#closing ??= this.#handle.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function bytesOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  return bytes;
}

/** @throws {Error} if nothing was written, so that nobody tries for ever. */
function demandProgress(count: number, position: number): number {
  if (count > 0) return count;
  throw new Error(`The system wrote nothing at position ${position} and gave no reason.`);
}

/** What is left to write after the system took `count` bytes and stopped in the middle. */
function withoutFirstBytes(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (skip < part.byteLength) rest.push(part.subarray(skip));
    skip = Math.max(0, skip - part.byteLength);
  }
  return rest;
}

async function syncDirectory(path: string): Promise<void> {
  // Windows opens no directories, and makes their changes durable by itself.
  if (process.platform === 'win32') return;
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/**
 * Node has no call for file locks, but its SQLite takes one for an exclusive transaction, and the
 * system drops it when the process ends. Loaded on demand: few programs need a lock, and Node
 * below 22.13 has no such module.
 */
async function lock(path: string): Promise<FileLock | undefined> {
  const { DatabaseSync } = await importSqlite();
  const database = new DatabaseSync(path);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw isOfFullDisk(error) ? diskFull(path, error) : error;
  }
  return {
    release: async () => {
      if (database.isOpen) database.close();
    },
  };
}

async function importSqlite(): Promise<typeof sqlite> {
  try {
    return await import('node:sqlite');
  } catch (cause) {
    throw new UnsupportedError(
      `Locking a file wants Node 22.13 or later; this is ${process.version}.`,
      { cause },
    );
  }
}

/** SQLite's result codes for "somebody else has it": SQLITE_BUSY and SQLITE_LOCKED. */
function isBusy(error: unknown): boolean {
  return [5, 6].includes(sqliteCode(error));
}

/** SQLITE_FULL. */
function isOfFullDisk(error: unknown): boolean {
  return sqliteCode(error) === 13;
}

/** 0, which is none of a failure, if this is not of SQLite. */
function sqliteCode(error: unknown): number {
  if (!(error instanceof Error) || !('errcode' in error)) return 0;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
}

/** As the system says it of any other file. */
function diskFull(path: string, cause: unknown): Error {
  const message = `The disk that holds ${path} is full: there is no room to take the lock of this directory. Make room on that disk, and start again; nothing was changed.`;
  return Object.assign(new Error(message, { cause }), { code: 'ENOSPC', path });
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
