import { DamagedError } from 'quorate';
import { readSnapshot } from '../store/snapshot-reader.ts';
import { KvStore } from '../store/store.ts';
import { ContentCheck, type ContentSummary } from './content-check.ts';
import { type OpenedBackup, openBackup } from './decode.ts';
import type { BackupHead, BackupWhole } from './format.ts';

/** A backup that was found whole. */
export interface VerifiedBackup {
  readonly head: BackupHead;
  readonly whole: BackupWhole;
  readonly content: ContentSummary;
}

export interface VerifyOptions {
  /** What a refusal calls it. */
  readonly name: string;
  /**
   * Also builds the store, as a member would: it takes the memory of one, and finds as well whether
   * the past is whole. Default `false`.
   */
  readonly rebuild?: boolean;
}

/**
 * Reads a backup to its end and checks all of it: every checksum, and that the hash of the state is
 * the one that its head names.
 *
 * @throws {DamagedError | UnsupportedError}
 */
export async function verifyBackup(
  chunks: AsyncIterable<Uint8Array>,
  { name, rebuild = false }: VerifyOptions,
): Promise<VerifiedBackup> {
  const opened = await openBackup(chunks, name);
  try {
    const content = rebuild ? await build(opened, name) : await count(opened, name);
    const { head } = opened;
    demandNamed(head, content, name);
    return { head, whole: opened.whole(), content };
  } finally {
    await opened.close();
  }
}

function count({ content, head }: OpenedBackup, id: string): Promise<ContentSummary> {
  return readSnapshot(content, (start) => new ContentCheck(start), { id, index: head.index });
}

async function build({ content, head }: OpenedBackup, id: string): Promise<ContentSummary> {
  const store = new KvStore();
  await store.restore(content, { id, index: head.index });
  const { revision, compactedRevision, keyCount: keys, leaseCount: leases } = store;
  return { revision, compactedRevision, keys, leases, hash: store.hash() };
}

function demandNamed(head: BackupHead, found: ContentSummary, file: string): void {
  if (head.hash === found.hash && head.revision === found.revision) return;
  throw new DamagedError(
    `${file} should be of revision ${head.revision} with the hash ${head.hash}, and has revision ${found.revision} with the hash ${found.hash}. Take another backup; this one cannot be relied on.`,
    { file, offset: 0, index: head.index },
  );
}
