import type { ByteString } from '../bytes.ts';
import { FrameWriter, type FrameWriterOptions } from '../store/frame-writer.ts';
import type { GrantedLease } from '../store/lease-table.ts';
import { type Counts, formatVersion, magic, tags } from '../store/snapshot-format.ts';
import type { LeaseId } from '../types.ts';
import { Cursor } from './cursor.ts';
import { decodeOrder } from './orders.ts';
import {
  decodeVersion,
  keyOfLiveRow,
  keyOfVersionRow,
  liveRows,
  orderRows,
  revisionOfRow,
  versionRows,
} from './rows.ts';
import type { Version } from './version.ts';
import type { View } from './view.ts';

/** What a snapshot is made of. */
export interface SnapshotParts {
  readonly view: View;
  /** In the order of their grants. */
  readonly leases: readonly GrantedLease[];
  readonly nextLeaseId: LeaseId;
}

const everything = { from: '', to: undefined };

/**
 * The state of a view in chunks, in the format of `store/snapshot-format`, made while they are
 * read. The view is in use until they are read or given up.
 */
export function writeSnapshot(
  parts: SnapshotParts,
  options?: FrameWriterOptions,
): AsyncIterableIterator<Uint8Array> {
  const { view } = parts;
  view.use();
  const frames = framesOf(parts, new FrameWriter(options));
  let isOver = false;
  const end = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await view.done();
  };
  return {
    async next() {
      try {
        const next = await frames.next();
        if (next.done === true) await end();
        return next;
      } catch (error) {
        await end();
        throw error;
      }
    },
    // A generator that was never begun would end without a word.
    async return() {
      const ended = await frames.return(undefined);
      await end();
      return ended;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* framesOf(parts: SnapshotParts, writer: FrameWriter): AsyncGenerator<Uint8Array> {
  const { view, leases, nextLeaseId } = parts;
  const counts: Counts = { leases: leases.length, keys: 0, versions: 0 };
  writer.byte(tags.head);
  writer.raw(magic);
  writer.byte(formatVersion);
  writer.number(view.revision);
  writer.number(view.compactedRevision);
  writer.number(nextLeaseId);
  for (const { id, ttl, grantedAt } of leases) {
    writer.byte(tags.lease);
    writer.number(id);
    writer.number(ttl);
    writer.number(grantedAt);
    if (writer.isFull) yield writer.take();
  }
  yield* keyFrames(view, writer, counts);
  yield* orderFrames(view, writer);
  writer.byte(tags.end);
  writer.number(counts.leases);
  writer.number(counts.keys);
  writer.number(counts.versions);
  writer.raw(view.hash);
  yield writer.take();
}

async function* keyFrames(
  { moment, compactedRevision }: View,
  writer: FrameWriter,
  counts: Counts,
): AsyncGenerator<Uint8Array> {
  const live = new Cursor(moment, liveRows(everything), { expected: 1024 });
  const past = new Cursor(moment, versionRows(everything), { expected: 1024 });
  /** The key that is being written, and whether its last version is. */
  let written: ByteString | undefined;
  let isDone = false;
  for (;;) {
    if (live.needsLoad) await live.load();
    if (past.needsLoad) await past.load();
    const version = nextVersion(live, past);
    if (version === undefined) return;
    const { key } = version;
    const isOldest = version.modRevision <= compactedRevision;
    if (written === key && isDone) continue;
    isDone = isOldest;
    if (isOldest && version.version === 0) {
      written = key;
      continue;
    }
    if (written !== key) {
      writer.byte(tags.key);
      writer.sized(key);
      counts.keys += 1;
      written = key;
    }
    writeVersion(writer, version);
    counts.versions += 1;
    if (writer.isFull) yield writer.take();
  }
}

/** Takes the next version, by keys, of each key the newest first: that is the live one. */
function nextVersion(live: Cursor, past: Cursor): Version | undefined {
  const ofLive = live.entry === undefined ? undefined : keyOfLiveRow(live.entry[0]);
  const ofPast = past.entry === undefined ? undefined : keyOfVersionRow(past.entry[0]);
  const isLive = ofLive !== undefined && (ofPast === undefined || ofLive <= ofPast);
  const cursor = isLive ? live : past;
  const key = isLive ? ofLive : ofPast;
  if (key === undefined || cursor.entry === undefined) return undefined;
  const version = decodeVersion(key, cursor.entry[1]);
  cursor.next();
  return version;
}

function writeVersion(writer: FrameWriter, version: Version): void {
  writer.byte(version.version === 0 ? tags.delete : tags.put);
  writer.number(version.modRevision);
  if (version.version === 0) return;
  writer.number(version.createRevision);
  writer.number(version.version);
  writer.number(version.lease);
  writer.sized(version.value);
}

async function* orderFrames(
  { moment, revision, compactedRevision }: View,
  writer: FrameWriter,
): AsyncGenerator<Uint8Array> {
  const rows = new Cursor(moment, orderRows(compactedRevision + 1, revision + 1));
  for (;;) {
    if (rows.needsLoad) await rows.load();
    const { entry } = rows;
    if (entry === undefined) return;
    const runs = decodeOrder(entry[1]);
    writer.byte(tags.order);
    writer.number(revisionOfRow(entry[0]));
    writer.number(runs.length);
    for (const { first, count } of runs) {
      writer.number(first);
      writer.number(count);
    }
    if (writer.isFull) yield writer.take();
    rows.next();
  }
}
