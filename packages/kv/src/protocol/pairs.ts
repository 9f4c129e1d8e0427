import { KvError } from '../errors.ts';
import type {
  KeyRange,
  KeyValue,
  RangeRequest,
  RangeResponse,
  SortOrder,
  SortTarget,
} from '../types.ts';
import type { FieldReader, FieldWriter } from './fields.ts';

/*
 * Keys, pairs and reads, as they stand inside of commands, results, range messages and events.
 *
 *     a pair:   u53 create revision, u53 modification revision, u53 version, u53 lease,
 *               u32 length of the key, u32 length of the value, key, value
 *     a range:  u16 flags, u32 length of the key, key, then what the flags announce, in their order
 *     an answer to one:  u53 revision, u53 count, u8 more (0 or 1), u32 pairs, each pair
 */

/** The least bytes that a pair takes. */
const pairHeadBytes = 40;

const rangeFlags = {
  end: 1,
  limit: 2,
  revision: 4,
  sort: 8,
  keysOnly: 16,
  countOnly: 32,
  minModRevision: 64,
  maxModRevision: 128,
  minCreateRevision: 256,
  maxCreateRevision: 512,
} as const;
const allRangeFlags = 1023;

/** The numbers that may be in a range, in the order of their flags. */
const numbersBeforeSort = ['limit', 'revision'] as const;
const numbersAfterSort = [
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
] as const;

const sortTargets: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const sortOrders: readonly SortOrder[] = ['ascend', 'descend'];

type Mutable<Value> = { -readonly [Name in keyof Value]: Value[Name] };

/** @throws {KvError} `KV_INVALID` if it is empty. */
export function writeKey(writer: FieldWriter, key: Uint8Array): void {
  if (key.length === 0) throw new KvError('KV_INVALID', 'A key must have at least one byte.');
  writer.sized(key);
}

export function readKey(reader: FieldReader): Uint8Array {
  const key = reader.sized('a key');
  return key.length === 0 ? reader.fail('a key has no bytes') : key;
}

/** Whether it has an end: an empty one is as good as none. */
export function hasEnd({ end }: KeyRange): boolean {
  return end !== undefined && end.length > 0;
}

/** The end of a range whose flags have announced it. */
export function readEnd(reader: FieldReader): Uint8Array {
  const end = reader.sized('the end of a range');
  return end.length === 0 ? reader.fail('the end of a range has no bytes') : end;
}

export function writePair(writer: FieldWriter, pair: KeyValue): void {
  writer.u53(pair.createRevision);
  writer.u53(pair.modRevision);
  writer.u53(pair.version);
  writer.u53(pair.lease);
  writer.u32(pair.key.length);
  writer.u32(pair.value.length);
  writer.raw(pair.key);
  writer.raw(pair.value);
}

export function readPair(reader: FieldReader): KeyValue {
  reader.demand(pairHeadBytes, 'a pair');
  const { view, at } = reader;
  const createRevision = reader.u53At(at);
  const modRevision = reader.u53At(at + 8);
  const version = reader.u53At(at + 16);
  const lease = reader.u53At(at + 24);
  const keyBytes = view.getUint32(at + 32, true);
  const valueBytes = view.getUint32(at + 36, true);
  reader.at = at + pairHeadBytes;
  const key = reader.raw(keyBytes, 'a key');
  const value = reader.raw(valueBytes, 'a value');
  return { key, value, createRevision, modRevision, version, lease };
}

export function writePairs(writer: FieldWriter, pairs: readonly KeyValue[]): void {
  writer.u32(pairs.length);
  for (const pair of pairs) writePair(writer, pair);
}

export function readPairs(reader: FieldReader): readonly KeyValue[] {
  const count = reader.count(pairHeadBytes, 'pairs');
  const pairs: KeyValue[] = [];
  for (let read = 0; read < count; read += 1) pairs.push(readPair(reader));
  return pairs;
}

/** Numbers of 0 are left out: they mean the same as none. */
export function writeRangeRequest(writer: FieldWriter, request: RangeRequest): void {
  const { key, end, sort } = request;
  let flags = hasEnd(request) ? rangeFlags.end : 0;
  if (sort !== undefined) flags |= rangeFlags.sort;
  if (request.keysOnly === true) flags |= rangeFlags.keysOnly;
  if (request.countOnly === true) flags |= rangeFlags.countOnly;
  for (const name of numbersBeforeSort) if ((request[name] ?? 0) !== 0) flags |= rangeFlags[name];
  for (const name of numbersAfterSort) if ((request[name] ?? 0) !== 0) flags |= rangeFlags[name];
  writer.u16(flags);
  writeKey(writer, key);
  if ((flags & rangeFlags.end) !== 0) writer.sized(end as Uint8Array);
  writeNumbers(writer, request, numbersBeforeSort);
  if (sort !== undefined) {
    writer.u8(numberOf(sortTargets, sort.target, 'a target of sorting'));
    writer.u8(numberOf(sortOrders, sort.order, 'an order of sorting'));
  }
  writeNumbers(writer, request, numbersAfterSort);
}

export function readRangeRequest(reader: FieldReader): RangeRequest {
  const flags = reader.u16();
  if ((flags & ~allRangeFlags) !== 0) reader.fail(`it has flags that nobody knows (${flags})`);
  const request: Mutable<RangeRequest> = { key: readKey(reader) };
  // Nearly every read is of one key, as it is now.
  if (flags === 0) return request;
  if ((flags & rangeFlags.end) !== 0) request.end = readEnd(reader);
  for (const name of numbersBeforeSort) {
    if ((flags & rangeFlags[name]) !== 0) request[name] = reader.u53();
  }
  if ((flags & rangeFlags.sort) !== 0) {
    const target = reader.name(sortTargets, 'target of sorting');
    request.sort = { target, order: reader.name(sortOrders, 'order of sorting') };
  }
  if ((flags & rangeFlags.keysOnly) !== 0) request.keysOnly = true;
  if ((flags & rangeFlags.countOnly) !== 0) request.countOnly = true;
  for (const name of numbersAfterSort) {
    if ((flags & rangeFlags[name]) !== 0) request[name] = reader.u53();
  }
  return request;
}

function writeNumbers(
  writer: FieldWriter,
  request: RangeRequest,
  names: readonly ((typeof numbersBeforeSort)[number] | (typeof numbersAfterSort)[number])[],
): void {
  for (const name of names) {
    const number = request[name] ?? 0;
    if (number !== 0) writer.u53(number);
  }
}

export function writeRangeResponse(writer: FieldWriter, response: RangeResponse): void {
  writer.u53(response.revision);
  writer.u53(response.count);
  writer.u8(response.more ? 1 : 0);
  writePairs(writer, response.kvs);
}

export function readRangeResponse(reader: FieldReader): RangeResponse {
  const revision = reader.u53();
  const count = reader.u53();
  const more = reader.flags(1) === 1;
  return { revision, kvs: readPairs(reader), more, count };
}

/** @throws {KvError} `KV_INVALID` if there is no such name: a caller without types may say so. */
export function numberOf<Name>(names: readonly Name[], name: Name, what: string): number {
  const number = names.indexOf(name);
  if (number >= 0) return number;
  throw new KvError('KV_INVALID', `${String(name)} is not ${what}; there are ${names.join(', ')}.`);
}
