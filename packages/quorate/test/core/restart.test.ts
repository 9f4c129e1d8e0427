import { describe, expect, it } from 'vitest';
import { electionTimeoutMs, membership, TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

describe('Restart', () => {
  for (const preVote of [true, false]) {
    const what = preVote ? 'pre-vote' : 'vote';

    it(`no ${what} is granted for the shortest election timeout after a start`, () => {
      const node = new TestNode({ terms: [1] });
      node.elapse(electionTimeoutMs.min - 1);

      const ask = { term: 2, last: id(1, 9), preVote };
      expect(node.step(w.requestVote(1, 'b', ask))).toEqual([
        w.votes(1, { term: 1, granted: false }),
      ]);
      node.elapse(1);
      node.step(w.requestVote(2, 'b', ask));
      expect(preVote || node.state.votedFor === 'b').toBe(true);
    });
  }

  it('a node with a term and no log has promised something as well', () => {
    const node = new TestNode({ term: 1, voters: [] });

    expect(node.step(w.requestVote(1, 'b', { term: 2, last: id(1, 9) }))).toEqual([
      w.votes(1, { term: 1, granted: false }),
    ]);
  });

  it('a node that never promised anything may vote at once', () => {
    const node = new TestNode({ voters: [] });
    node.step(w.requestVote(1, 'b', { term: 1, last: id(0, 1) }));

    expect(node.persist()).toEqual([w.votes(1, { term: 1, granted: true })]);
  });

  it('a node that led comes back as a follower of the same term (bug 11)', () => {
    const node = new TestNode({ term: 3, votedFor: 'a', terms: [1, 3] });

    expect(node.core.view).toMatchObject({ role: 'follower', term: 3, leader: undefined });
    expect(node.step(w.propose(1, 'x'))).toEqual([
      w.refuses(1, { type: 'notLeader', leader: undefined }),
    ]);
  });

  it('a restarted node campaigns only after an election timeout', () => {
    const node = new TestNode({ terms: [1] });

    expect(node.core.wakeAt).toBe(1500);
    expect(node.step(w.wake)).toEqual([]);
  });

  it('nothing is known to be committed beyond what was applied', () => {
    const node = new TestNode({ terms: [1, 1, 2], applied: 2 });

    expect(node.core.view).toMatchObject({ committed: 2, last: id(2, 3) });
    const heartbeat = { term: 2, previous: id(2, 3), committed: 3 };
    expect(node.step(w.append(1, 'b', heartbeat))).toEqual([
      w.applies(3),
      w.accepts(1, { term: 2, match: 3 }),
    ]);
  });

  it('what was compared before the restart must be compared again', () => {
    const node = new TestNode({ terms: [1, 2, 2] });

    expect(node.step(w.append(1, 'b', { term: 2, previous: id(0, 0), committed: 3 }))).toEqual([
      w.accepts(1, { term: 2, match: 0 }),
    ]);
  });

  it('a learner keeps its role over a restart', () => {
    const memberships = [{ ...membership([['a', 'b']], ['l']), logId: id(1, 1) }];
    const node = new TestNode({ id: 'l', terms: [1], memberships });

    expect(node.core.view.role).toBe('learner');
    expect(node.core.wakeAt).toBe(Infinity);
  });

  it('time that goes back stops the node', () => {
    const node = new TestNode({ terms: [1] });
    node.elapse(10);
    node.step(w.wake);
    node.elapse(-1);

    expect(() => node.step(w.wake)).toThrow('time must not go back from 10 to 9');
  });
});
