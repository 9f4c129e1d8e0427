import { describe, expect, it } from 'vitest';
import { follower, leader } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** A follower of b in term 2 that has compared its log up to entry 2 of 3. */
function comparing(): ReturnType<typeof follower> {
  const node = follower({ terms: [1, 1, 1], term: 2 });
  node.step(w.append(1, 'b', { term: 2, previous: id(1, 2) }));
  return node;
}

describe('thesis 6.4 Reads on a follower', () => {
  it('what the leader named is committed as far as it was compared, and applied', () => {
    const node = comparing();

    expect(node.step(w.leaderNamed(2, 1))).toEqual([w.applies(1)]);
    expect(node.step(w.leaderNamed(2, 9))).toEqual([w.applies(2)]);
    expect(node.core.view.committed).toBe(2);
  });

  it('an answer from another term commits nothing', () => {
    const node = comparing();

    expect(node.step(w.leaderNamed(1, 2))).toEqual([]);
    expect(node.step(w.leaderNamed(3, 2))).toEqual([]);
    expect(node.core.view).toMatchObject({ term: 2, committed: 0 });
  });

  it('a late answer takes nothing back', () => {
    const node = comparing();
    node.step(w.leaderNamed(2, 2));

    expect(node.step(w.leaderNamed(2, 1))).toEqual([]);
    expect(node.core.view.committed).toBe(2);
  });

  it('a learner reads like a follower, and keeps its role', () => {
    const node = follower({ terms: [1], voters: [['b', 'c']], learners: ['a'] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));

    expect(node.step(w.leaderNamed(1, 1))).toEqual([w.applies(1)]);
    expect(node.core.view.role).toBe('learner');
  });

  it('neither a candidate nor a leader goes by it', () => {
    const stands = comparing();
    stands.wake();
    const leads = leader({ terms: [1] });
    leads.step(w.propose(0, 'x'));

    expect(stands.core.view.role).toBe('candidate');
    expect(stands.step(w.leaderNamed(2, 2))).toEqual([]);
    expect(leads.step(w.leaderNamed(2, 3))).toEqual([]);
    expect(leads.core.view.committed).toBe(2);
  });

  it('what was learned in a term that is not on the disk yet is not applied', () => {
    const node = follower({ terms: [1, 1], term: 1 });
    node.step(w.append(1, 'b', { term: 2, previous: id(1, 2) }));

    expect(node.step(w.leaderNamed(2, 2))).toEqual([]);
    expect(node.persist()).toContainEqual(w.applies(2));
  });
});
