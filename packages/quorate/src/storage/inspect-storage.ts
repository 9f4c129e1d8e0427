import { noLogId } from '../core/log-shape.ts';
import type { LogIndex } from '../core/types.ts';
import { LockedError } from '../errors.ts';
import type { FileLock, FileSystem } from '../platform/file-system.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';
import type { StorageFault, StorageFinding, StorageSummary } from './findings.ts';
import { SnapshotInspection, snapshotsIn } from './snapshots/inspect-snapshots.ts';
import { LogInspection, pathOfSegment, segmentsIn } from './wal/inspect-log.ts';

export interface InspectOptions {
  /** The files to work with. Default: Node's. */
  readonly files?: FileSystem;
}

/**
 * Reads everything that a node has in the directory of its `walStorage`, and checks it: every
 * checksum, every number, and that entries and snapshot follow one another. Nothing is changed, and
 * while it reads no node can start there. It goes on behind a fault, to tell what is left.
 *
 *     for await (const finding of inspectStorage('/var/lib/quorate')) {
 *       if (finding.type === 'fault') console.log(finding.file, finding.offset, finding.found);
 *     }
 *
 * Memory: one file of the log at a time.
 *
 * @throws {LockedError} if a node runs on it.
 * @throws {UnsupportedError} if another version wrote it.
 * @throws what reading the files throws, `ENOENT` if there is no log.
 */
export async function* inspectStorage(
  directory: string,
  { files = nodeFileSystem }: InspectOptions = {},
): AsyncGenerator<StorageFinding, void, undefined> {
  const logDirectory = `${directory}/log`;
  const sequences = await segmentsIn(files, logDirectory);
  const lock = await lockOf(files, logDirectory);
  try {
    const log = new LogInspection(files, logDirectory);
    const snapshots = new SnapshotInspection(files, `${directory}/snapshots`);
    const bytes = await bytesOf(files, [
      ...sequences.map((sequence) => pathOfSegment(logDirectory, sequence)),
      ...(await snapshotsIn(files, `${directory}/snapshots`)).slice(-1),
    ]);
    yield { type: 'begin', bytes, isLocked: lock !== undefined };
    let faults = 0;
    const purged = (): LogIndex => log.contents.purged.index;
    for await (const finding of all(log.run(sequences), snapshots.run(purged))) {
      if (finding.type === 'fault') faults += 1;
      yield finding;
    }
    for (const fault of faultsBetween(log, snapshots, logDirectory)) {
      // What is missing because it is damaged was told of.
      if (faults > 0) break;
      faults += 1;
      yield fault;
    }
    yield { type: 'end', ...whole(log, snapshots), faults };
  } finally {
    await lock?.release();
  }
}

async function* all(
  ...parts: readonly AsyncIterable<StorageFinding>[]
): AsyncGenerator<StorageFinding, void, undefined> {
  for (const part of parts) yield* part;
}

/** What is wrong with both together, each of which is right. */
function* faultsBetween(
  { contents }: LogInspection,
  { newest = noLogId }: SnapshotInspection,
  directory: string,
): Generator<StorageFault, void, undefined> {
  const { purged, last, vote } = contents;
  const place = { type: 'fault', file: directory, offset: 0, isFatal: true } as const;
  if (newest.index < purged.index) {
    const wanted = `a snapshot of entry ${purged.index}, up to which the log is purged`;
    const found = newest.index === 0 ? 'no snapshot' : `one of entry ${newest.index}`;
    yield { ...place, wanted, found, lost: { from: newest.index + 1, to: purged.index } };
  }
  const term = Math.max(last.term, newest.term);
  if (term > (vote?.term ?? 0)) {
    const found = vote === undefined ? 'none' : `one of term ${vote.term}`;
    yield { ...place, wanted: `a vote of term ${term}, in which the log ends`, found };
  }
}

function whole(
  { contents, memberships }: LogInspection,
  { newest, membership: covered }: SnapshotInspection,
): Omit<StorageSummary, 'type' | 'faults'> {
  const { identity, vote, purged, last } = contents;
  const logged = memberships.at(-1);
  const isNewer = logged !== undefined && logged.index > (covered?.logId.index ?? 0);
  const membership = isNewer ? logged.membership : covered;
  return { identity, vote, purged, last, snapshot: newest, membership };
}

/** No lock where there can be none: on a disk that is only to be read, nobody writes either. */
async function lockOf(files: FileSystem, directory: string): Promise<FileLock | undefined> {
  const path = `${directory}/lock`;
  if ((await files.size(path)) === undefined) return undefined;
  let lock: FileLock | undefined;
  try {
    lock = await files.lock(path);
  } catch {
    return undefined;
  }
  if (lock !== undefined) return lock;
  throw new LockedError(
    `The log in ${directory} is in use by a node that runs. Stop it first, or inspect a copy.`,
  );
}

async function bytesOf(files: FileSystem, paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) bytes += (await files.size(path)) ?? 0;
  return bytes;
}
