// The few messages of etcd's protocol buffers that the benches need, by hand: etcdserverpb of 3.4,
// `PutRequest`, `RangeRequest`, `RangeResponse`, `StatusResponse`.

export const paths = {
  put: '/etcdserverpb.KV/Put',
  range: '/etcdserverpb.KV/Range',
  status: '/etcdserverpb.Maintenance/Status',
} as const;

const delimited = 2;

export function putRequest(key: string, value: Uint8Array): Buffer {
  const keyBytes = Buffer.byteLength(key);
  const bytes = Buffer.allocUnsafe(12 + keyBytes + value.length);
  let at = writeTag(bytes, 0, 1);
  at = writeVarint(bytes, at, keyBytes);
  at += bytes.write(key, at);
  at = writeTag(bytes, at, 2);
  at = writeVarint(bytes, at, value.length);
  bytes.set(value, at);
  return bytes.subarray(0, at + value.length);
}

/** For the newest value of one key; linearizable, since nothing else is said. */
export function rangeRequest(key: string): Buffer {
  const keyBytes = Buffer.byteLength(key);
  const bytes = Buffer.allocUnsafe(6 + keyBytes);
  let at = writeTag(bytes, 0, 1);
  at = writeVarint(bytes, at, keyBytes);
  return bytes.subarray(0, at + bytes.write(key, at));
}

/** Returns the value of the first key found. */
export function readRangeResponse(message: Buffer): Buffer | undefined {
  const pair = lastField(message, 2);
  return Buffer.isBuffer(pair) ? (lastField(pair, 5) as Buffer | undefined) : undefined;
}

export interface EtcdStatus {
  readonly member: bigint;
  /** 0 while there is none. */
  readonly leader: bigint;
}

export function readStatusResponse(message: Buffer): EtcdStatus {
  const header = lastField(message, 1);
  const member = Buffer.isBuffer(header) ? lastField(header, 2) : undefined;
  const leader = lastField(message, 4);
  return { member: numberOf(member), leader: numberOf(leader) };
}

function numberOf(field: Buffer | bigint | undefined): bigint {
  return typeof field === 'bigint' ? field : 0n;
}

function writeTag(bytes: Buffer, at: number, field: number): number {
  return bytes.writeUInt8((field << 3) | delimited, at);
}

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  for (; rest > 127; rest = Math.floor(rest / 128))
    next = bytes.writeUInt8((rest & 127) | 128, next);
  return bytes.writeUInt8(rest, next);
}

/** The last occurrence of a field: a number, or bytes. */
function lastField(message: Buffer, wanted: number): Buffer | bigint | undefined {
  let found: Buffer | bigint | undefined;
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at);
    const value = readVarint(message, tag.end);
    const isBytes = (tag.value & 7n) === 2n;
    if (!isBytes && (tag.value & 7n) !== 0n) {
      throw new Error(`A field of wire type ${tag.value & 7n} is not among those expected.`);
    }
    at = isBytes ? value.end + Number(value.value) : value.end;
    if (Number(tag.value >> 3n) !== wanted) continue;
    found = isBytes ? message.subarray(value.end, at) : value.value;
  }
  return found;
}

function readVarint(message: Buffer, from: number): { value: bigint; end: number } {
  let value = 0n;
  for (let at = from, shift = 0n; at < message.length; at += 1, shift += 7n) {
    const byte = message[at] ?? 0;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return { value, end: at + 1 };
  }
  throw new Error('A message ends within a number.');
}
