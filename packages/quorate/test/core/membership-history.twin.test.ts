import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MembershipHistory, noMembership } from '../../src/core/membership.ts';
import type { EffectiveMembership } from '../../src/core/types.ts';
import { membership } from './kit.ts';
import { id } from './words.ts';

/** A log of which only the memberships matter: `undefined` is any other entry. */
type NaiveLog = (EffectiveMembership | undefined)[];

/** The pure function that a history must be: the newest membership in the log. */
function inForce(base: EffectiveMembership, log: NaiveLog): EffectiveMembership {
  return log.findLast((one) => one !== undefined) ?? base;
}

const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('other' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('membership' as const),
      voters: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('truncate' as const, 'commit' as const, 'restart' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
);

describe('Membership history', () => {
  it('the membership in force is a pure function of the log', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let history = new MembershipHistory([]);
        const log: NaiveLog = [];
        let committed = 0;
        for (const one of steps) {
          if (one.type === 'other') {
            log.push(undefined);
          } else if (one.type === 'membership') {
            const added = { ...membership([one.voters]), logId: id(1, log.length + 1) };
            log.push(added);
            history.append(added);
          } else {
            const index = committed + Math.floor(one.share * (log.length - committed));
            if (one.type === 'truncate') {
              log.length = index;
              history.truncate(index);
            } else if (one.type === 'commit') {
              committed = index;
              history.commit(index);
            } else {
              // What recovery hands over is the newest committed membership and all after it.
              const base = inForce(noMembership, log.slice(0, committed));
              const later = log.slice(committed).flatMap((after) => after ?? []);
              history = new MembershipHistory([base, ...later]);
            }
          }
          expect(history.current).toEqual(inForce(noMembership, log));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('a snapshot brings the first membership, and those in the log after it stay', () => {
    const at = (index: number): EffectiveMembership => ({
      ...membership([['a']]),
      logId: id(1, index),
    });
    for (const [last, expected] of [
      [9, [5, 7, 9]],
      [8, [5, 7]],
      [6, [5]],
    ] as const) {
      const history = new MembershipHistory([2, 4, 7, 9].map(at));

      history.install(at(5), { purged: id(1, 6), last: id(1, last) });

      expect(history.all.map(({ logId }) => logId.index)).toEqual(expected);
    }
  });

  it('what is committed is kept once, so that a history does not grow', () => {
    const history = new MembershipHistory([]);
    for (let index = 1; index <= 100; index += 1) {
      history.append({ ...membership([['a']]), logId: id(1, index) });
      history.commit(index);
    }

    expect(history.all.map(({ logId }) => logId.index)).toEqual([100]);
  });

  it('the membership before an uncommitted one is kept, since it may come back', () => {
    const history = new MembershipHistory([]);
    for (const index of [2, 4, 6]) {
      history.append({ ...membership([['a']]), logId: id(1, index) });
    }

    history.commit(5);

    expect(history.all.map(({ logId }) => logId.index)).toEqual([4, 6]);
    history.truncate(5);
    expect(history.current.logId).toEqual(id(1, 4));
  });

  it('a membership that is not newer than the one in force stops the node', () => {
    const history = new MembershipHistory([{ ...membership([['a']]), logId: id(1, 3) }]);

    expect(() => history.append({ ...membership([['a']]), logId: id(1, 3) })).toThrow(
      'the membership of entry 3 must be newer than that of 3',
    );
  });
});
