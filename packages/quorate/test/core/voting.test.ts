import { describe, expect, it } from 'vitest';
import { electionTimeoutMs, follower, TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

describe('5.2 Voting', () => {
  it('a vote is granted only once it is durable (bugs 1, 7)', () => {
    const node = follower({ terms: [1] });

    const actions = node.step(w.requestVote(1, 'b', { term: 2, last: id(1, 1) }));

    expect(actions).toEqual([w.writes(1, { vote: { term: 2, votedFor: 'b' } })]);
    expect(node.persist()).toEqual([w.votes(1, { term: 2, granted: true })]);
  });

  it('term and vote are one write (bug 5)', () => {
    const node = follower({ terms: [1] });

    const actions = node.step(w.requestVote(1, 'b', { term: 7, last: id(1, 1) }));

    expect(actions).toEqual([w.writes(1, { vote: { term: 7, votedFor: 'b' } })]);
    expect(node.writes).toBe(1);
  });

  it('a node votes once in a term: first come, first served', () => {
    const node = follower({ terms: [1] });
    node.step(w.requestVote(1, 'b', { term: 2, last: id(1, 1) }));
    node.step(w.requestVote(2, 'c', { term: 2, last: id(1, 1) }));

    expect(node.persist()).toEqual([
      w.votes(1, { term: 2, granted: true }),
      w.votes(2, { term: 2, granted: false }),
    ]);
    expect(node.step(w.requestVote(3, 'c', { term: 2, last: id(1, 9) }))).toEqual([
      w.votes(3, { term: 2, granted: false }),
    ]);
  });

  it('a vote that was read from the disk still binds (bug 7)', () => {
    const node = follower({ term: 4, votedFor: 'b', terms: [1] });

    expect(node.step(w.requestVote(1, 'c', { term: 4, last: id(1, 1) }))).toEqual([
      w.votes(1, { term: 4, granted: false }),
    ]);
  });

  it('the same candidate that asks twice gets the same vote, without another write', () => {
    const node = follower({ terms: [1] });
    node.step(w.requestVote(1, 'b', { term: 2, last: id(1, 1) }));
    node.persist();

    expect(node.step(w.requestVote(2, 'b', { term: 2, last: id(1, 1) }))).toEqual([
      w.votes(2, { term: 2, granted: true }),
    ]);
  });

  it('a vote that is still being written is refused if a newer term overtakes it', () => {
    const node = follower({ terms: [1] });
    node.step(w.requestVote(1, 'b', { term: 2, last: id(1, 1) }));
    node.step(w.requestVote(2, 'c', { term: 3, last: id(1, 1) }));

    expect(node.step(w.persisted(1))).toEqual([]);
    expect(node.step(w.persisted(2))).toEqual([
      w.votes(2, { term: 3, granted: true }),
      w.votes(1, { term: 3, granted: false }),
    ]);
  });

  it('a granted vote starts the election timeout anew, a refused one does not', () => {
    const node = follower({ terms: [1, 1], options: { random: () => 0 } });
    const before = node.core.wakeAt;

    node.step(w.requestVote(1, 'b', { term: 2, last: id(1, 1) }));
    expect(node.core.wakeAt).toBe(before);
    node.step(w.requestVote(2, 'c', { term: 2, last: id(1, 2) }));
    expect(node.core.wakeAt).toBe(node.now + electionTimeoutMs.min);
  });

  it('a learner votes when asked: it may have been promoted and not know it (bug 64)', () => {
    const node = follower({ id: 'l', terms: [1], learners: ['l'] });
    node.step(w.requestVote(1, 'a', { term: 2, last: id(1, 2) }));

    expect(node.persist()).toEqual([w.votes(1, { term: 2, granted: true })]);
    expect(node.core.wakeAt).toBe(Infinity);
  });

  it('a node of no cluster votes when asked, and stays passive', () => {
    const node = new TestNode({ id: 'x', voters: [] });
    node.step(w.requestVote(1, 'a', { term: 2, last: id(0, 1) }));

    expect(node.persist()).toEqual([w.votes(1, { term: 2, granted: true })]);
    expect(node.core.view.role).toBe('learner');
    expect(node.core.wakeAt).toBe(Infinity);
  });
});

describe('5.4.1 Election restriction', () => {
  const cases = [
    { name: 'equal', mine: [1, 2], theirs: id(2, 2), granted: true },
    { name: 'longer in the same last term', mine: [1, 2], theirs: id(2, 3), granted: true },
    { name: 'shorter in the same last term', mine: [1, 2, 2], theirs: id(2, 2), granted: false },
    { name: 'shorter in a later term', mine: [1, 2, 2, 2], theirs: id(3, 2), granted: true },
    { name: 'longer in an earlier term', mine: [1, 3], theirs: id(2, 9), granted: false },
    { name: 'empty against empty', mine: [], theirs: id(0, 0), granted: true },
    { name: 'empty against one entry', mine: [1], theirs: id(0, 0), granted: false },
  ] as const;

  for (const { name, mine, theirs, granted } of cases) {
    it(`a log that is ${name} gets ${granted ? 'a' : 'no'} vote (bug 9)`, () => {
      const node = follower({ terms: mine, term: 4 });

      const actions = node.step(w.requestVote(1, 'b', { term: 5, last: theirs }));

      const votedFor = granted ? 'b' : undefined;
      expect(actions).toEqual([w.writes(1, { vote: { term: 5, votedFor } })]);
      expect(node.persist()).toEqual([w.votes(1, { term: 5, granted })]);
    });

    it(`a log that is ${name} gets ${granted ? 'a' : 'no'} pre-vote`, () => {
      const node = follower({ terms: mine, term: 4 });

      const ask = { term: 5, last: theirs, preVote: true };
      expect(node.step(w.requestVote(1, 'b', ask))).toEqual([w.votes(1, { term: 4, granted })]);
    });
  }

  it('entries that are not durable yet count for the log of a voter', () => {
    const node = follower({ terms: [1] });
    const entries = w.entriesAfter(1, 2);
    node.step(w.append(1, 'b', { term: 2, previous: id(1, 1), entries }));
    node.elapse(electionTimeoutMs.min);

    node.step(w.requestVote(2, 'c', { term: 3, last: id(1, 9) }));

    expect(node.step(w.persisted(2))).toEqual([
      w.rejects(1, { term: 3, hint: id(2, 2) }),
      w.votes(2, { term: 3, granted: false }),
    ]);
  });
});
