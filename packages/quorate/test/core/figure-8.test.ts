import { describe, expect, it } from 'vitest';
import { Cluster } from './cluster.ts';

const ids = ['s1', 's2', 's3', 's4', 's5'];
const options = { checkQuorum: false, preVote: false };

/**
 * (a) s1 leads term 2 and has replicated index 2 to s2 only. The entry of each leader is the blank
 * one that it appends when it is elected.
 */
function stepA(): Cluster {
  const cluster = new Cluster(ids, {}, { terms: [1], options });
  cluster.elect('s1', ['s3', 's4']);
  cluster.deliver(({ to }) => to === 's2');
  return cluster;
}

/** (b) s1 crashes; s5 leads term 3 by the votes of s3 and s4 and has its own entry at index 2. */
function stepB(): Cluster {
  const cluster = stepA();
  cluster.restart('s1');
  // Its first candidacy is in term 2, in which s3 and s4 have voted already.
  cluster.elect('s5', ['s3', 's4']);
  cluster.forget();
  cluster.elect('s5', ['s3', 's4']);
  cluster.forget();
  return cluster;
}

/** (c) s5 crashes; s1 leads term 4 and goes on replicating index 2: s3 has it too, a majority. */
function stepC(): Cluster {
  const cluster = stepB();
  cluster.restart('s5');
  cluster.maxEntries = 1;
  // Its first candidacy is in term 3, in which s3 has voted for s5.
  cluster.elect('s1', ['s2', 's3']);
  cluster.elect('s1', ['s2', 's3']);
  cluster.deliver(({ to }) => to === 's3');
  cluster.deliver(({ to }) => to === 's3');
  return cluster;
}

describe('5.4.2 Figure 8, why a leader does not count replicas of older terms', () => {
  it('(a) the entry of term 2 is on two of five, and not committed', () => {
    const cluster = stepA();

    expect(ids.map((id) => cluster.terms(id))).toEqual([[1, 2], [1, 2], [1], [1], [1]]);
    expect(cluster.node('s1').core.view).toMatchObject({ role: 'leader', term: 2, committed: 0 });
  });

  it('(b) s5 is elected in term 3, since s3 and s4 have nothing that it lacks', () => {
    const cluster = stepB();

    expect(ids.map((id) => cluster.terms(id))).toEqual([[1, 2], [1, 2], [1], [1], [1, 3]]);
    expect(cluster.node('s5').core.view).toMatchObject({ role: 'leader', term: 3 });
  });

  it('(c) the entry of term 2 is on a majority, and still not committed (bug 21)', () => {
    const cluster = stepC();

    expect(ids.map((id) => cluster.terms(id))).toEqual([[1, 2, 4], [1, 2], [1, 2], [1], [1, 3]]);
    expect(cluster.node('s1').core.view).toMatchObject({ role: 'leader', term: 4, committed: 0 });
    expect(cluster.roundTrips.at(-1)).toEqual({
      to: 's3',
      previous: 1,
      count: 1,
      answer: { accepted: 2 },
    });
  });

  it('(d) so s5 may come back and replace it on all', () => {
    const cluster = stepC();
    cluster.restart('s1');
    // Its first candidacy is in term 4, in which s2 and s3 have voted for s1.
    cluster.elect('s5', ['s2', 's3', 's4']);
    cluster.elect('s5', ['s2', 's3', 's4']);
    cluster.maxEntries = Infinity;

    cluster.deliverAll();

    expect(ids.map((id) => cluster.terms(id))).toEqual(ids.map(() => [1, 3, 5]));
    expect(cluster.node('s5').core.view).toMatchObject({ role: 'leader', committed: 3 });
  });

  it('(e) but once an entry of term 4 is on a majority, s5 can no longer be elected', () => {
    const cluster = stepC();
    for (let trip = 0; trip < 3; trip += 1) cluster.deliver(({ to }) => to === 's3');
    cluster.node('s1').elapse(100);
    cluster.step('s1', { type: 'wake' });
    for (let trip = 0; trip < 4; trip += 1) cluster.deliver(({ to }) => to === 's2');

    expect(ids.map((id) => cluster.terms(id))).toEqual([
      [1, 2, 4],
      [1, 2, 4],
      [1, 2, 4],
      [1],
      [1, 3],
    ]);
    expect(cluster.node('s1').core.view.committed).toBe(3);
    cluster.restart('s1');
    for (let attempt = 0; attempt < 3; attempt += 1) {
      cluster.elect('s5', ['s2', 's3', 's4']);
      expect(cluster.node('s5').core.view.role).not.toBe('leader');
      cluster.forget();
    }
  });
});
