import type { FileSystem } from '../../platform/file-system.ts';
import type { Runtime } from '../../platform/runtime.ts';
import { buggify, mark } from '../../platform/sites.ts';
import { BatchWriter } from './batch-writer.ts';
import type { WalContents } from './contents.ts';
import { align, encodeSegmentHead, recordTag, segmentHeadBytes } from './format.ts';
import type { Pauses } from './pauses.ts';
import { jsonRecord, type WalRecord } from './records.ts';
import { drawSalt, Segment, segmentName } from './segment.ts';
import { fill, Spare } from './spare.ts';

export interface SegmentsOptions {
  readonly directory: string;
  readonly files: FileSystem;
  readonly runtime: Runtime;
  readonly segmentBytes: number;
  readonly preallocate: boolean;
  readonly unsafeNoSync: boolean;
  readonly blockingWrites: boolean;
  readonly pauses: Pauses;
  /** The disk had no room for the next segment, or has it again. */
  readonly onRoom: (hasRoom: boolean) => void;
}

/** Makes the segments of a log as they are needed, and removes those of which nothing is left. */
export class Segments {
  readonly #options: SegmentsOptions;
  readonly #contents: WalContents;
  readonly #spare: Spare;

  constructor(options: SegmentsOptions, contents: WalContents) {
    this.#options = options;
    this.#contents = contents;
    const { files, directory, runtime, segmentBytes, unsafeNoSync, onRoom, pauses } = options;
    const durableWrites = !unsafeNoSync;
    this.#spare = new Spare({
      files,
      directory,
      runtime,
      bytes: segmentBytes,
      durableWrites,
      mayBlock: options.blockingWrites,
      pauses,
      onRoom,
    });
  }

  /** Makes the first segment if there is none, and begins to prepare the next one. */
  async begin(firstBatch: number): Promise<void> {
    const { segmentBytes } = this.#options;
    if (this.#contents.segments.length === 0) await this.#add(segmentBytes, 1, firstBatch);
    if (this.#options.preallocate) this.#spare.prepare();
  }

  /** Returns the segment with room for these records as batch `number`, a new one if need be. */
  async withRoomFor(records: readonly WalRecord[], number: number): Promise<Segment> {
    const active = this.#contents.segments.at(-1);
    const all = active === undefined ? records : this.recordsFor(active, records);
    const needed = BatchWriter.sizeOf(all);
    const hasRoom = active !== undefined && active.end + needed <= active.size;
    if (hasRoom && !(active.end > segmentHeadBytes && buggify('wal.newSegment'))) return active;
    const first = BatchWriter.sizeOf([this.#stateRecord, ...records]);
    const size = Math.max(this.#options.segmentBytes, align(segmentHeadBytes + first));
    return this.#add(size, (active?.sequence ?? 0) + 1, number);
  }

  /** What a batch of these records holds: the first one of a segment also repeats the state. */
  recordsFor({ end }: Segment, records: readonly WalRecord[]): readonly WalRecord[] {
    return end === segmentHeadBytes ? [this.#stateRecord, ...records] : records;
  }

  /**
   * Whole segments only; the next one repeats identity, vote and purged end, and is durable. One
   * after the other, oldest first: a power cut must not leave a gap.
   */
  async dropPurged(): Promise<void> {
    const dropped = this.#contents.takePurgedSegments();
    const { files, directory, unsafeNoSync } = this.#options;
    if (dropped.length > 0) mark('wal.droppedSegments');
    for (const segment of dropped) await segment.drop();
    for (const segment of dropped) {
      await files.unlink(segment.path);
      if (!unsafeNoSync) await files.syncDirectory(directory);
    }
  }

  async close(): Promise<void> {
    await this.#spare.close();
    for (const segment of this.#contents.segments) await segment.drop();
  }

  get #stateRecord(): WalRecord {
    return jsonRecord(recordTag.state, this.#contents.walState);
  }

  /** Makes a segment; its name and its head are durable before anything is written to it. */
  async #add(size: number, sequence: number, firstBatch: number): Promise<Segment> {
    const { files, directory, runtime, segmentBytes, unsafeNoSync, pauses } = this.#options;
    const mayBlock = this.#options.blockingWrites;
    const durableWrites = !unsafeNoSync;
    const prepared =
      size === segmentBytes
        ? await this.#spare.take()
        : await fill({ files, durableWrites, mayBlock, pauses }, `${directory}/large.tmp`, size);
    try {
      const path = `${directory}/${segmentName(sequence)}`;
      await files.rename(prepared.path, path);
      if (durableWrites) await files.syncDirectory(directory);
      const head = { salt: drawSalt(runtime), sequence, firstBatch };
      await prepared.file.write([encodeSegmentHead(head)], 0);
      const segment = new Segment(prepared.file, { ...head, path, size, end: segmentHeadBytes });
      this.#contents.segments.push(segment);
      if (size === segmentBytes && this.#options.preallocate) this.#spare.prepare();
      return segment;
    } catch (error) {
      await prepared.file.close();
      throw error;
    }
  }
}
