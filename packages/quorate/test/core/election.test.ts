import { describe, expect, it } from 'vitest';
import { candidate, elected, electionTimeoutMs, follower, heartbeatMs, TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;
const plain = { preVote: false, checkQuorum: false };

describe('5.2 Leader election', () => {
  it('a follower campaigns once it has heard no leader for its election timeout', () => {
    const node = follower({ terms: [1], options: plain });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));
    const deadline = node.now + 1500;

    expect(node.core.wakeAt).toBe(deadline);
    node.elapse(1499);
    expect(node.step(w.wake)).toEqual([]);
    node.elapse(1);
    expect(node.step(w.wake)).toEqual([w.writes(1, { vote: { term: 2, votedFor: 'a' } })]);
    expect(node.core.view).toMatchObject({ role: 'candidate', term: 2, leader: undefined });
  });

  it('every append of the leader starts the election timeout anew', () => {
    const node = follower({ terms: [1] });

    for (let at = 0; at < 3; at += 1) {
      node.elapse(heartbeatMs);
      node.step(w.append(at, 'b', { term: 1, previous: id(1, 1) }));
      expect(node.core.wakeAt).toBe(node.now + 1500);
    }
  });

  it('an election timeout is drawn at random between the two bounds', () => {
    const draws = [0, 0.25, 0.999];
    const ends = draws.map(
      (draw) => new TestNode({ terms: [1], options: { random: () => draw } }).core.wakeAt,
    );

    expect(ends).toEqual([electionTimeoutMs.min, 1250, 1999]);
  });

  it('a candidate asks all other voters with its term and last entry, and no learner', () => {
    const node = follower({ terms: [1, 1, 3], learners: ['l'], options: plain });
    node.wake();

    const ask = { candidate: 'a', term: 4, last: id(3, 3) };
    expect(node.persist()).toEqual([w.asksVote(1, 'b', ask), w.asksVote(2, 'c', ask)]);
  });

  it('a candidate asks nobody before its own vote is durable (bugs 1, 6)', () => {
    const node = follower({ terms: [1], options: plain });

    const actions = node.wake();

    expect(actions).toEqual([w.writes(1, { vote: { term: 2, votedFor: 'a' } })]);
    expect(node.calls).toBe(0);
    expect(node.core.view.role).toBe('candidate');
  });

  it('a candidate with the votes of a majority leads, and appends a blank entry at once', () => {
    const node = candidate({ terms: [1] });
    const calls = node.calls;

    const actions = node.step(w.granted(calls, 2));

    const range = { term: 2, previous: id(1, 1), last: 2, committed: 0 };
    expect(actions).toEqual([
      w.writes(2, { append: [w.blank(2, 2)] }),
      w.sends(calls + 1, 'b', range),
      w.sends(calls + 2, 'c', range),
    ]);
    expect(node.core.view).toMatchObject({ role: 'leader', leader: 'a', term: 2 });
  });

  it('a candidate of five does not lead with two votes, nor when one is counted twice', () => {
    const node = candidate({ terms: [1], voters: [['a', 'b', 'c', 'd', 'e']] });

    expect(node.step(w.granted(1, 2))).toEqual([]);
    expect(node.step(w.granted(1, 2))).toEqual([]);
    expect(node.core.view.role).toBe('candidate');
    expect(node.step(w.granted(2, 2))).toHaveLength(5);
    expect(node.core.view.role).toBe('leader');
  });

  it('a candidate refused by a majority follows at once, and keeps its vote (bug 2)', () => {
    const node = candidate({ terms: [1] });

    node.step(w.denied(1, 2));
    expect(node.step(w.denied(2, 2))).toEqual([]);

    expect(node.core.view).toMatchObject({ role: 'follower', term: 2 });
    expect(node.step(w.requestVote(7, 'b', { term: 2, last: id(1, 1) }))).toEqual([
      w.votes(7, { term: 2, granted: false }),
    ]);
  });

  it('a candidate follows the leader of its own term, and keeps its vote (bugs 2, 3, 4)', () => {
    const node = candidate({ terms: [1], options: plain });

    const actions = node.step(w.append(5, 'b', { term: 2, previous: id(2, 9) }));

    expect(actions).toEqual([w.rejects(5, { term: 2, hint: id(1, 1) })]);
    expect(node.core.view).toMatchObject({ role: 'follower', term: 2, leader: 'b' });
    expect(node.step(w.requestVote(6, 'c', { term: 2, last: id(1, 1) }))).toEqual([
      w.votes(6, { term: 2, granted: false }),
    ]);
  });

  it('a candidate whose votes split tries again in a new term, with a new timeout', () => {
    const draws = [0.5, 0.2, 0.9];
    const options = { ...plain, random: () => draws.shift() ?? 0 };
    const node = candidate({ terms: [1], options });
    const first = node.core.wakeAt - node.now;

    const actions = node.wake();

    expect(actions).toEqual([w.writes(2, { vote: { term: 3, votedFor: 'a' } })]);
    expect([first, node.core.wakeAt - node.now]).toEqual([1200, 1900]);
  });

  it('a vote of an earlier election does not count in the next (bug 8)', () => {
    const node = candidate({ terms: [1], options: plain });
    const [toB, toC] = [node.calls - 1, node.calls];
    node.wake();
    node.persist();

    expect(node.step(w.granted(toB, 2))).toEqual([]);
    expect(node.step(w.granted(toC, 2))).toEqual([]);
    expect(node.core.view).toMatchObject({ role: 'candidate', term: 3 });
  });

  it('a vote request that nobody answers is neither a grant nor a refusal', () => {
    const node = candidate({ terms: [1] });

    expect(node.step(w.unanswered(1))).toEqual([]);
    expect(node.step(w.granted(1, 2))).toEqual([]);
    expect(node.core.view.role).toBe('candidate');
    expect(node.step(w.granted(2, 2))).toHaveLength(3);
    expect(node.core.view.role).toBe('leader');
  });

  it('a single voter leads as soon as its own vote is durable', () => {
    const node = follower({ terms: [1], voters: [['a']] });

    expect(node.wake()).toEqual([w.writes(1, { vote: { term: 2, votedFor: 'a' } })]);
    expect(node.persist()).toEqual([w.writes(2, { append: [w.blank(2, 2)] })]);
    expect(node.persist()).toEqual([w.applies(2)]);
    expect(node.core.view).toMatchObject({ role: 'leader', committed: 2 });
  });

  it('a leader speaks to all within each heartbeat interval', () => {
    const node = elected({ terms: [1] });
    const { calls, now } = node;

    expect(node.core.wakeAt).toBe(now + heartbeatMs);
    const range = { term: 2, previous: id(0, 0), last: 0, committed: 0 };
    expect(node.wake()).toEqual([w.sends(calls + 1, 'b', range), w.sends(calls + 2, 'c', range)]);
    expect(node.core.wakeAt).toBe(now + 2 * heartbeatMs);
  });

  it('a leader that is woken again and again sends one heartbeat an interval', () => {
    const node = elected({ terms: [1] });
    node.wake();

    for (let at = 0; at < 9; at += 1) {
      node.elapse(heartbeatMs / 10);
      expect(node.step(w.wake)).toEqual([]);
    }
  });

  it('a learner and a node of no cluster never campaign (bug 12)', () => {
    const learner = follower({ id: 'l', terms: [1], learners: ['l'] });
    const stranger = follower({ id: 'x', voters: [] });

    for (const node of [learner, stranger]) {
      expect(node.core.wakeAt).toBe(Infinity);
      node.elapse(1_000_000);
      expect(node.step(w.wake)).toEqual([]);
      expect(node.core.view.role).toBe('learner');
    }
  });
});
