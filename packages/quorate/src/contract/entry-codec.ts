import type { CommandData, Entry, Membership, Payload } from '../core/types.ts';

/*
 * An entry as bytes, the same on every disk and on the binary wire. Little-endian:
 *
 *      0  u32  length of the payload
 *      4  u8   kind: 1 blank, 2 command, 3 membership, 4 session
 *      5  u8   flags: 1 the command is raw, 2 it belongs to a session
 *      6  u16  0
 *      8  u64  term
 *     16  u64  index
 *     24  u64  session id, u64 sequence; only with flag 2
 *         payload: the command's bytes, a membership as JSON in UTF-8, a session's bytes
 *
 * Terms and indexes are whole numbers up to 2^53 - 1.
 */

const headBytes = 24;
const sessionBytes = 16;
const kinds = ['', 'blank', 'command', 'membership', 'session'] as const;
const kindNumbers = { blank: 1, command: 2, membership: 3, session: 4 } as const;
const isRaw = 1;
const hasSession = 2;
const twoTo32 = 2 ** 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const noBytes = new Uint8Array(0);

/** Bytes that are no entry: damage, or another version's. */
export class EntryFormatError extends Error {
  override readonly name = 'EntryFormatError';
}

/** How many bytes `writeEntry` will write. */
export function entrySize({ payload }: Entry): number {
  const session = sessionOf(payload) === undefined ? 0 : sessionBytes;
  return headBytes + session + payloadBytes(payload).length;
}

/** Writes the entry at `offset` and returns where it ends. */
export function writeEntry(
  entry: Entry,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
): number {
  const content = payloadBytes(entry.payload);
  const at = writeEntryHead(entry, content.length, view, offset);
  bytes.set(content, at);
  return at + content.length;
}

/** Writes what comes before the payload, and returns where that begins: `length` bytes of it. */
export function writeEntryHead(
  { logId, payload }: Entry,
  length: number,
  view: DataView,
  offset: number,
): number {
  const session = sessionOf(payload);
  view.setUint32(offset, length, true);
  view.setUint32(offset + 4, kindOf(payload) | (flagsOf(payload) << 8), true);
  setUint53(view, offset + 8, logId.term);
  setUint53(view, offset + 16, logId.index);
  const at = offset + headBytes;
  if (session === undefined) return at;
  setUint53(view, at, session.id);
  setUint53(view, at + 8, session.sequence);
  return at + sessionBytes;
}

/** Returns how many bytes the entry at `offset` takes. */
export function sizeOfEntryAt(view: DataView, offset: number): number {
  demand(offset + headBytes <= view.byteLength, 'an entry is cut off in its head');
  const session = (view.getUint8(offset + 5) & hasSession) === 0 ? 0 : sessionBytes;
  const size = headBytes + session + view.getUint32(offset, true);
  demand(offset + size <= view.byteLength, 'an entry is cut off in its payload');
  return size;
}

/** Returns how many bytes the payload of the entry at `offset` takes. */
export function payloadSizeAt(view: DataView, offset: number): number {
  return view.getUint32(offset, true);
}

/** Bytes with entries in them, and what reading these asks for: each asking takes its time. */
export interface EntrySource {
  readonly view: DataView;
  readonly buffer: ArrayBufferLike;
  /** Where the view begins in the buffer. */
  readonly start: number;
}

export function entrySource({ buffer, byteOffset, byteLength }: Uint8Array): EntrySource {
  return { view: new DataView(buffer, byteOffset, byteLength), buffer, start: byteOffset };
}

/**
 * Reads the entry at `offset`. Its payload is a part of the buffer and keeps all of it in memory.
 *
 * @throws {EntryFormatError} if these bytes are no whole entry.
 */
export function readEntry({ view, buffer, start }: EntrySource, offset: number): Entry {
  const end = offset + sizeOfEntryAt(view, offset);
  const length = payloadSizeAt(view, offset);
  const payload = new Uint8Array(buffer, start + end - length, length);
  const logId = { term: getUint53(view, offset + 8), index: getUint53(view, offset + 16) };
  const kindAndFlags = view.getUint32(offset + 4, true);
  // Nearly every entry is this one.
  if (kindAndFlags === kindNumbers.command) {
    return { logId, payload: { type: 'command', data: { bytes: payload, value: undefined } } };
  }
  const flags = (kindAndFlags >>> 8) & 0xff;
  const session =
    (flags & hasSession) === 0
      ? undefined
      : {
          id: getUint53(view, offset + headBytes),
          sequence: getUint53(view, offset + headBytes + 8),
        };
  const kind = kinds[kindAndFlags & 0xff];
  return { logId, payload: readPayload(kind, payload, { raw: (flags & isRaw) !== 0, session }) };
}

/** Writes a whole number up to 2^53 - 1 as 64 bits. */
export function setUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, (value / twoTo32) >>> 0, true);
}

export function getUint53(view: DataView, offset: number): number {
  const high = view.getUint32(offset + 4, true);
  demand(high < 2 ** 21, 'a number is larger than 2^53 - 1');
  return high * twoTo32 + view.getUint32(offset, true);
}

function readPayload(
  kind: (typeof kinds)[number] | undefined,
  bytes: Uint8Array,
  { raw, session }: { raw: boolean; session: CommandData['session'] },
): Payload {
  switch (kind) {
    case 'blank':
      return { type: 'blank' };
    case 'command': {
      const data = raw ? { bytes, raw, value: undefined } : { bytes, value: undefined };
      return { type: 'command', data: session === undefined ? data : { ...data, session } };
    }
    case 'membership':
      // What these bytes were checked by, a checksum, vouches for their shape as well.
      return { type: 'membership', membership: JSON.parse(decoder.decode(bytes)) as Membership };
    case 'session':
      return { type: 'session', data: bytes };
    default:
      throw new EntryFormatError(`Broken entry: there is no such kind (${String(kind)}).`);
  }
}

function payloadBytes(payload: Payload): Uint8Array {
  switch (payload.type) {
    case 'command':
      return payload.data.bytes;
    case 'session':
      return payload.data;
    case 'membership':
      return encoder.encode(JSON.stringify(payload.membership));
    case 'blank':
      return noBytes;
  }
}

function kindOf(payload: Payload): number {
  return kindNumbers[payload.type];
}

function sessionOf(payload: Payload): CommandData['session'] {
  return payload.type === 'command' ? payload.data.session : undefined;
}

function flagsOf(payload: Payload): number {
  if (payload.type !== 'command') return 0;
  const { raw, session } = payload.data;
  return (raw === true ? isRaw : 0) | (session === undefined ? 0 : hasSession);
}

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new EntryFormatError(`Broken entry: ${what}.`);
}
