import type { StoredVersion } from './versions.ts';

/** Values lie side by side in memory of this size, in bytes. */
export const slabBytes: number = 256 * 1024;
/** Larger ones have memory of their own. */
export const mostSharedBytes: number = 16 * 1024;
/** So many versions may be on the list of a slab though their values are gone. */
const mostListed = 64;
/** Slabs that nothing is in any more, kept for the next values. */
const mostSpare = 8;

/** A stretch of memory with values in it, which the store fills from its beginning. */
export interface Slab {
  readonly bytes: Buffer;
  /** Filled up to here. */
  used: number;
  /** Bytes of values that are still wanted. */
  live: number;
  /** And how many they are. */
  count: number;
  /** Whose values are in it, or were. A value that has memory of its own is not listed. */
  readonly versions: StoredVersion[] | undefined;
}

const noBuffer = Buffer.alloc(0);

/** Where what has no value has it. */
export const noSlab: Slab = { bytes: noBuffer, used: 0, live: 0, count: 0, versions: undefined };

/** Where a value was that nobody may read any more. */
const gone: Slab = { bytes: noBuffer, used: 0, live: 0, count: 0, versions: undefined };

/**
 * The memory of the values of one state, outside of the heap: there are many, they live long, and
 * the garbage collector would copy each of them twice and then look at it again and again.
 *
 * At most half of a slab that is full is memory that nobody wants: then the rest moves.
 */
export class ValueMemory {
  #open = newSlab();
  readonly #spare: Slab[] = [];
  #slabs = 1;
  #ownBytes = 0;

  /** What the values take, with what is free between them and ahead, in bytes. */
  get byteLength(): number {
    return (this.#slabs + this.#spare.length) * slabBytes + this.#ownBytes;
  }

  /** Gives the version a copy of the bytes `from..to` as its value. It must have none. */
  keep(version: StoredVersion, bytes: Buffer, from: number, to: number): void {
    const size = to - from;
    if (size === 0) return;
    version.size = size;
    if (size > mostSharedBytes) {
      const own = Buffer.allocUnsafeSlow(size);
      bytes.copy(own, 0, from, to);
      version.slab = { bytes: own, used: size, live: size, count: 1, versions: undefined };
      this.#ownBytes += size;
      return;
    }
    let slab = this.#open;
    if (slab.used + size > slabBytes) slab = this.#openNext();
    const at = slab.used;
    bytes.copy(slab.bytes, at, from, to);
    slab.used = at + size;
    slab.live += size;
    slab.count += 1;
    (slab.versions as StoredVersion[]).push(version);
    version.slab = slab;
    version.at = at;
  }

  /** The version's value is not wanted any more; whoever reads it now is told so by an error. */
  release(version: StoredVersion): void {
    const { slab, size } = version;
    if (size === 0) return;
    version.slab = gone;
    if (slab.versions === undefined) {
      this.#ownBytes -= size;
      return;
    }
    slab.live -= size;
    slab.count -= 1;
    forget(slab.versions, slab);
    if (slab !== this.#open && slab.live * 2 < slab.used) this.#clear(slab);
  }

  #openNext(): Slab {
    const full = this.#open;
    const next = this.#spare.pop() ?? newSlab();
    this.#open = next;
    this.#slabs += 1;
    // What was let go of while it was being filled.
    if (full.live * 2 < full.used) this.#clear(full);
    // What moved may have filled the next one as well.
    return this.#open;
  }

  /** Moves what is left in a slab, and has it used again. */
  #clear(slab: Slab): void {
    const versions = slab.versions as StoredVersion[];
    for (const version of versions) {
      if (version.slab !== slab) continue;
      const { at, size } = version;
      this.keep(version, slab.bytes, at, at + size);
    }
    versions.length = 0;
    slab.used = 0;
    slab.live = 0;
    slab.count = 0;
    this.#slabs -= 1;
    if (this.#spare.length < mostSpare) this.#spare.push(slab);
  }
}

/** The memory that a value is in, from `version.at` on; not to be kept, for values move. */
export function memoryOf(version: StoredVersion): Buffer {
  if (version.slab === gone) {
    throw new Error(`The value of revision ${version.modRevision} was let go of.`);
  }
  return version.slab.bytes;
}

/**
 * Takes what is gone off the list of a slab that large values keep: the versions of small ones,
 * with their keys, take many times the bytes that those had in the slab.
 */
function forget(versions: StoredVersion[], slab: Slab): void {
  if (versions.length <= mostListed || versions.length <= 4 * slab.count) return;
  let kept = 0;
  for (const version of versions) {
    if (version.slab !== slab) continue;
    versions[kept] = version;
    kept += 1;
  }
  versions.length = kept;
}

function newSlab(): Slab {
  return { bytes: Buffer.allocUnsafeSlow(slabBytes), used: 0, live: 0, count: 0, versions: [] };
}
