import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import { visitCommand } from '../../src/protocol/commands.ts';
import { checkCommand, defaultLimits } from '../../src/protocol/limits.ts';
import { laterSamples, samples } from './samples.ts';

/** More than all of these together would need, if no length that is claimed is believed. */
const mostGrowthBytes = 64 * 1024 * 1024;

/** What came of the bytes. Anything but a value or a `KvError` is a bug. */
function outcome(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof KvError && !error.message.includes('undefined')) return error;
    throw error;
  }
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

describe.each([...samples, ...laterSamples])(
  'bytes instead of: $name',
  ({ name, bytes, decode }) => {
    test('are an error at every beginning of it, or wait for more', () => {
      const wrong: number[] = [];
      for (let length = 0; length < bytes.length; length += 1) {
        const result = outcome(decode, bytes.subarray(0, length));
        const isWaiting = Array.isArray(result) && result.length === 0 && name.startsWith('frame');
        // A command ends where its bytes end: whoever takes it looks at what it has.
        const isCutCommand = name === 'call write' && length >= 17;
        if (!(result instanceof KvError || isWaiting || isCutCommand)) wrong.push(length);
      }

      expect(wrong).toEqual([]);
    });

    test('give a value or an error with any bit turned round', () => {
      const turnRound = (): void => {
        for (let bit = 0; bit < bytes.length * 8; bit += 1) outcome(decode, flipped(bytes, bit));
      };

      expect(turnRound).not.toThrow();
    });

    test('give a value or an error whatever they are', () => {
      const any = fc.uint8Array({ maxLength: 200 });
      const like = fc
        .tuple(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))), fc.nat(bytes.length))
        .map(([places, length]) => {
          const copy = bytes.slice(0, Math.max(length, 1));
          for (const [place, byte] of places) if (place < copy.length) copy[place] = byte;
          return copy;
        });

      const property = fc.property(fc.oneof(any, like), (drawn) => void outcome(decode, drawn));

      expect(() => fc.assert(property, { numRuns: 2000 })).not.toThrow();
    });

    test('take no memory that they only claim', () => {
      const before = process.memoryUsage().rss;
      for (let at = 0; at + 4 <= bytes.length; at += 1) {
        for (const claim of [0xffffffff, 0x7fffffff, 0x40000000]) {
          const copy = bytes.slice();
          new DataView(copy.buffer).setUint32(at, claim, true);
          outcome(decode, copy);
        }
      }

      expect(process.memoryUsage().rss - before).toBeLessThan(mostGrowthBytes);
    });
  },
);

test('what the check of a command lets pass, a visitor can be told', () => {
  const { bytes } = samples.find(({ name }) => name === 'command') as (typeof samples)[number];
  let passed = 0;

  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const command = flipped(bytes, bit);
    if (outcome((all) => checkCommand(all, defaultLimits), command) instanceof KvError) continue;
    passed += 1;
    visitCommand(command, {
      put: (all, { keyAt, keyEnd, valueEnd }) => {
        expect(keyAt).toBeLessThan(keyEnd);
        expect(keyEnd).toBeLessThanOrEqual(valueEnd);
        expect(valueEnd).toBeLessThanOrEqual(all.length);
      },
      other: () => undefined,
    });
  }

  expect(passed).toBeGreaterThan(100);
});
