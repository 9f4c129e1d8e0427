import { KvError } from '../errors.ts';
import type { KeyValue, KvEvent, Revision, WatchBatch } from '../types.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { readPair, writePair } from './pairs.ts';
import { readDetails, readRefusal, writeDetails } from './refusals.ts';

/*
 * What a stream of watches is made of: frames, one after the other, each with its length in front.
 * They have nothing to do with the chunks that they arrive in.
 *
 *     u32 length of what follows, u8 type, then
 *     1 created:   u32 watch, u53 revision that its events begin with
 *     2 events:    u32 count, u32 watches, then a batch
 *     3 progress:  u32 count, u32 watches, u53 revision
 *     4 ended:     u32 watch, then code, message and details if it failed
 *
 *     a batch:     u53 revision, u32 count, then events
 *     an event:    u8 flags, then a pair (1 put) or u53 revision, key (2 delete); the pair as it
 *                  was before (4)
 */

/** Numbers of watches are below it. */
export const mostWatchNumber: number = 2 ** 32 - 1;
/** The longest frame that is read. */
export const mostFrameBytes: number = 64 * 1024 * 1024;

const frameTags = { created: 1, events: 2, progress: 3, ended: 4 } as const;
const lengthBytes = 4;
const watchBytes = 4;
const leastEventBytes = 13;
const eventFlags = { put: 1, delete: 2, previous: 4 } as const;
const noBytes = new Uint8Array(0);

export type WatchFrame =
  | {
      readonly type: 'created';
      readonly watch: number;
      /** Everything from this revision on will be told. */
      readonly from: Revision;
    }
  | { readonly type: 'events'; readonly watches: readonly number[]; readonly batch: WatchBatch }
  | { readonly type: 'progress'; readonly watches: readonly number[]; readonly revision: Revision }
  /** Nothing more comes for this watch. Without an error: it was asked to end. */
  | { readonly type: 'ended'; readonly watch: number; readonly error?: KvError };

export function encodeCreated(watch: number, from: Revision): Uint8Array {
  const writer = begin(frameTags.created);
  writer.u32(watch);
  writer.u53(from);
  return end(writer);
}

/** The part that all watches with the same events share. */
export function encodeBatch({ revision, events }: WatchBatch): Uint8Array {
  const writer = new FieldWriter();
  writer.u53(revision);
  writer.u32(events.length);
  for (const event of events) writeEvent(writer, event);
  return writer.finish();
}

/** One frame for many watches; `encodedBatch` is what `encodeBatch` gave. */
export function encodeEvents(watches: readonly number[], encodedBatch: Uint8Array): Uint8Array {
  const writer = begin(frameTags.events);
  writer.reserve(watchBytes * (watches.length + 1) + encodedBatch.length);
  writeWatches(writer, watches);
  writer.raw(encodedBatch);
  return end(writer);
}

export function encodeProgress(watches: readonly number[], revision: Revision): Uint8Array {
  const writer = begin(frameTags.progress);
  writeWatches(writer, watches);
  writer.u53(revision);
  return end(writer);
}

export function encodeEnded(watch: number, error?: KvError): Uint8Array {
  const writer = begin(frameTags.ended);
  writer.u32(watch);
  if (error !== undefined) {
    writer.text(error.code);
    writer.text(error.message);
    writeDetails(writer, error.details);
  }
  return end(writer);
}

/** Finds the frames in the chunks of a stream. Holds at most one frame that is not whole yet. */
export class WatchFrameReader {
  /** What came of a frame that is not whole. */
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** How long it is with its length, as far as that is known. */
  #needed = lengthBytes;

