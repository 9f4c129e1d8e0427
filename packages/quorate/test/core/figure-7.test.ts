import { describe, expect, it } from 'vitest';
import { Cluster, type RoundTrip } from './cluster.ts';
import type { Setup } from './kit.ts';

const options = { checkQuorum: false, preVote: false };

/** The log of the leader for term 8 in figure 7. Its election adds a blank entry 11. */
const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
const ids = ['leader', 'a', 'b', 'c', 'd', 'e', 'f'];

/** The followers of figure 7, and what it takes to repair each: every round trip, in order. */
const followers: Record<string, { terms: readonly number[]; trips: Omit<RoundTrip, 'to'>[] }> = {
  // One entry is missing.
  a: {
    terms: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    trips: [
      { previous: 10, count: 1, answer: { hint: 9 } },
      { previous: 9, count: 2, answer: { accepted: 11 } },
    ],
  },
  // Many are missing.
  b: {
    terms: [1, 1, 1, 4],
    trips: [
      { previous: 10, count: 1, answer: { hint: 4 } },
      { previous: 4, count: 7, answer: { accepted: 11 } },
    ],
  },
  // One entry too many, of a known term.
  c: {
    terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    trips: [{ previous: 10, count: 1, answer: { accepted: 11 } }],
  },
  // Two too many, of a term that the leader never saw.
  d: {
    terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    trips: [{ previous: 10, count: 1, answer: { accepted: 11 } }],
  },
  // Both: entries of term 4 too many, those of 5 and 6 missing.
  e: {
    terms: [1, 1, 1, 4, 4, 4, 4],
    trips: [
      { previous: 10, count: 1, answer: { hint: 7 } },
      { previous: 5, count: 6, answer: { accepted: 11 } },
    ],
  },
  // Two whole terms that nobody else saw.
  f: {
    terms: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    trips: [
      { previous: 10, count: 1, answer: { hint: 10 } },
      { previous: 3, count: 8, answer: { accepted: 11 } },
    ],
  },
};

function figure7(): Cluster {
  const logs = Object.entries(followers).map(([id, { terms }]) => [id, { terms, term: 7 }]);
  const setups = Object.fromEntries(logs) as Record<string, Setup>;
  return new Cluster(ids, { ...setups, leader: { terms: leaderTerms, term: 7 } }, { options });
}

describe('5.3 Figure 7, logs that diverge', () => {
  it('followers (a), (b), (e) and (f) can elect the leader for term 8, (c) and (d) cannot', () => {
    const withVotesOf = (...others: string[]): string => {
      const cluster = figure7();
      cluster.elect('leader', others);
      return cluster.node('leader').core.view.role;
    };

    expect(withVotesOf('a', 'b', 'e', 'f')).toBe('leader');
    expect(withVotesOf('a', 'b', 'e')).toBe('leader');
    expect(withVotesOf('a', 'b', 'c')).toBe('candidate');
    expect(withVotesOf('a', 'b', 'd')).toBe('candidate');
  });

  for (const [id, { trips }] of Object.entries(followers)) {
    it(`follower (${id}) is repaired in ${trips.length} round trips`, () => {
      const cluster = figure7();
      cluster.elect('leader', ['a', 'b', 'e', 'f']);

      cluster.deliverAll();

      expect(cluster.roundTrips.filter(({ to }) => to === id)).toEqual(
        trips.map((trip) => ({ to: id, ...trip })),
      );
      expect(cluster.terms(id)).toEqual([...leaderTerms, 8]);
      expect(cluster.log(id)).toEqual(cluster.log('leader'));
    });
  }

  it('the leader commits its blank entry, and with it all ten before, once all are repaired', () => {
    const cluster = figure7();
    cluster.elect('leader', ['a', 'b', 'e', 'f']);

    cluster.deliverAll();

    expect(cluster.node('leader').core.view.committed).toBe(11);
  });
});

describe('5.3 Long divergence', () => {
  it('a thousand entries of one term that diverge are repaired in two round trips', () => {
    const mine = [1, ...Array<number>(1000).fill(3)];
    const theirs = [1, ...Array<number>(1000).fill(2)];
    const cluster = new Cluster(
      ['a', 'b', 'c'],
      { a: { terms: mine }, b: { terms: theirs }, c: { terms: mine } },
      { options },
    );
    cluster.elect('a', ['c']);

    cluster.deliverAll();

    expect(cluster.roundTrips.filter(({ to }) => to === 'b')).toEqual([
      { to: 'b', previous: 1001, count: 1, answer: { hint: 1001 } },
      { to: 'b', previous: 1, count: 1001, answer: { accepted: 1002 } },
    ]);
    expect(cluster.log('b')).toEqual(cluster.log('a'));
  });

  it('a thousand entries of interleaved terms take one round trip a term (bug 34)', () => {
    const count = 10;
    const mine = Array.from({ length: count * 100 }, (_, at) => 2 * Math.floor(at / 100) + 2);
    const theirs = mine.map((term) => term - 1);
    const cluster = new Cluster(
      ['a', 'b', 'c'],
      { a: { terms: mine }, b: { terms: theirs }, c: { terms: mine } },
      { options },
    );
    cluster.elect('a', ['c']);

    cluster.deliverAll();

    const trips = cluster.roundTrips.filter(({ to }) => to === 'b');
    expect(trips).toHaveLength(count + 1);
    expect(trips.at(-1)).toMatchObject({ previous: 0, answer: { accepted: 1001 } });
    expect(cluster.log('b')).toEqual(cluster.log('a'));
  });
});
