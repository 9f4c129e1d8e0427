/*
 * Keys inside the store are strings of one character for each byte ("latin1"): they are compared,
 * hashed and kept by the engine at the speed of memory, and their order is that of the bytes.
 */

/** A key as the store keeps it: one character for each byte. */
export type ByteString = string;

export function byteString(bytes: Uint8Array): ByteString {
  return bufferOf(bytes).toString('latin1');
}

export function bytesOf(text: ByteString): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** The same memory as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The end of the range of all keys that begin with `prefix`. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let at = prefix.length - 1; at >= 0; at -= 1) {
    const byte = prefix[at] as number;
    if (byte === 0xff) continue;
    // A copy; `slice` of a Buffer would be the same memory.
    const end = Uint8Array.from(prefix.subarray(0, at + 1));
    end[at] = byte + 1;
    return end;
  }
  return Uint8Array.of(0);
}
