import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { restoreStorage } from 'quorate';
import { walStorage } from 'quorate/storage/wal';
import type { Revision } from '../types.ts';
import { bumpRevision, type MadeContent } from './bump.ts';
import { openBackup } from './decode.ts';
import { reading } from './files.ts';
import type { BackupHead } from './format.ts';
import { type VerifiedBackup, verifyBackup } from './verify.ts';

export interface RestorePlan {
  readonly file: string;
  /** All members of the new cluster, name to `host:port`. */
  readonly peers: Readonly<Record<string, string>>;
  /** Drawn for one restoration, and the same for all its members: see `drawToken`. */
  readonly token: string;
  /** How much higher the revision becomes; 0: not at all. */
  readonly revisionBump: number;
  /** Told of so many more bytes that were read. */
  readonly onProgress?: (bytes: number) => void;
}

/** What a directory was made of. */
export interface Restored {
  readonly cluster: string;
  readonly revision: Revision;
  readonly hash: string;
  readonly keys: number;
  readonly leases: number;
}

/** A backup that was verified, and built as a member would, to be written to disks. */
export interface PreparedRestore {
  readonly plan: RestorePlan;
  readonly verified: VerifiedBackup;
  readonly cluster: string;
  readonly revision: Revision;
  readonly hash: string;
  readonly made: MadeContent | undefined;
}

/**
 * So much the new log begins behind the old one: no entry, and with it no session, of what the old
 * cluster wrote after the backup can be taken for one of the new cluster.
 */
const indexBump = 1_000_000_000;

/** A new token: whoever restores with another one gets another cluster. */
export function drawToken(): string {
  return randomBytes(8).toString('hex');
}

/**
 * The id of the new cluster: the same for all members that are restored with the same token, of the
 * same file, with the same peers. Where one of these differs, members refuse each other.
 */
export function clusterOf(
  { peers, token, revisionBump }: Pick<RestorePlan, 'peers' | 'token' | 'revisionBump'>,
  checksum: string,
): string {
  const sorted = Object.entries(peers).sort(([one], [other]) => (one < other ? -1 : 1));
  const all = JSON.stringify([token, checksum, sorted, revisionBump]);
  return createHash('sha256').update(all).digest('hex').slice(0, 32);
}

/**
 * Reads all of a backup and builds its store, before anything is written.
 *
 * @throws {DamagedError | UnsupportedError} if it is no whole backup.
 */
export async function prepareRestore(plan: RestorePlan): Promise<PreparedRestore> {
  const { file, revisionBump } = plan;
  const verified = await verifyBackup(progressing(plan), { name: file, rebuild: true });
  const cluster = clusterOf(plan, verified.whole.checksum);
  const { revision, hash } = verified.head;
  if (revisionBump === 0) return { plan, verified, cluster, revision, hash, made: undefined };
  const opened = await openBackup(reading(file), file);
  try {
    const made = await bumpRevision(opened.content, revisionBump);
    return { plan, verified, cluster, revision: made.revision, hash: made.hash, made };
  } finally {
    await opened.close();
  }
}

/**
 * Makes the directory of one member of the new cluster.
 *
 * @throws {RangeError} if the directory is not empty.
 */
export async function restoreMember(
  prepared: PreparedRestore,
  { name, directory }: { readonly name: string; readonly directory: string },
): Promise<Restored> {
  const { plan, verified, cluster, revision, hash, made } = prepared;
  await demandEmpty(directory);
  await mkdir(directory, { recursive: true });
  const { keys, leases } = verified.content;
  const nodes = Object.fromEntries(
    Object.entries(plan.peers).map(([peer, address]) => [peer, { address }] as const),
  );
  const storage = await walStorage(directory);
  try {
    await restoreStorage(storage, {
      id: name,
      cluster,
      nodes,
      last: lastOf(verified.head),
      chunks: made?.chunks ?? contentOf(plan, verified),
    });
  } finally {
    await storage[Symbol.asyncDispose]();
  }
  return { cluster, revision, hash, keys, leases };
}

function lastOf({ index, term }: BackupHead): { readonly term: number; readonly index: number } {
  return { term: term + 1, index: index + indexBump };
}

/** The file is read anew for each member, and must be the one that was verified. */
async function* contentOf(
  plan: RestorePlan,
  { whole }: VerifiedBackup,
): AsyncGenerator<Uint8Array, void, undefined> {
  const opened = await openBackup(progressing(plan), plan.file);
  try {
    yield* opened.content;
    if (opened.whole().checksum === whole.checksum) return;
    throw new Error(
      `${plan.file} was changed while it was restored. Begin anew, in empty folders.`,
    );
  } finally {
    await opened.close();
  }
}

function progressing({ file, onProgress }: RestorePlan): AsyncIterable<Uint8Array> {
  return reading(file, onProgress === undefined ? {} : { onProgress });
}

/** What a file system has made itself at its root: a new disk is empty all the same. */
const madeBySystem: ReadonlySet<string> = new Set(['lost+found']);

/**
 * Refuses to restore into a directory that has anything in it; one that is not there is right.
 *
 * @throws {RangeError}
 */
export async function demandEmpty(directory: string): Promise<void> {
  const found = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const names = found.filter((name) => !madeBySystem.has(name));
  if (names.length === 0) return;
  throw new RangeError(
    `${directory} is not empty: it has ${names.slice(0, 3).join(', ')}. Restore into a folder without anything in it; this one was not touched.`,
  );
}
