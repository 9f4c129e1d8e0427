/**
 * Memory of its own that the caller fills, so nobody need zero it. Plain bytes: a `Buffer` would
 * reach the application, and its `slice` is another one.
 */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}
