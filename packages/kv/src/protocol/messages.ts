import type { LeaseId, RangeRequest } from '../types.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { decodeRangeRequests, encodeRangeRequests } from './ranges.ts';

/*
 * Calls on the channel of the clients. The first byte of a call says what is asked:
 *
 *     1 write:       u53 session (0: none), u53 sequence, then a command; answered with results
 *     2 range:       u8 flags (1: serializable), then reads; answered with answers to reads
 *     3 keep alive:  u32 count, u53 leases; answered with u32 count, u53 seconds (0: no such lease)
 *     4 rare:        JSON; see rare-calls.ts
 */

/** Where clients of the native protocol find a member. */
export const channelName = 'quorate.kv';

export const callKinds = { write: 1, range: 2, keepAlive: 3, rare: 4 } as const;

/** Leases that may be kept alive by one call. */
export const mostKeptAlive = 8192;

/** Which write of which session it is. */
export interface WriteNumber {
  /** As `openSession` was answered. */
  readonly id: number;
  /** Of the message: 1, 2, 3... A number that comes again is answered as it was. */
  readonly sequence: number;
}

const writeHeadBytes = 17;
const rangeFlags = { serializable: 1 } as const;
const numberBytes = 8;

/** @param session with it, the command takes effect once, however often it is sent. */
export function encodeWrite(session: WriteNumber | undefined, command: Uint8Array): Uint8Array {
  const writer = new FieldWriter();
  writer.reserve(writeHeadBytes + command.length);
  writer.u8(callKinds.write);
  writer.u53(session?.id ?? 0);
  writer.u53(session?.sequence ?? 0);
  writer.raw(command);
  return writer.finish();
}

export interface WriteCall {
  readonly session: WriteNumber | undefined;
  /** A view. */
  readonly command: Uint8Array;
}

/** @throws {KvError} `KV_INVALID` */
export function decodeWrite(call: Uint8Array): WriteCall {
  const reader = readerOf(call, 'a write');
  const id = reader.u53();
  const sequence = reader.u53();
  if (id === 0 && sequence !== 0) reader.fail('it is numbered, and names no session');
  if (id !== 0 && sequence === 0) reader.fail('the numbers of a session begin with 1');
  const command = reader.raw(reader.left, 'a command');
  return { session: id === 0 ? undefined : { id, sequence }, command };
}

export interface RangeCall {
  readonly requests: readonly RangeRequest[];
  /** Whatever this member has by now will do. */
  readonly serializable: boolean;
}

/** @throws {KvError} `KV_INVALID`, or `KV_TOO_LARGE` if there are more than `mostRanges`. */
export function encodeRangeCall({ requests, serializable }: RangeCall): Uint8Array {
  const encoded = encodeRangeRequests(requests);
  const writer = new FieldWriter();
  writer.reserve(2 + encoded.length);
  writer.u8(callKinds.range);
  writer.u8(serializable ? rangeFlags.serializable : 0);
  writer.raw(encoded);
  return writer.finish();
}

/** @throws {KvError} `KV_INVALID`, or `KV_TOO_LARGE` if there are more than `mostRanges`. */
export function decodeRangeCall(call: Uint8Array): RangeCall {
  const reader = readerOf(call, 'a message of reads');
  const serializable = reader.flags(rangeFlags.serializable) !== 0;
  const requests = decodeRangeRequests(reader.raw(reader.left, 'reads'));
  return { requests, serializable };
}

export function encodeKeepAlive(leases: readonly LeaseId[]): Uint8Array {
  const writer = new FieldWriter();
  writer.u8(callKinds.keepAlive);
  writeNumbers(writer, leases);
  return writer.finish();
}

/** @throws {KvError} `KV_INVALID` */
export function decodeKeepAlive(call: Uint8Array): readonly LeaseId[] {
  const reader = readerOf(call, 'a message of leases');
  const leases = readNumbers(reader, 'leases');
  if (leases.length > mostKeptAlive) {
    reader.fail(`it names ${leases.length} leases, and at most ${mostKeptAlive} are taken`);
  }
  reader.end();
  return leases;
}

/** @param seconds the whole time of each lease, or 0 if there is no such lease. */
export function encodeKeptAlive(seconds: readonly number[]): Uint8Array {
  const writer = new FieldWriter();
  writeNumbers(writer, seconds);
  return writer.finish();
}

/** @throws {KvError} `KV_INTERNAL` */
export function decodeKeptAlive(answer: Uint8Array): readonly number[] {
  const reader = new FieldReader(answer, {
    what: 'an answer about leases',
    code: 'KV_INTERNAL',
  });
  const seconds = readNumbers(reader, 'numbers');
  reader.end();
  return seconds;
}

/** A reader behind the byte that says which call it is. */
function readerOf(call: Uint8Array, what: string): FieldReader {
  const reader = new FieldReader(call, { what });
  reader.u8();
  return reader;
}

function writeNumbers(writer: FieldWriter, numbers: readonly number[]): void {
  writer.u32(numbers.length);
  for (const number of numbers) writer.u53(number);
}

function readNumbers(reader: FieldReader, what: string): readonly number[] {
  const count = reader.count(numberBytes, what);
  const numbers: number[] = [];
  for (let read = 0; read < count; read += 1) numbers.push(reader.u53());
  return numbers;
}
