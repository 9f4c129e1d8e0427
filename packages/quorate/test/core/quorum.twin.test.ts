import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countVotes, jointQuorumValue, majority, quorumValue } from '../../src/core/quorum.ts';

type Sets = readonly (readonly string[])[];

/** By the definition: more than half of the voters have at least `value`. */
function hasMajority(voters: readonly string[], has: (id: string) => boolean): boolean {
  return 2 * voters.filter(has).length > voters.length;
}

function naiveJointValue(sets: Sets, valueOf: (id: string) => number): number {
  const candidates = sets.flat().map(valueOf);
  const reached = candidates.filter(
    (value) =>
      sets.length > 0 && sets.every((voters) => hasMajority(voters, (id) => valueOf(id) >= value)),
  );
  return Math.max(-Infinity, ...reached);
}

/** Tries every way in which those who are still silent could answer. */
function naiveOutcome(sets: Sets, tally: ReadonlyMap<string, boolean>): string {
  const wins = (granted: (id: string) => boolean): boolean =>
    sets.length > 0 && sets.every((voters) => hasMajority(voters, granted));
  const silent = [...new Set(sets.flat())].filter((id) => !tally.has(id));
  if (wins((id) => tally.get(id) === true)) return 'won';
  for (let ways = 0; ways < 2 ** silent.length; ways += 1) {
    const late = new Set(silent.filter((_, at) => (ways >> at) % 2 === 1));
    if (wins((id) => late.has(id) || tally.get(id) === true)) return 'open';
  }
  return 'lost';
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const voters = fc.uniqueArray(fc.constantFrom(...names), { maxLength: 7 });
const sets = fc.array(voters, { maxLength: 2 });
const values = fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 0, max: 5 }));
const tally = fc.dictionary(fc.constantFrom(...names), fc.boolean());

describe('Quorum', () => {
  it('a majority is more than half', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(majority)).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });

  it('any two majorities of one set meet', () => {
    for (let count = 1; count < 100; count += 1) {
      expect(2 * majority(count)).toBeGreaterThan(count);
      expect(2 * (majority(count) - 1)).toBeLessThanOrEqual(count);
    }
  });

  it('nobody decides anything in an empty set or in none (bug 35)', () => {
    expect(quorumValue([], () => 9)).toBe(-Infinity);
    expect(jointQuorumValue([], () => 9)).toBe(-Infinity);
    expect(jointQuorumValue([['a'], []], () => 9)).toBe(-Infinity);
    expect(countVotes([], new Map([['a', true]]))).toBe('lost');
  });

  it('the value of a quorum equals that of its definition', () => {
    fc.assert(
      fc.property(voters, values, (ids, given) => {
        const valueOf = (id: string): number => given[id] ?? 0;

        expect(quorumValue(ids, valueOf)).toBe(naiveJointValue([ids], valueOf));
      }),
      { numRuns: 2000 },
    );
  });

  it('the value of a joint quorum equals that of its definition', () => {
    fc.assert(
      fc.property(sets, values, (ids, given) => {
        const valueOf = (id: string): number => given[id] ?? 0;

        expect(jointQuorumValue(ids, valueOf)).toBe(naiveJointValue(ids, valueOf));
      }),
      { numRuns: 2000 },
    );
  });

  it('the outcome of a vote is what all late answers together can still decide', () => {
    fc.assert(
      fc.property(sets, tally, (ids, given) => {
        const answers = new Map(Object.entries(given));

        expect(countVotes(ids, answers)).toBe(naiveOutcome(ids, answers));
      }),
      { numRuns: 2000 },
    );
  });

  it('infinities, for the leader itself and for the unheard, are values like others', () => {
    const valueOf = (id: string): number => (id === 'a' ? Infinity : -Infinity);

    expect(quorumValue(['a', 'b', 'c'], valueOf)).toBe(-Infinity);
    expect(quorumValue(['a'], valueOf)).toBe(Infinity);
    expect(quorumValue(['b', 'c', 'd', 'e'], valueOf)).toBe(-Infinity);
  });
});
