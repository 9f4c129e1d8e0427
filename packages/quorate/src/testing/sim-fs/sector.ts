import { Buffer } from 'node:buffer';

import { Digest } from './digest.ts';

/** What a disk writes as one piece, if all goes well. */
export const sectorBytes = 512;

/** The content of one sector. It never changes, so images share it; a write makes another one. */
export class Sector {
  readonly bytes: Uint8Array;
  #digest: Digest | undefined;

  /** `bytes` must be `sectorBytes` long, and nobody may change it from now on. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get digest(): Digest {
    if (this.#digest === undefined) {
      this.#digest = new Digest();
      const { buffer, byteOffset, byteLength } = this.bytes;
      this.#digest.addWords(new Uint32Array(buffer, byteOffset, byteLength / 4));
    }
    return this.#digest;
  }
}

/** A sector that was allocated and holds zeroes. */
const zeroSector = new Sector(new Uint8Array(sectorBytes));

/** Memory is asked for by so many sectors: each piece has its price, however small it is. */
const sectorsPerSlab = 8;
let slab = new Uint8Array(0);

function newBytes(): Uint8Array {
  if (slab.byteLength === 0) slab = new Uint8Array(sectorsPerSlab * sectorBytes);
  const bytes = slab.subarray(0, sectorBytes);
  slab = slab.subarray(sectorBytes);
  return bytes;
}

function isZeroes(part: Uint8Array): boolean {
  if (part.byteLength < sectorBytes || part[0] !== 0) return false;
  return Buffer.compare(part, zeroSector.bytes) === 0;
}

/** A hole: never written, takes no space, reads as zeroes. */
export type SectorOrHole = Sector | undefined;

export function contentOf(sector: SectorOrHole): Sector {
  return sector ?? zeroSector;
}

export function isSameContent(one: SectorOrHole, other: SectorOrHole): boolean {
  const [left, right] = [contentOf(one), contentOf(other)];
  if (left === right) return true;
  return Buffer.compare(left.bytes, right.bytes) === 0;
}

/** `sector` with `part` at byte `start` of it. */
export function overwritten(sector: SectorOrHole, part: Uint8Array, start: number): Sector {
  // Stores write many zeroes; sharing them makes it quick to see that nothing changed.
  if (isZeroes(part)) return zeroSector;
  const bytes = newBytes();
  if (part.byteLength < sectorBytes) bytes.set(contentOf(sector).bytes);
  bytes.set(part, start);
  return new Sector(bytes);
}

/** What a write that stopped after `count` bytes leaves: so many of `newer`, then `older`. */
export function torn(older: SectorOrHole, newer: SectorOrHole, count: number): Sector {
  const bytes = new Uint8Array(contentOf(older).bytes);
  bytes.set(contentOf(newer).bytes.subarray(0, count));
  return new Sector(bytes);
}

/** The first `count` bytes of `sector`, then zeroes. */
export function cut(sector: SectorOrHole, count: number): SectorOrHole {
  if (sector === undefined || sector === zeroSector) return sector;
  return torn(undefined, sector, count);
}
