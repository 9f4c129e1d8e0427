import { describe, expect, it } from 'vitest';
import { elected, electionTimeoutMs, heartbeatMs, leader, type TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** Wakes the leader for `ms`; only `answering` answer their heartbeats. */
function beatFor(node: TestNode, ms: number, answering: readonly string[]): void {
  const end = node.now + ms;
  while (node.core.view.role === 'leader' && node.core.wakeAt <= end) {
    for (const action of node.wake()) {
      if (action.type !== 'replicate') continue;
      const { call, to, range } = action;
      const event = w.accepted(call, { term: range.term, match: range.last });
      node.step(answering.includes(to) ? event : w.unanswered(call));
    }
  }
}

describe('thesis 6.2 Check-quorum', () => {
  it('an isolated leader steps down within two election timeouts, and keeps its term', () => {
    const node = leader({ terms: [1] });
    const isolatedAt = node.now;

    beatFor(node, 2 * electionTimeoutMs.max, []);

    expect(node.core.view).toMatchObject({ role: 'follower', term: 2, leader: undefined });
    expect(node.now - isolatedAt).toBeLessThanOrEqual(electionTimeoutMs.max + heartbeatMs);
    expect(node.state.votedFor).toBe('a');
  });

  it('a leader whose disk no longer answers steps down, though its followers do (bug 19)', () => {
    const node = leader({ terms: [1] });
    node.step(w.propose(0, 'x'));
    const stuckAt = node.now;

    beatFor(node, 3 * electionTimeoutMs.max, ['b', 'c']);

    expect(node.core.view.role).toBe('follower');
    expect(node.now - stuckAt).toBeGreaterThanOrEqual(2 * electionTimeoutMs.max);
    expect(node.now - stuckAt).toBeLessThanOrEqual(2 * electionTimeoutMs.max + heartbeatMs);
  });

  it('a node whose disk no longer answers does not campaign before it is back', () => {
    const node = leader({ terms: [1] });
    node.step(w.propose(0, 'x'));
    beatFor(node, 3 * electionTimeoutMs.max, ['b', 'c']);

    const meanwhile = Array.from({ length: 5 }, () => node.wake());
    const { role, leader: known, term } = node.core.view;
    node.persist();
    const afterwards = node.wake();

    expect(meanwhile.flat()).toEqual([]);
    expect({ role, known, term }).toEqual({ role: 'follower', known: undefined, term: 2 });
    expect(afterwards.map(({ type }) => type)).toEqual(['requestVote', 'requestVote']);
  });

  it('a disk with nothing to do is not silent', () => {
    const node = leader({ terms: [1] });

    beatFor(node, 5 * electionTimeoutMs.max, ['b', 'c']);
    node.step(w.propose(0, 'x'));
    beatFor(node, electionTimeoutMs.max, ['b', 'c']);

    expect(node.core.view.role).toBe('leader');
  });

  it('stepping down costs no write and no message', () => {
    const node = leader({ terms: [1] });
    node.elapse(electionTimeoutMs.max);

    expect(node.step(w.wake)).toEqual([]);
    expect(node.core.view.role).toBe('follower');
    expect(node.core.wakeAt).toBe(node.now + 1500);
  });

  it('a leader that one of two followers answers leads on', () => {
    const node = leader({ terms: [1] });

    beatFor(node, 5 * electionTimeoutMs.max, ['c']);

    expect(node.core.view).toMatchObject({ role: 'leader', term: 2 });
  });

  it('a refusal is a sign of life as well', () => {
    const node = leader({ terms: [1] });

    for (let round = 0; round < 30; round += 1) {
      for (const action of node.wake()) {
        if (action.type !== 'replicate' || action.to !== 'b') continue;
        node.step(w.rejected(action.call, { term: 2, hint: id(2, 2) }));
      }
    }

    expect(node.core.view.role).toBe('leader');
  });

  it('learners are no quorum', () => {
    const node = leader({ terms: [1], learners: ['l', 'm', 'n'] });

    beatFor(node, 2 * electionTimeoutMs.max, ['l', 'm', 'n']);

    expect(node.core.view.role).toBe('follower');
  });

  it('an answer vouches for when its call was sent, not for when it came', () => {
    const node = leader({ terms: [1] });
    const [first] = node.wake();
    const call = first?.type === 'replicate' ? first.call : 0;
    node.elapse(electionTimeoutMs.max);
    node.step(w.accepted(call, { term: 2, match: 2 }));

    node.step(w.wake);

    expect(node.core.view.role).toBe('follower');
  });

  it('both sets of a joint membership must answer', () => {
    const leads = (...answering: string[]): boolean => {
      const node = elected({
        terms: [1],
        voters: [
          ['a', 'b', 'c'],
          ['d', 'e', 'f'],
        ],
      });
      node.persist();
      beatFor(node, 2 * electionTimeoutMs.max, answering);
      return node.core.view.role === 'leader';
    };

    expect(leads('b', 'c')).toBe(false);
    expect(leads('b', 'c', 'd')).toBe(false);
    expect(leads('d', 'e', 'f')).toBe(false);
    expect(leads('b', 'd', 'e')).toBe(true);
  });

  it('a single voter never misses its quorum', () => {
    const node = leader({ terms: [1], voters: [['a']], learners: ['l'] });

    beatFor(node, 3 * electionTimeoutMs.max, []);

    expect(node.core.view.role).toBe('leader');
  });

  it('without check-quorum an isolated leader leads on', () => {
    const node = leader({ terms: [1], options: { checkQuorum: false } });

    beatFor(node, 5 * electionTimeoutMs.max, []);

    expect(node.core.view.role).toBe('leader');
  });

  it('a leader whose own disk hangs still speaks, and still steps down (bug 19)', () => {
    const node = leader({ terms: [1] });
    node.step(w.propose(1, 'x'));

    expect(node.wake().map(({ type }) => type)).toEqual(['replicate', 'replicate']);
    node.elapse(electionTimeoutMs.max);
    node.step(w.wake);
    expect(node.core.view.role).toBe('follower');
  });
});
