import { describe, expect, it } from 'vitest';
import { Cluster } from './cluster.ts';
import { elected, electionTimeoutMs, follower } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

describe('thesis 9.6 Pre-vote', () => {
  it('a node first asks whether it could win, and writes nothing', () => {
    const node = follower({ terms: [1, 3], votedFor: 'b' });

    const ask = { candidate: 'a', term: 4, last: id(3, 2), preVote: true };
    expect(node.wake()).toEqual([w.asksVote(1, 'b', ask), w.asksVote(2, 'c', ask)]);
    expect(node.core.view).toMatchObject({ role: 'candidate', term: 3, leader: undefined });
    expect(node.state.votedFor).toBe('b');
  });

  it('a majority of pre-votes starts the election in the next term', () => {
    const node = follower({ terms: [1] });
    node.wake();

    expect(node.step(w.granted(1, 1))).toEqual([w.writes(1, { vote: { term: 2, votedFor: 'a' } })]);
    const ask = { candidate: 'a', term: 2, last: id(1, 1) };
    expect(node.persist()).toEqual([w.asksVote(3, 'b', ask), w.asksVote(4, 'c', ask)]);
  });

  it('a pre-vote that is granted later is no vote in the election that it led to', () => {
    const node = follower({ terms: [1] });
    node.wake();
    node.step(w.granted(1, 1));
    node.persist();

    expect(node.step(w.granted(2, 1))).toEqual([]);
    expect(node.core.view.role).toBe('candidate');
  });

  it('a pre-vote counts whatever older term the voter is in (bug 15)', () => {
    const node = follower({ term: 6, terms: [1] });
    node.wake();

    expect(node.step(w.granted(1, 2))).toEqual([w.writes(1, { vote: { term: 7, votedFor: 'a' } })]);
  });

  it('a node refused by a majority does not raise its term, and tries again later', () => {
    const node = follower({ terms: [1] });
    node.wake();
    const deadline = node.now + 1500;
    node.step(w.denied(1, 1));

    expect(node.step(w.denied(2, 1))).toEqual([]);
    expect(node.core.view).toMatchObject({ role: 'follower', term: 1 });
    expect(node.core.wakeAt).toBe(deadline);
  });

  it('a node that is cut off keeps its term for ever (bugs 17, 18)', () => {
    const node = follower({ terms: [1] });

    for (let attempt = 0; attempt < 20; attempt += 1) {
      for (const action of node.wake()) {
        if (action.type === 'requestVote') node.step(w.unanswered(action.call));
      }
    }

    expect(node.core.view.term).toBe(1);
    expect(node.writes).toBe(0);
  });

  it('granting a pre-vote changes nothing: no term, no vote, no timer (bug 16)', () => {
    const node = follower({ terms: [1] });
    const { wakeAt } = node.core;

    const ask = { term: 9, last: id(1, 1), preVote: true };
    expect(node.step(w.requestVote(1, 'b', ask))).toEqual([w.votes(1, { term: 1, granted: true })]);
    expect(node.step(w.requestVote(2, 'c', ask))).toEqual([w.votes(2, { term: 1, granted: true })]);
    expect(node.core.wakeAt).toBe(wakeAt);
    expect(node.writes).toBe(0);
    expect(node.state.leaderHeardAt).toBe(0);
  });

  it('a pre-vote is refused for a term that is over or was given to somebody else', () => {
    const node = follower({ term: 3, votedFor: 'b', terms: [1] });
    const ask = (term: number) => ({ term, last: id(1, 1), preVote: true });

    expect(node.step(w.requestVote(1, 'c', ask(2)))).toEqual([
      w.votes(1, { term: 3, granted: false }),
    ]);
    expect(node.step(w.requestVote(2, 'c', ask(3)))).toEqual([
      w.votes(2, { term: 3, granted: false }),
    ]);
    expect(node.step(w.requestVote(3, 'b', ask(3)))).toEqual([
      w.votes(3, { term: 3, granted: true }),
    ]);
  });

  it('a node that gives its vote away no longer asks whether it could win itself', () => {
    const node = follower({ terms: [1] });
    node.wake();
    node.step(w.requestVote(1, 'b', { term: 1, last: id(1, 1) }));

    expect(node.core.view.role).toBe('follower');
    expect(node.persist()).toEqual([w.votes(1, { term: 1, granted: true })]);
    expect(node.step(w.granted(1, 1))).toEqual([]);
  });

  it('a pre-vote that names a term which is not durable yet is held', () => {
    const node = follower({ terms: [1] });
    node.step(w.requestVote(1, 'b', { term: 4, last: id(1, 1) }));

    const ask = { term: 5, last: id(1, 1), preVote: true };
    expect(node.step(w.requestVote(2, 'c', ask))).toEqual([]);
    expect(node.persist()).toEqual([
      w.votes(1, { term: 4, granted: true }),
      w.votes(2, { term: 4, granted: true }),
    ]);
  });

  it('a refused pre-vote tells of a newer term, so that the next try can win (bugs 13, 15)', () => {
    const node = follower({ terms: [1] });
    node.wake();

    expect(node.step(w.denied(1, 5))).toEqual([
      w.writes(1, { vote: { term: 5, votedFor: undefined } }),
    ]);
    node.persist();
    const ask = { candidate: 'a', term: 6, last: id(1, 1), preVote: true };
    expect(node.wake()).toEqual([w.asksVote(3, 'b', ask), w.asksVote(4, 'c', ask)]);
  });

  it('the longest log in an old term and a short one in a new term elect a leader (bug 14)', () => {
    const cluster = new Cluster(
      ['a', 'b', 'c'],
      { a: { terms: [1, 2, 2], term: 2 }, b: { terms: [1], term: 9, votedFor: 'b' } },
      { terms: [1] },
    );

    cluster.elect('b', ['a']);
    cluster.forget();
    cluster.elect('a', ['b']);
    cluster.forget();
    cluster.elect('a', ['b']);

    expect(cluster.node('a').core.view).toMatchObject({ role: 'leader', term: 10 });
  });

  it('a candidate that times out before its vote is durable begins with a pre-vote again', () => {
    const node = follower({ terms: [1] });
    node.wake();
    node.step(w.granted(1, 1));

    const ask = { candidate: 'a', term: 3, last: id(1, 1), preVote: true };
    expect(node.wake()).toEqual([w.asksVote(3, 'b', ask), w.asksVote(4, 'c', ask)]);
    expect(node.persist()).toEqual([]);
  });

  it('a joint membership needs the pre-votes of a majority of both sets', () => {
    const node = follower({
      terms: [1],
      voters: [
        ['a', 'b', 'c'],
        ['c', 'd', 'e'],
      ],
    });
    node.wake();

    expect(node.step(w.granted(1, 1))).toEqual([]);
    expect(node.step(w.granted(3, 1))).toEqual([]);
    expect(node.step(w.granted(4, 1))).toEqual([w.writes(1, { vote: { term: 2, votedFor: 'a' } })]);
  });
});

