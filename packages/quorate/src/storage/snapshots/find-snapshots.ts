import { DamagedError, UnsupportedError } from '../../errors.ts';
import type { FileSystem, OpenFile } from '../../platform/file-system.ts';
import {
  decodeHead,
  decodeTrailer,
  endOfBlocks,
  fixedHeadBytes,
  type Head,
  headLength,
  trailerBytes,
  versionIn,
} from './format.ts';
import { readBytes } from './read-blocks.ts';
import { SavedSnapshot } from './saved-snapshot.ts';
import type { NumberedFile, SnapshotDirectory } from './snapshot-directory.ts';

/** A part that an earlier process left; nothing but its head was looked at. */
export interface FoundPart {
  readonly file: NumberedFile;
  readonly head: Head;
}

export interface FoundSnapshots {
  readonly current: SavedSnapshot | undefined;
  readonly part: FoundPart | undefined;
}

/**
 * Finds the newest snapshot and what was received of the next, and removes everything else.
 *
 * @throws {DamagedError} if a snapshot is not as it was written, as far as can be told without
 *   reading its content.
 * @throws {UnsupportedError} if one is of another version of the format.
 */
export async function findSnapshots(directory: SnapshotDirectory): Promise<FoundSnapshots> {
  const found = await directory.open();
  const { files } = directory.options;
  const ofKind = (kind: NumberedFile['kind']): NumberedFile[] =>
    found.filter((file) => file.kind === kind);
  for (const { path } of ofKind('tmp')) await files.unlink(path);
  const current = await findCurrent(directory, ofKind('snap'));
  try {
    return { current, part: await findPart(directory, ofKind('part'), current) };
  } catch (error) {
    await current?.close();
    throw error;
  }
}

/** The power may be cut between the moment a snapshot counts and the end of the one before. */
async function findCurrent(
  directory: SnapshotDirectory,
  files: readonly NumberedFile[],
): Promise<SavedSnapshot | undefined> {
  const newest = files.at(-1);
  if (newest === undefined) return undefined;
  const saved = await openSaved(directory, newest.path);
  try {
    for (const { path } of files.slice(0, -1)) await directory.options.files.unlink(path);
    return saved;
  } catch (error) {
    await saved.close();
    throw error;
  }
}

/**
 * Opens a whole snapshot, and reads nothing of its content.
 *
 * @throws {DamagedError} if its head or its end is not as it was written.
 * @throws {UnsupportedError} if it is of another version of the format.
 */
export async function openSaved(
  directory: SnapshotDirectory,
  path: string,
): Promise<SavedSnapshot> {
  const file = await directory.options.files.open(path, { mode: 'read' });
  try {
    const { head, bytes } = await readHead(file);
    if (head === undefined) throw wrongHead(path, bytes);
    const size = await file.size();
    const trailer = await readBytes(file, Math.max(0, size - trailerBytes), trailerBytes);
    const whole = decodeTrailer(trailer, head);
    if (whole === undefined || endOfBlocks(head, whole.size) + trailerBytes !== size) {
      const { index } = head.meta.lastLogId;
      throw new DamagedError(
        `${path} at offset ${size}: the snapshot of entry ${index} does not end as it was written. Replace the disk, and restore the node from a copy or as a new one.`,
        { file: path, offset: size, index },
      );
    }
    return new SavedSnapshot(directory, { file, path, head, whole });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A part promises nothing: one that cannot be gone on with is dropped. */
async function findPart(
  directory: SnapshotDirectory,
  parts: readonly NumberedFile[],
  current: SavedSnapshot | undefined,
): Promise<FoundPart | undefined> {
  const { files } = directory.options;
  let newest: FoundPart | undefined;
  for (const file of parts.toReversed()) {
    if (newest === undefined) {
      const head = await headOfPart(files, file.path);
      const isWanted = head !== undefined && head.meta.lastLogId.index > (current?.index ?? 0);
      if (isWanted) newest = { file, head };
    }
    if (newest?.file !== file) await files.unlink(file.path);
  }
  return newest;
}

async function headOfPart(files: FileSystem, path: string): Promise<Head | undefined> {
  const file = await files.open(path, { mode: 'read' });
  try {
    return (await readHead(file)).head;
  } finally {
    await file.close();
  }
}

async function readHead(
  file: OpenFile,
): Promise<{ readonly head: Head | undefined; readonly bytes: Uint8Array }> {
  const fixed = await readBytes(file, 0, fixedHeadBytes);
  const length = headLength(fixed);
  if (length === undefined || length > (await file.size()))
    return { head: undefined, bytes: fixed };
  const bytes = await readBytes(file, 0, length);
  return { head: decodeHead(bytes), bytes };
}

function wrongHead(path: string, bytes: Uint8Array): Error {
  const version = versionIn(bytes);
  if (version !== undefined && version !== '1') {
    return new UnsupportedError(
      `${path} has version ${version} of the format; this version of the library reads version 1. Nothing was changed. Start the version that wrote it.`,
    );
  }
  return new DamagedError(
    `${path} at offset 0: this is not the head of a snapshot as it was written. Replace the disk, and restore the node from a copy or as a new one.`,
    { file: path, offset: 0, index: 0 },
  );
}
