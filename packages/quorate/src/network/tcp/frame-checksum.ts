import { crc32 } from 'node:zlib';

/** Below this many bytes the call into the library costs more than the sum itself. */
const nativeFrom = 128;

/** What each byte does to the sum: in front of nothing, of one more byte, of two and of three. */
const [table, before1, before2, before3] = makeTables();

/** Continues the CRC-32 `before` with the bytes from `from` to `to`. */
export function checksumOf(bytes: Uint8Array, from: number, to: number, before: number): number {
  if (to - from >= nativeFrom) {
    return crc32(new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from), before);
  }
  let sum = ~before;
  let at = from;
  // Four bytes at once: four independent look-ups instead of four that wait for one another.
  for (; at + 4 <= to; at += 4) {
    const four =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    sum ^= four;
    sum =
      (before3[sum & 0xff] as number) ^
      (before2[(sum >>> 8) & 0xff] as number) ^
      (before1[(sum >>> 16) & 0xff] as number) ^
      (table[sum >>> 24] as number);
  }
  for (; at < to; at += 1) {
    sum = (table[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}

type Tables = readonly [Int32Array, Int32Array, Int32Array, Int32Array];

/** Of the polynomial of zlib, 0xedb88320 with its bits reversed. */
function makeTables(): Tables {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum & 1) === 0 ? sum >>> 1 : 0xedb88320 ^ (sum >>> 1);
    }
    return sum;
  });
  const next = (sums: Int32Array): Int32Array =>
    sums.map((sum) => (first[sum & 0xff] as number) ^ (sum >>> 8));
  const second = next(first);
  const third = next(second);
  return [first, second, third, next(third)];
}