describe('6 and thesis 4.2.3 Loyalty to the leader', () => {
  for (const preVote of [true, false]) {
    const what = preVote ? 'pre-vote' : 'vote';

    it(`a follower that hears its leader refuses a ${what} and keeps its term`, () => {
      const node = follower({ terms: [1] });
      node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));
      node.elapse(electionTimeoutMs.min - 1);

      const ask = { term: 2, last: id(1, 9), preVote };
      expect(node.step(w.requestVote(2, 'c', ask))).toEqual([
        w.votes(2, { term: 1, granted: false }),
      ]);
      expect(node.core.view).toMatchObject({ term: 1, leader: 'b' });
    });

    it(`a follower gives its ${what} once the shortest election timeout has passed`, () => {
      const node = follower({ terms: [1] });
      node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));
      node.elapse(electionTimeoutMs.min);

      const ask = { term: 2, last: id(1, 1), preVote };
      const actions = [...node.step(w.requestVote(2, 'c', ask))];
      if (node.isWriting) actions.push(...node.persist());

      expect(actions.at(-1)).toEqual(w.votes(2, { term: preVote ? 1 : 2, granted: true }));
    });

    it(`a leader refuses a ${what}, whatever the term, and goes on leading`, () => {
      const node = elected({ terms: [1] });

      const ask = { term: 9, last: id(8, 9), preVote };
      expect(node.step(w.requestVote(2, 'c', ask))).toEqual([
        w.votes(2, { term: 2, granted: false }),
      ]);
      expect(node.core.view).toMatchObject({ role: 'leader', term: 2 });
    });
  }

  it('an election that the leader itself asked for is not refused', () => {
    const node = follower({ terms: [1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));

    const ask = { term: 2, last: id(1, 1), transfer: true };
    expect(node.step(w.requestVote(2, 'c', ask))).toEqual([
      w.writes(1, { vote: { term: 2, votedFor: 'c' } }),
    ]);
  });

  it('without check-quorum there is no loyalty', () => {
    const node = follower({ terms: [1], options: { checkQuorum: false } });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));

    const ask = { term: 2, last: id(1, 1), preVote: true };
    expect(node.step(w.requestVote(2, 'c', ask))).toEqual([w.votes(2, { term: 1, granted: true })]);
  });

  it('a refused append of an old leader is no sign of life of the present one', () => {
    const node = follower({ term: 3, terms: [1] });
    node.step(w.append(1, 'b', { term: 2, previous: id(1, 1) }));

    const ask = { term: 4, last: id(1, 1), preVote: true };
    expect(node.step(w.requestVote(2, 'c', ask))).toEqual([w.votes(2, { term: 3, granted: true })]);
  });
});
