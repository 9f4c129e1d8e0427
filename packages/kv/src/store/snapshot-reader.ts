import { DamagedError } from 'quorate';
import { hashBytes } from './digest.ts';
import { frameBodies, RecordReader, SnapshotFault } from './frame-reader.ts';
import {
  formatVersion,
  hashCharacters,
  magic,
  oldestFormatVersion,
  tags,
} from './snapshot-format.ts';
import type { KvState } from './state.ts';
import { type ReadVersion, type SnapshotHead, StateBuilder } from './state-builder.ts';

/** What a refusal calls the snapshot. */
export interface SnapshotName {
  readonly id: string;
  /** The last log index whose effect is in it. */
  readonly index: number;
}

/** Takes what a snapshot has, in its order, and makes something of it. */
export interface SnapshotTaker<Result> extends Omit<StateBuilder, 'finish'> {
  /** Called once, after the end. */
  finish(): Result;
}

/**
 * Makes a state of a snapshot's content: all of it, checked against its own hash.
 *
 * @throws {DamagedError} that says what is wrong, and about where.
 */
export function restoreSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  name?: SnapshotName,
): Promise<KvState> {
  return readSnapshot(chunks, (head) => new StateBuilder(head), name);
}

/**
 * Reads a snapshot's content, and hands it over piece by piece.
 *
 * @throws {DamagedError} that says what is wrong, and about where.
 */
export async function readSnapshot<Result>(
  chunks: AsyncIterable<Uint8Array>,
  begin: (head: SnapshotHead) => SnapshotTaker<Result>,
  { id, index }: SnapshotName = { id: 'without a name', index: 0 },
): Promise<Result> {
  const told = { offset: 0 };
  try {
    return await read(chunks, begin, told);
  } catch (cause) {
    if (!(cause instanceof SnapshotFault)) throw cause;
    throw new DamagedError(
      `The content of snapshot ${id} is damaged near byte ${told.offset}. ${cause.message} The old state is kept; send or save the snapshot anew.`,
      { file: id, offset: told.offset, index, cause },
    );
  }
}

async function read<Result>(
  chunks: AsyncIterable<Uint8Array>,
  begin: (head: SnapshotHead) => SnapshotTaker<Result>,
  told: { offset: number },
): Promise<Result> {
  let taker: SnapshotTaker<Result> | undefined;
  let version = formatVersion;
  for await (const body of frameBodies(chunks, told)) {
    const reader = new RecordReader(body);
    if (taker === undefined) {
      const opened = readHead(reader);
      version = opened.version;
      taker = begin(opened.head);
    }
    while (!reader.isAtEnd) {
      if (taker.isEnded) throw new SnapshotFault('More follows after its end.');
      readRecord(reader, taker, version);
    }
  }
  if (taker?.isEnded !== true) throw new SnapshotFault('It ends too early.');
  return taker.finish();
}

function readHead(reader: RecordReader): {
  readonly version: number;
  readonly head: SnapshotHead;
} {
  if (reader.byte() !== tags.head || reader.text(magic.length) !== magic) {
    throw new SnapshotFault(`It does not begin as the snapshot of a key-value store does.`);
  }
  const version = reader.byte();
  if (version < oldestFormatVersion || version > formatVersion) {
    throw new SnapshotFault(
      `Its format is version ${version}; only ${oldestFormatVersion} to ${formatVersion} are known here.`,
    );
  }
  const revision = reader.number();
  const compactedRevision = reader.number();
  return { version, head: { revision, compactedRevision, nextLeaseId: reader.number() } };
}

function readRecord(reader: RecordReader, builder: SnapshotTaker<unknown>, version: number): void {
  const tag = reader.byte();
  switch (tag) {
    case tags.lease: {
      const id = reader.number();
      const ttl = reader.number();
      const grantedAt = version === oldestFormatVersion ? 0 : reader.number();
      return builder.addLease({ id, ttl, grantedAt });
    }
    case tags.key: {
      const size = reader.size();
      const hash = hashBytes(reader.view, reader.at, reader.at + size);
      return builder.addKey(reader.text(size), hash);
    }
    case tags.put:
      return builder.addVersion(readPut(reader));
    case tags.delete:
      return builder.addVersion({ ...deleted, modRevision: reader.number() });
    case tags.order:
      return readOrder(reader, builder);
    case tags.end: {
      const leases = reader.number();
      const keys = reader.number();
      const versions = reader.number();
      return builder.end({ leases, keys, versions }, reader.text(hashCharacters));
    }
    default:
      throw new SnapshotFault(`There is no record with the number ${tag}.`);
  }
}

const noValue = Buffer.alloc(0);
const deleted = { createRevision: 0, version: 0, lease: 0, value: noValue, valueHash: 0 };

function readPut(reader: RecordReader): ReadVersion {
  const modRevision = reader.number();
  const createRevision = reader.number();
  const version = reader.number();
  const lease = reader.number();
  const size = reader.size();
  if (version === 0) throw new SnapshotFault('A put has the version 0.');
  const { at } = reader;
  const valueHash = hashBytes(reader.view, at, at + size);
  reader.at += size;
  const value = reader.bytes.subarray(at, at + size);
  return { createRevision, modRevision, version, lease, value, valueHash };
}

function readOrder(reader: RecordReader, builder: SnapshotTaker<unknown>): void {
  const revision = reader.number();
  const runs: { first: number; count: number }[] = [];
  for (let left = reader.number(); left > 0; left -= 1) {
    const first = reader.number();
    runs.push({ first, count: reader.number() });
  }
  builder.order(revision, runs);
}
