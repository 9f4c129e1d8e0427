import { describe, expect, test } from 'vitest';
import { judge } from '../../src/server/member/judge.ts';

const three = [['a', 'b', 'c']];

function hashes(all: Record<string, string>): ReadonlyMap<string, string> {
  return new Map(Object.entries(all));
}

describe('a member that compares its state with the others', () => {
  test('is confirmed by a majority of voters that includes it', () => {
    const verdict = judge('a', three, hashes({ a: 'x', b: 'x' }));

    expect(verdict).toEqual({ type: 'confirmed', strange: [] });
  });

  test('names those that differ from a majority', () => {
    const verdict = judge('a', three, hashes({ a: 'x', b: 'y', c: 'x' }));

    expect(verdict).toEqual({ type: 'confirmed', strange: ['b'] });
  });

  test('is refuted when a majority agrees on another state', () => {
    const verdict = judge('a', three, hashes({ a: 'y', b: 'x', c: 'x' }));

    expect(verdict).toEqual({ type: 'refuted', majority: ['b', 'c'] });
  });

  test('is not refuted by two of five, nor by one of two', () => {
    const five = [['a', 'b', 'c', 'd', 'e']];
    const twoOfFive = judge('a', five, hashes({ a: 'y', b: 'x', c: 'x' }));
    const oneOfTwo = judge('a', [['a', 'b']], hashes({ a: 'y', b: 'x' }));

    expect(twoOfFive).toEqual({ type: 'split', groups: [['a'], ['b', 'c']] });
    expect(oneOfTwo).toEqual({ type: 'split', groups: [['a'], ['b']] });
  });

  test('knows nothing while too few have answered', () => {
    const verdict = judge('a', three, hashes({ a: 'x' }));

    expect(verdict).toEqual({ type: 'open' });
  });

  test('needs a majority of both sets while voters change', () => {
    const sets = [
      ['a', 'b', 'c'],
      ['c', 'd', 'e'],
    ];
    const ofOne = judge('a', sets, hashes({ a: 'x', b: 'x', d: 'y' }));
    const ofBoth = judge('a', sets, hashes({ a: 'y', b: 'x', c: 'x', d: 'x' }));

    expect(ofOne).toEqual({ type: 'split', groups: [['a', 'b'], ['d']] });
    expect(ofBoth).toEqual({ type: 'refuted', majority: ['b', 'c', 'd'] });
  });

  test('as a learner is measured by the voters and does not count itself', () => {
    const refuted = judge('l', three, hashes({ l: 'y', a: 'x', b: 'x' }));
    const open = judge('l', three, hashes({ l: 'x', a: 'x' }));

    expect(refuted).toEqual({ type: 'refuted', majority: ['a', 'b'] });
    expect(open).toEqual({ type: 'open' });
  });

  test('agrees with a count by hand, whatever the hashes are', () => {
    const names = ['a', 'b', 'c'];
    const choices = ['x', 'y', undefined];
    for (const b of choices) {
      for (const c of choices) {
        const known = { a: 'x', ...(b && { b }), ...(c && { c }) };
        const same = 1 + [b, c].filter((hash) => hash === 'x').length;
        const other = [b, c].filter((hash) => hash === 'y').length;

        const { type } = judge('a', [names], hashes(known));

        const few = other > 0 ? 'split' : 'open';
        expect(type).toBe(same >= 2 ? 'confirmed' : other >= 2 ? 'refuted' : few);
      }
    }
  });
});
