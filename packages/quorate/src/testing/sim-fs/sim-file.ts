import type { Digest } from './digest.ts';
import type { Sector } from './sector.ts';
import {
  contentOf,
  cut,
  isSameContent,
  overwritten,
  type SectorOrHole,
  sectorBytes,
} from './sector.ts';

/** A file as it is at one moment: its own, while the sectors never change and are shared. */
interface Image {
  size: number;
  readonly sectors: SectorOrHole[];
}

/** What an operation that may not be durable yet made of a sector or of the size. */
export interface Version<Value> {
  readonly value: Value;
  /** Which operation it was, counted over the whole file system. */
  readonly sequence: number;
}

/**
 * One file: what programs see (`#current`, the page cache), what the disk is sure to hold
 * (`#durable`), and between the two, for each sector and for the size, the versions since, any of
 * which the disk may hold as well. Names are none of its business.
 */
export class SimFile {
  readonly #durable: Image;
  #current: Image;
  readonly #sizes: Version<number>[] = [];
  readonly #versions = new Map<number, Version<SectorOrHole>[]>();

  constructor({ size, sectors }: Readonly<Image> = { size: 0, sectors: [] }) {
    this.#durable = { size, sectors: [...sectors] };
    this.#current = { size, sectors: [...sectors] };
  }

  get size(): number {
    return this.#current.size;
  }

  get durableSize(): number {
    return this.#durable.size;
  }

  /** The sizes that may be on the disk in place of `durableSize`, oldest first. */
  get unsettledSizes(): readonly Version<number>[] {
    return this.#sizes;
  }

  /** The same for the sectors, by number. */
  get unsettledSectors(): ReadonlyMap<number, readonly Version<SectorOrHole>[]> {
    return this.#versions;
  }

  durableSector(number: number): SectorOrHole {
    return this.#durable.sectors[number];
  }

  /** How many sectors of disk it takes up. */
  allocatedCount(): number {
    return this.#current.sectors.filter((sector) => sector !== undefined).length;
  }

