/** Takes a text into a running 32-bit hash (FNV-1a). */
export function addText(hash: number, text: string): number {
  let hashed = hash;
  for (let at = 0; at < text.length; at += 1) {
    hashed = Math.imul(hashed ^ text.charCodeAt(at), 0x0100_0193);
  }
  return hashed;
}

export function toHex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
