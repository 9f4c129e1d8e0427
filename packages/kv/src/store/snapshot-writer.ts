import type { ByteString } from '../bytes.ts';
import type { LeaseId, Revision } from '../types.ts';
import { FrameWriter, type FrameWriterOptions } from './frame-writer.ts';
import { firstChange, type History } from './history.ts';
import type { KeyTree } from './key-tree.ts';
import type { GrantedLease } from './lease-table.ts';
import { type Counts, formatVersion, magic, tags } from './snapshot-format.ts';
import type { KvState, Reading } from './state.ts';
import { memoryOf } from './value-memory.ts';
import type { StoredKey, StoredVersion } from './versions.ts';

/** As many keys are taken from the tree at a time. */
const keysAtATime = 256;
/** And as many revisions are looked at for what changed several keys. */
const revisionsAtATime = 0x1_0000;

/** What a state was at one moment; what came later can be told by its revision. */
interface Frozen {
  readonly tree: KeyTree;
  readonly history: History;
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  readonly leases: readonly GrantedLease[];
  readonly nextLeaseId: LeaseId;
  readonly hash: string;
  readonly reading: Reading;
}

/**
 * Freezes the state and returns it as chunks of 64 KiB or a little more, which are made when they
 * are asked for. Nothing is copied but the leases: versions never change, and those that are newer
 * than the revision of the moment are passed over.
 */
export function writeSnapshot(state: KvState, options?: FrameWriterOptions): Iterable<Uint8Array> {
  const frozen: Frozen = {
    tree: state.tree,
    history: state.history,
    revision: state.revision,
    compactedRevision: state.compactedRevision,
    leases: [...state.leases.all()],
    nextLeaseId: state.leases.nextId,
    hash: state.hash(),
    reading: state.beginReading(),
  };
  return framesOf(frozen, new FrameWriter(options));
}

function* framesOf(frozen: Frozen, writer: FrameWriter): Generator<Uint8Array> {
  const counts: Counts = { leases: 0, keys: 0, versions: 0 };
  try {
    writeHead(writer, frozen);
    yield* leaseFrames(writer, frozen, counts);
    yield* keyFrames(writer, frozen, counts);
    yield* orderFrames(writer, frozen);
    writer.byte(tags.end);
    writer.number(counts.leases);
    writer.number(counts.keys);
    writer.number(counts.versions);
    writer.raw(frozen.hash);
    yield writer.take();
  } finally {
    frozen.reading.isOver = true;
  }
}

function writeHead(writer: FrameWriter, frozen: Frozen): void {
  writer.byte(tags.head);
  writer.raw(magic);
  writer.byte(formatVersion);
  writer.number(frozen.revision);
  writer.number(frozen.compactedRevision);
  writer.number(frozen.nextLeaseId);
}

function* leaseFrames(
  writer: FrameWriter,
  { leases }: Frozen,
  counts: Counts,
): Generator<Uint8Array> {
  for (const { id, ttl, grantedAt } of leases) {
    writer.byte(tags.lease);
    writer.number(id);
    writer.number(ttl);
    writer.number(grantedAt);
    counts.leases += 1;
    if (writer.isFull) yield writer.take();
  }
}

function* keyFrames(writer: FrameWriter, frozen: Frozen, counts: Counts): Generator<Uint8Array> {
  let from: ByteString | undefined = '';
  while (from !== undefined) {
    // The tree may have changed since the last time; what is new in it is passed over.
    const keys: StoredKey[] = [];
    frozen.tree.ascend(from, undefined, (stored) => keys.push(stored) < keysAtATime);
    const last: StoredKey | undefined = keys.length < keysAtATime ? undefined : keys.at(-1);
    from = last === undefined ? undefined : `${last.key}\0`;
    for (const stored of keys) yield* versionFrames(writer, frozen, { stored, counts });
  }
}

/** One key with those of its versions that count: no delete that is compacted, for one. */
function* versionFrames(
  writer: FrameWriter,
  { revision, compactedRevision }: Frozen,
  { stored, counts }: { readonly stored: StoredKey; readonly counts: Counts },
): Generator<Uint8Array> {
  let version: StoredVersion | undefined = stored.newest;
  while (version !== undefined && version.modRevision > revision) version = version.before;
  let isKeyWritten = false;
  while (version !== undefined) {
    const isOldest = version.modRevision <= compactedRevision;
    if (isOldest && version.version === 0) return;
    if (!isKeyWritten) {
      writer.byte(tags.key);
      writer.sized(stored.key);
      counts.keys += 1;
      isKeyWritten = true;
    }
    writeVersion(writer, version);
    counts.versions += 1;
    if (writer.isFull) yield writer.take();
    version = isOldest ? undefined : version.before;
  }
}

function writeVersion(writer: FrameWriter, version: StoredVersion): void {
  writer.byte(version.version === 0 ? tags.delete : tags.put);
  writer.number(version.modRevision);
  if (version.version === 0) return;
  writer.number(version.createRevision);
  writer.number(version.version);
  writer.number(version.lease);
  writer.number(version.size);
  writer.copy(memoryOf(version), version.at, version.at + version.size);
}

function* orderFrames(
  writer: FrameWriter,
  { history, revision, compactedRevision }: Frozen,
): Generator<Uint8Array> {
  const first = Math.max(compactedRevision + 1, firstChange);
  for (let at = first; at <= revision; at += 1) {
    const changes = history.severalAt(at);
    if (changes !== undefined && !isSorted(changes)) writeOrder(writer, at, runsOf(changes));
    // Now and then even if there is little: who reads has other things to do as well.
    if (writer.isFull || at % revisionsAtATime === 0) yield writer.take();
  }
}

function writeOrder(writer: FrameWriter, revision: Revision, runs: readonly Run[]): void {
  writer.byte(tags.order);
  writer.number(revision);
  writer.number(runs.length);
  for (const { first, count } of runs) {
    writer.number(first);
    writer.number(count);
  }
}

interface Run {
  readonly first: number;
  count: number;
}

/** The order of changes as places among their sorted keys. */
function runsOf(changes: readonly StoredVersion[]): readonly Run[] {
  const places = new Map<StoredVersion, number>();
  const sorted = [...changes].sort((one, other) => (one.of.key < other.of.key ? -1 : 1));
  for (const [place, version] of sorted.entries()) places.set(version, place);
  const runs: Run[] = [];
  for (const version of changes) {
    const place = places.get(version) as number;
    const run = runs.at(-1);
    if (run !== undefined && run.first + run.count === place) run.count += 1;
    else runs.push({ first: place, count: 1 });
  }
  return runs;
}

function isSorted(changes: readonly StoredVersion[]): boolean {
  for (let at = 1; at < changes.length; at += 1) {
    const before = changes[at - 1] as StoredVersion;
    if (before.of.key > (changes[at] as StoredVersion).of.key) return false;
  }
  return true;
}
