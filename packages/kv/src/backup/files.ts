import { createReadStream } from 'node:fs';
import { access, type FileHandle, link, mkdir, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { beginPartial, endPartial, removeLeftovers } from './partial.ts';
import { type VerifiedBackup, verifyBackup } from './verify.ts';

export interface WriteOptions {
  /** Aborting ends it, with nothing left. */
  readonly signal?: AbortSignal | undefined;
  /** Told of so many more bytes that were written, and then of as many that were read back. */
  readonly onProgress?: (bytes: number) => void;
  /** What is read back goes through it: to be slowed down, for one. */
  readonly readBack?: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  /** What a file of this name is: kept (then it is refused), or replaced. Default `refuse`. */
  readonly existing?: 'refuse' | 'replace';
}

/**
 * Writes a backup to a file that has this name only once all of it is on the disk and was read back
 * and verified: whatever breaks in between, nothing is left that looks like a backup. Of several
 * that write the same file at once, one makes it, and the others are refused.
 *
 * @throws {DamagedError} if what came is no whole backup, as when its source was cut off.
 * @throws what the chunks and the file system throw; `EEXIST` if there is such a file.
 */
export async function writeBackupFile(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  {
    signal,
    onProgress = nothing,
    existing = 'refuse',
    readBack = (written) => written,
  }: WriteOptions = {},
): Promise<VerifiedBackup> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  // Early, and not only once everything was written.
  if (existing === 'refuse') await demandFree(file);
  await removeLeftovers(folder, (name) => name === path.basename(file));
  const partial = beginPartial(file);
  let isDone = false;
  try {
    const handle = await open(partial, 'wx');
    try {
      await writeAll(handle, chunks, { signal, onProgress });
      await handle.sync();
    } finally {
      await handle.close();
    }
    const written = readBack(reading(partial, { signal, onProgress }));
    const verified = await verifyBackup(written, { name: file });
    if (existing === 'refuse') await giveNewName(partial, file);
    else await rename(partial, file);
    isDone = true;
    await syncFolder(folder);
    return verified;
  } finally {
    if (!isDone) await unlink(partial).catch(nothing);
    endPartial(partial);
  }
}

/** The bytes of a file as they are read. @throws what the file system throws. */
export async function* reading(
  file: string,
  { signal, onProgress = nothing }: Pick<WriteOptions, 'signal' | 'onProgress'> = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = createReadStream(file, { highWaterMark: pieceBytes });
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      onProgress((chunk as Buffer).length);
      yield chunk as Buffer;
    }
  } finally {
    stream.destroy();
  }
}

const pieceBytes = 256 * 1024;

async function writeAll(
  handle: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
  { signal, onProgress }: { signal: AbortSignal | undefined; onProgress: (bytes: number) => void },
): Promise<void> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await handle.write(chunk, at);
      at += bytesWritten;
    }
    onProgress(chunk.length);
  }
}

async function demandFree(file: string): Promise<void> {
  try {
    await access(file);
  } catch {
    return;
  }
  throw taken(file);
}

function taken(file: string): Error {
  return Object.assign(new Error(`There is a file ${file} already.`), { code: 'EEXIST' });
}

/** Unlike renaming, a second name never takes the place of another file. */
async function giveNewName(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(to);
    // Some file systems give no file two names.
    if (!noLinks.has(code)) throw error;
    await demandFree(to);
    await rename(from, to);
    return;
  }
  await unlink(from);
}

const noLinks: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders, and makes their changes durable by itself.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function nothing(): void {
  // Nobody wants to know.
}