  /**
   * The frames that are whole with this chunk. Their bytes are views of it.
   *
   * @throws {KvError} `KV_INTERNAL` if these are no frames: then nothing more can be read.
   */
  push(chunk: Uint8Array): WatchFrame[] {
    const frames: WatchFrame[] = [];
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= this.#needed) {
      const bytes = this.#joined();
      const length = lengthOf(bytes);
      this.#needed = lengthBytes + length;
      if (bytes.length < this.#needed) break;
      frames.push(decodeFrame(bytes.subarray(lengthBytes, this.#needed)));
      const rest = bytes.subarray(this.#needed);
      this.#parts = rest.length === 0 ? [] : [rest];
      this.#bytes = rest.length;
      this.#needed = lengthBytes;
    }
    return frames;
  }

  #joined(): Uint8Array {
    const [first, ...others] = this.#parts;
    if (first === undefined) return noBytes;
    const whole = others.length === 0 ? first : join(this.#parts, this.#bytes);
    this.#parts = [whole];
    return whole;
  }
}

/** A frame without its length. */
function decodeFrame(bytes: Uint8Array): WatchFrame {
  const reader = new FieldReader(bytes, { what: 'a frame of watches', code: 'KV_INTERNAL' });
  const frame = readFrame(reader);
  reader.end();
  return frame;
}

function readFrame(reader: FieldReader): WatchFrame {
  const tag = reader.u8();
  switch (tag) {
    case frameTags.created: {
      const watch = reader.u32();
      return { type: 'created', watch, from: reader.u53() };
    }
    case frameTags.events: {
      const watches = readWatches(reader);
      return { type: 'events', watches, batch: readBatch(reader) };
    }
    case frameTags.progress: {
      const watches = readWatches(reader);
      return { type: 'progress', watches, revision: reader.u53() };
    }
    case frameTags.ended: {
      const watch = reader.u32();
      if (reader.left === 0) return { type: 'ended', watch };
      const { code, message } = readRefusal(reader);
      const details = readDetails(reader) ?? {};
      return { type: 'ended', watch, error: new KvError(code, message, { details }) };
    }
    default:
      return reader.fail(`there is no frame with the number ${tag}`);
  }
}

function readBatch(reader: FieldReader): WatchBatch {
  const revision = reader.u53();
  const count = reader.count(leastEventBytes, 'events');
  const events: KvEvent[] = [];
  for (let number = 0; number < count; number += 1) {
    reader.partNumber = number;
    events.push(readEvent(reader));
  }
  return { revision, events };
}

function writeEvent(writer: FieldWriter, { type, kv, previous }: KvEvent): void {
  writer.u8(eventFlags[type] | (previous === undefined ? 0 : eventFlags.previous));
  if (type === 'put') writePair(writer, kv);
  else {
    writer.u53(kv.modRevision);
    writer.sized(kv.key);
  }
  if (previous !== undefined) writePair(writer, previous);
}

function readEvent(reader: FieldReader): KvEvent {
  const flags = reader.flags(eventFlags.put | eventFlags.delete | eventFlags.previous);
  const kind = flags & ~eventFlags.previous;
  if (kind !== eventFlags.put && kind !== eventFlags.delete) {
    reader.fail('an event is neither a put nor a delete, or both');
  }
  const type = kind === eventFlags.put ? 'put' : 'delete';
  const kv = type === 'put' ? readPair(reader) : readDeleted(reader);
  if ((flags & eventFlags.previous) === 0) return { type, kv };
  return { type, kv, previous: readPair(reader) };
}

function readDeleted(reader: FieldReader): KeyValue {
  const modRevision = reader.u53();
  const key = reader.sized('a key');
  return { key, value: noBytes, createRevision: 0, modRevision, version: 0, lease: 0 };
}

function writeWatches(writer: FieldWriter, watches: readonly number[]): void {
  writer.u32(watches.length);
  for (const watch of watches) writer.u32(watch);
}

function readWatches(reader: FieldReader): readonly number[] {
  const count = reader.count(watchBytes, 'watches');
  const watches: number[] = [];
  for (let read = 0; read < count; read += 1) watches.push(reader.u32());
  return watches;
}

function begin(tag: number): FieldWriter {
  const writer = new FieldWriter();
  writer.u32(0);
  writer.u8(tag);
  return writer;
}

function end(writer: FieldWriter): Uint8Array {
  writer.view.setUint32(0, writer.at - lengthBytes, true);
  return writer.finish();
}

function lengthOf(bytes: Uint8Array): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes).getUint32(0, true);
  if (length <= mostFrameBytes) return length;
  const message = `A frame of watches has at most ${mostFrameBytes} bytes; one of ${length} came.`;
  throw new KvError('KV_INTERNAL', message);
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
