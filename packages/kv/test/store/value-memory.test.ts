import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mostSharedBytes, slabBytes, ValueMemory } from '../../src/store/value-memory.ts';
import { newKey, noValue, type StoredVersion, valueOf } from '../../src/store/versions.ts';

const stored = newKey('key', 0);

function newVersion(modRevision: number): StoredVersion {
  return {
    of: stored,
    createRevision: 2,
    modRevision,
    version: 1,
    lease: 0,
    digest: 0,
    ...noValue,
    before: undefined,
  };
}

/** What is there, with what it should be. */
class Kept {
  readonly memory = new ValueMemory();
  readonly #live: { readonly version: StoredVersion; readonly value: Buffer }[] = [];
  #revision = 1;

  get liveBytes(): number {
    return this.#live.reduce((sum, { value }) => sum + value.length, 0);
  }

  get count(): number {
    return this.#live.length;
  }

  add(size: number): StoredVersion {
    this.#revision += 1;
    const version = newVersion(this.#revision);
    const value = Buffer.alloc(size, this.#revision % 251);
    const around = Buffer.concat([Buffer.from('before'), value, Buffer.from('after')]);
    this.memory.keep(version, around, 6, 6 + size);
    around.fill(255);
    this.#live.push({ version, value });
    return version;
  }

  release(place: number): void {
    const [one] = this.#live.splice(place % this.#live.length, 1);
    if (one !== undefined) this.memory.release(one.version);
  }

  /** The revisions whose values are not what they should be. */
  get spoilt(): number[] {
    const spoilt = this.#live.filter(
      ({ version, value }) => Buffer.compare(valueOf(version), value) !== 0,
    );
    return spoilt.map(({ version }) => version.modRevision);
  }
}

test('values stay what they are, whatever comes, goes and moves', () => {
  const size = fc.oneof(
    fc.nat({ max: 300 }),
    fc.integer({ min: mostSharedBytes - 2, max: mostSharedBytes }),
    fc.integer({ min: mostSharedBytes + 1, max: mostSharedBytes * 3 }),
  );
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('add' as const), size }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('release' as const), at: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600, size: 'max' }), (steps) => {
      const kept = new Kept();
      for (const one of steps) {
        if (one.type === 'add') kept.add(one.size);
        else if (kept.count > 0) kept.release(one.at);
      }
      expect(kept.spoilt).toEqual([]);
      while (kept.count > 0) kept.release(0);
    }),
    { numRuns: 100 },
  );
});

test('what nobody wants takes less than what is wanted, but for some slabs', () => {
  const kept = new Kept();
  let highest = 0;
  for (let round = 0; round < 20_000; round += 1) {
    kept.add(1000);
    // The oldest go, but for one in a hundred, which is left in an old slab.
    if (kept.count > 1000) kept.release(round % 100 === 0 ? kept.count - 1 : kept.count - 1000);
    highest = Math.max(highest, kept.memory.byteLength - 2 * kept.liveBytes);
  }
  expect(kept.spoilt).toEqual([]);
  expect(highest).toBeLessThanOrEqual(12 * slabBytes);
});

test('memory is given back once nothing is in it', () => {
  const kept = new Kept();
  for (let count = 0; count < 10_000; count += 1) kept.add(2000);
  for (let count = 0; count < 10; count += 1) kept.add(mostSharedBytes + 1);
  expect(kept.memory.byteLength).toBeGreaterThan(20_000_000);
  while (kept.count > 0) kept.release(0);
  expect(kept.memory.byteLength).toBeLessThanOrEqual(10 * slabBytes);
});

test('a value that was let go of cannot be read', () => {
  const kept = new Kept();
  const version = kept.add(10);
  kept.release(0);
  expect(() => valueOf(version)).toThrow('The value of revision 2 was let go of.');
});

test('what was read stays as it is when its value goes, whatever comes after it', () => {
  const kept = new Kept();
  const [small, large] = [kept.add(100), kept.add(mostSharedBytes + 1)].map(valueOf);
  kept.release(0);
  kept.release(0);
  for (let count = 0; count < 20_000; count += 1) {
    kept.add(100);
    kept.release(0);
  }
  expect(small).toEqual(Buffer.alloc(100, 2));
  expect(large).toEqual(Buffer.alloc(mostSharedBytes + 1, 3));
});

test('small values that come and go beside large ones that stay leave nothing behind', () => {
  const kept = new Kept();
  const stays = Array.from({ length: 100 }, () => {
    const large = kept.add(mostSharedBytes);
    for (let count = 0; count < 1000; count += 1) {
      kept.add(7);
      kept.release(kept.count - 1);
    }
    return large;
  });

  const slabs = new Set(stays.map(({ slab }) => slab));
  const listed = [...slabs].reduce((sum, { versions }) => sum + (versions?.length ?? 0), 0);
  expect(listed).toBeLessThan(slabs.size * 80);
  expect(kept.spoilt).toEqual([]);
});
