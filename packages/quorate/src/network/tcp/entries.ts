import {
  entrySize,
  readEntry,
  sizeOfEntryAt,
  writeEntry,
  writeEntryHead,
} from '../../contract/entry-codec.ts';
import type { Entry } from '../../core/types.ts';
import { readMembership } from '../messages/shapes.ts';
import { type FieldReader, type FieldWriter, WireFormatError } from './fields.ts';
import { gatherBytes } from './frame.ts';

/*
 * A run of entries: a u32 count, then each as `contract/entry-codec` has it, which is also how it
 * lies on a disk.
 */

/** No entry takes less: what claims more entries than fit is refused before any is read. */
const smallestEntry = 24;

/** How many bytes the run takes of the message's own memory; large payloads are not copied. */
export function entriesRoom(entries: readonly Entry[]): number {
  let room = 4;
  for (const entry of entries) {
    room += entrySize(entry);
    const large = largePayload(entry);
    if (large !== undefined) room -= large.length;
  }
  return room;
}

export function writeEntries(writer: FieldWriter, entries: readonly Entry[]): void {
  writer.u32(entries.length);
  const { bytes, view } = writer;
  for (const entry of entries) {
    const large = largePayload(entry);
    if (large === undefined) {
      writer.at = writeEntry(entry, bytes, view, writer.at);
    } else {
      writer.at = writeEntryHead(entry, large.length, view, writer.at);
      writer.gather(large);
    }
  }
}

/** The payloads are views of the message. @throws {WireFormatError | EntryFormatError} */
export function readEntries(reader: FieldReader): readonly Entry[] {
  const count = reader.u32();
  if (count > reader.left / smallestEntry) {
    throw new WireFormatError(`It claims ${count} entries, and ${reader.left} bytes are left.`);
  }
  const { bytes, view } = reader;
  const source = { view, buffer: bytes.buffer, start: bytes.byteOffset };
  const entries: Entry[] = [];
  for (let place = 0; place < count; place += 1) {
    const entry = readEntry(source, reader.at);
    reader.at += sizeOfEntryAt(view, reader.at);
    entries.push(entry.payload.type === 'membership' ? checked(entry.payload, entry) : entry);
  }
  return entries;
}

/** A checksum tells that the bytes are as they were sent, not that they are a membership. */
function checked(payload: { readonly membership: unknown }, { logId }: Entry): Entry {
  const membership = readMembership(payload.membership, 'membership');
  return { logId, payload: { type: 'membership', membership } };
}

/** The payload, if it is too large to be copied. */
function largePayload({ payload }: Entry): Uint8Array | undefined {
  const bytes =
    payload.type === 'command'
      ? payload.data.bytes
      : payload.type === 'session'
        ? payload.data
        : undefined;
  return bytes !== undefined && bytes.length >= gatherBytes ? bytes : undefined;
}