  /** How many of `length` bytes from `position` fit if `freeCount` more sectors may be taken. */
  fittingBytes(position: number, length: number, freeCount: number): number {
    let left = freeCount;
    const end = position + length;
    for (let number = Math.floor(position / sectorBytes); number * sectorBytes < end; number += 1) {
      if (this.#current.sectors[number] !== undefined) continue;
      if (left === 0) return Math.max(0, number * sectorBytes - position);
      left -= 1;
    }
    return length;
  }

  read(buffer: Uint8Array, position: number): number {
    return readFrom(this.#current, buffer, position);
  }

  /** Reads what the disk is sure to hold, not what programs see. */
  readDurable(buffer: Uint8Array, position: number): number {
    return readFrom(this.#durable, buffer, position);
  }

  write(bytes: Uint8Array, position: number, sequence: number): void {
    const { sectors } = this.#current;
    for (let done = 0; done < bytes.byteLength; ) {
      const number = Math.floor((position + done) / sectorBytes);
      const start = (position + done) % sectorBytes;
      const part = bytes.subarray(done, done + sectorBytes - start);
      // A sparse array would be slow, and its holes would not be counted.
      while (sectors.length < number) sectors.push(undefined);
      sectors[number] = overwritten(sectors[number], part, start);
      this.#addVersion(number, sectors[number], sequence);
      done += part.byteLength;
    }
    const size = Math.max(this.size, position + bytes.byteLength);
    if (size > this.size) this.#sizes.push({ value: size, sequence });
    this.#current.size = size;
  }

  truncate(size: number, sequence: number): void {
    const sectors = cutTo(size, this.#current.sectors);
    for (const [number, sector] of this.#current.sectors.entries()) {
      if (sector !== sectors[number]) this.#addVersion(number, sectors[number], sequence);
    }
    if (size !== this.size) this.#sizes.push({ value: size, sequence });
    this.#current = { size, sectors };
  }

  /** All that was done up to the operation `sequence` is durable. */
  settle(sequence: number): void {
    for (const number of this.#versions.keys()) this.#settleSector(number, sequence);
    this.#settleSize(sequence);
  }

  /** A durable write ended: its sectors are on the disk, and the size as far as it needs it. */
  settleWrite(position: number, length: number, sequence: number): void {
    const first = Math.floor(position / sectorBytes);
    const end = Math.ceil((position + length) / sectorBytes);
    for (let number = first; number < end; number += 1) this.#settleSector(number, sequence);
    if (position + length > this.#durable.size) this.#settleSize(sequence);
  }

  /** What the operations `from` to `to` did never reaches the disk; the cache may still show it. */
  forget(from: number, to: number, { keepsCache }: { keepsCache: boolean }): void {
    const isOther = ({ sequence }: Version<unknown>): boolean => sequence < from || sequence > to;
    const sectors = this.#current.sectors.slice();
    for (const [number, versions] of this.#versions) {
      const rest = versions.filter(isOther);
      if (rest.length === versions.length) continue;
      const last = rest.at(-1);
      sectors[number] = last === undefined ? this.#durable.sectors[number] : last.value;
      if (last === undefined) this.#versions.delete(number);
      else this.#versions.set(number, rest);
    }
    const sizes = this.#sizes.filter(isOther);
    const size =
      sizes.length === this.#sizes.length ? this.size : (sizes.at(-1)?.value ?? this.durableSize);
    this.#sizes.splice(0, this.#sizes.length, ...sizes);
    if (!keepsCache) this.#current = { size, sectors };
  }

  /** Changes what the disk holds, as a failing disk does; the cache sees it too. */
  damage(position: number, length: number, change: (byte: number) => number): void {
    for (let at = position; at < position + length; at += 1) {
      const [number, start] = [Math.floor(at / sectorBytes), at % sectorBytes];
      const changed = (sector: SectorOrHole): Sector => {
        const byte = change(contentOf(sector).bytes[start] ?? 0);
        return overwritten(sector, new Uint8Array([byte]), start);
      };
      for (const image of [this.#durable, this.#current]) {
        replace(image, number, changed(image.sectors[number]));
      }
    }
  }

  /** A file that a power cut leaves: the durable one, but for the size and sectors given. */
  crashed(size: number, sectors: ReadonlyMap<number, SectorOrHole>): SimFile {
    const all = this.#durable.sectors.slice();
    for (const [number, sector] of sectors) {
      while (all.length < number) all.push(undefined);
      all[number] = sector;
    }
    return new SimFile({ size, sectors: cutTo(size, all) });
  }

  addTo(digest: Digest): void {
    digest.add(this.size);
    for (let number = 0; number * sectorBytes < this.size; number += 1) {
      const { high, low } = contentOf(this.#current.sectors[number]).digest;
      digest.add(high);
      digest.add(low);
    }
  }

  #addVersion(number: number, value: SectorOrHole, sequence: number): void {
    const versions = this.#versions.get(number);
    const last = versions?.at(-1);
    const before = last === undefined ? this.#durable.sectors[number] : last.value;
    // A crash cannot tell it from the one before; a hole and zeroes differ in what they take up.
    if (isSameContent(before, value) && (before === undefined) === (value === undefined)) return;
    if (versions === undefined) this.#versions.set(number, [{ value, sequence }]);
    else versions.push({ value, sequence });
  }

  #settleSector(number: number, sequence: number): void {
    const versions = this.#versions.get(number);
    const settled = versions?.findLast((version) => version.sequence <= sequence);
    if (versions === undefined || settled === undefined) return;
    const { sectors } = this.#durable;
    while (sectors.length < number) sectors.push(undefined);
    sectors[number] = settled.value;
    const rest = versions.filter((version) => version.sequence > sequence);
    if (rest.length === 0) this.#versions.delete(number);
    else this.#versions.set(number, rest);
  }

  #settleSize(sequence: number): void {
    const settled = this.#sizes.findLast((version) => version.sequence <= sequence);
    if (settled === undefined) return;
    this.#sizes.splice(0, this.#sizes.lastIndexOf(settled) + 1);
    this.#durable.size = settled.value;
  }
}

function readFrom(
  { size, sectors }: Readonly<Image>,
  buffer: Uint8Array,
  position: number,
): number {
  const end = Math.min(size, position + buffer.byteLength);
  for (let at = position; at < end; ) {
    const number = Math.floor(at / sectorBytes);
    const start = at % sectorBytes;
    const count = Math.min(sectorBytes - start, end - at);
    const bytes = contentOf(sectors[number]).bytes.subarray(start, start + count);
    buffer.set(bytes, at - position);
    at += count;
  }
  return Math.max(0, end - position);
}

/** Nothing stands after the end of a file, so that extending it again shows zeroes. */
function cutTo(size: number, sectors: readonly SectorOrHole[]): SectorOrHole[] {
  const kept = sectors.slice(0, Math.ceil(size / sectorBytes));
  const last = Math.floor(size / sectorBytes);
  if (size % sectorBytes > 0 && kept.length > last) {
    kept[last] = cut(kept[last], size % sectorBytes);
  }
  return kept;
}

function replace({ size, sectors }: Image, number: number, sector: Sector): void {
  if (number >= Math.ceil(size / sectorBytes)) return;
  while (sectors.length < number) sectors.push(undefined);
  sectors[number] = sector;
}
