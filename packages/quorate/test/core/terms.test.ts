import { describe, expect, it } from 'vitest';
import { candidate, elected, follower, leader } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

describe('5.1 Terms', () => {
  it('a node refuses an append of an older term and names the newer one', () => {
    const node = follower({ term: 3, terms: [1, 3] });

    const actions = node.step(w.append(1, 'b', { term: 2, previous: id(1, 1) }));

    expect(actions).toEqual([w.rejects(1, { term: 3, hint: id(3, 2) })]);
  });

  it('a node refuses its vote to a candidate of an older term and names the newer one', () => {
    const node = follower({ term: 3, terms: [1] });

    const actions = node.step(w.requestVote(1, 'b', { term: 2, last: id(2, 9) }));

    expect(actions).toEqual([w.votes(1, { term: 3, granted: false })]);
  });

  it('a higher term in an append is taken over, durably, before it is answered', () => {
    const node = follower({ term: 2, votedFor: 'a', terms: [1] });

    const actions = node.step(w.append(1, 'b', { term: 4, previous: id(1, 1) }));

    expect(actions).toEqual([w.writes(1, { vote: { term: 4, votedFor: undefined } })]);
    expect(node.persist()).toEqual([w.accepts(1, { term: 4, match: 1 })]);
    expect(node.core.view).toMatchObject({ role: 'follower', term: 4, leader: 'b' });
  });

  it('a higher term in an append unseats a leader', () => {
    const node = leader({ terms: [1] });

    const actions = node.step(w.append(9, 'b', { term: 3, previous: id(2, 2) }));

    expect(actions).toEqual([w.writes(node.writes, { vote: { term: 3, votedFor: undefined } })]);
    expect(node.core.view).toMatchObject({ role: 'follower', term: 3, leader: 'b' });
  });

  it('a higher term in a vote request unseats a leader that holds no lease', () => {
    const node = leader({ terms: [1], options: { checkQuorum: false } });

    const actions = node.step(w.requestVote(9, 'b', { term: 5, last: id(1, 1) }));

    expect(actions).toEqual([w.writes(node.writes, { vote: { term: 5, votedFor: undefined } })]);
    expect(node.persist()).toEqual([w.votes(9, { term: 5, granted: false })]);
    expect(node.core.view).toMatchObject({ role: 'follower', term: 5, leader: undefined });
  });

  it('a higher term in the answer to an append unseats a leader', () => {
    const node = elected({ terms: [1] });
    const call = node.calls;

    const actions = node.step(w.rejected(call, { term: 7, hint: id(1, 1) }));

    expect(actions).toEqual([w.writes(node.writes, { vote: { term: 7, votedFor: undefined } })]);
    expect(node.core.view).toMatchObject({ role: 'follower', term: 7, leader: undefined });
  });

  it('a higher term in the answer to an append that nobody waits for counts as well', () => {
    const node = leader({ terms: [1] });

    const actions = node.step(w.rejected(node.calls, { term: 7, hint: id(1, 1) }));

    expect(actions).toEqual([w.writes(node.writes, { vote: { term: 7, votedFor: undefined } })]);
    expect(node.core.view.role).toBe('follower');
  });

  it('a higher term in the answer to a vote request ends a candidacy (bug 10)', () => {
    const node = candidate({ terms: [1] });
    const [toB, toC] = [node.calls - 1, node.calls];

    const actions = node.step(w.denied(toB, 6));

    expect(actions).toEqual([w.writes(node.writes, { vote: { term: 6, votedFor: undefined } })]);
    expect(node.step(w.granted(toC, 2))).toEqual([]);
    expect(node.core.view).toMatchObject({ role: 'follower', term: 6 });
  });

  it('a refusal in a term that is not durable yet is held until it is', () => {
    const node = follower({ term: 1, terms: [1] });
    node.step(w.requestVote(1, 'b', { term: 4, last: id(1, 1) }));

    const actions = node.step(w.append(2, 'c', { term: 2, previous: id(1, 1) }));

    expect(actions).toEqual([]);
    expect(node.persist()).toEqual([
      w.votes(1, { term: 4, granted: true }),
      w.rejects(2, { term: 4, hint: id(1, 1) }),
    ]);
  });

  it('a term never falls, whatever old message comes', () => {
    const node = follower({ term: 8, terms: [1, 1] });

    node.step(w.append(1, 'b', { term: 3, previous: id(1, 2) }));
    node.step(w.requestVote(2, 'b', { term: 4, last: id(3, 9) }));
    node.step(w.denied(1, 2));
    node.step(w.rejected(1, { term: 2, hint: id(0, 0) }));

    expect(node.core.view.term).toBe(8);
    expect(node.isWriting).toBe(false);
  });

  it('a node that does not lead refuses what only a leader can do, and names the leader', () => {
    const node = follower({ terms: [1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));
    const why = { type: 'notLeader', leader: 'b' } as const;

    expect(node.step(w.propose(2, 'x'))).toEqual([w.refuses(2, why)]);
    expect(node.step(w.readIndex(3))).toEqual([w.refuses(3, why)]);
    expect(node.step(w.change(4, { type: 'removeLearner', id: 'b' }))).toEqual([w.refuses(4, why)]);
  });
});
