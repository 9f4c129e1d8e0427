import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable } from '../../src/store/key-table.ts';
import { newKey, type StoredKey } from '../../src/store/versions.ts';
import { bytes } from './kit.ts';

/** Few hashes in few places, so that nearly every key is in the way of another one. */
function hashOf(number: number): number {
  return ((number % 7) << 8) | (number % 2);
}

test('a table finds what was added and not removed, however its hashes collide', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 400 });
  fc.assert(
    fc.property(steps, (numbers) => {
      const table = new KeyTable();
      const twin = new Map<number, StoredKey>();

      for (const number of numbers) {
        const stored = twin.get(number);
        if (stored === undefined) {
          const added = newKey(`key ${number}`, hashOf(number));
          table.add(added);
          twin.set(number, added);
        } else {
          table.remove(stored);
          twin.delete(number);
        }
      }

      for (let number = 0; number <= 60; number += 1) {
        const within = bytes(`...key ${number}...`);
        const found = table.find(hashOf(number), within, 3, within.length - 3);
        expect(found).toBe(twin.get(number));
      }
    }),
  );
});

test('keys of any length are told apart', () => {
  const table = new KeyTable();
  const texts = [
    'a',
    'b',
    'x'.repeat(64),
    'x'.repeat(65),
    `${'x'.repeat(64)}y`,
    '\xff'.repeat(500),
  ];
  const stored = texts.map((text) => newKey(text, 1));
  for (const each of stored) table.add(each);

  const found = texts.map((text) => table.find(1, bytes(text), 0, text.length));

  expect(found).toEqual(stored);
  expect(table.find(1, bytes('c'), 0, 1)).toBeUndefined();
  expect(table.find(2, bytes('a'), 0, 1)).toBeUndefined();
});
