import { describe, expect, it } from 'vitest';
import { elected, electionTimeoutMs, follower, leader } from './kit.ts';
import * as w from './words.ts';

const { id, entriesAfter } = w;

describe('3.8 Persisted state and answers that wait for it', () => {
  it('a heartbeat is answered at once while a write is pending, with what is durable', () => {
    const node = follower({ terms: [1] });
    const entries = entriesAfter(1, 1, 1);
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries }));

    const heartbeat = w.append(2, 'b', { term: 1, previous: id(1, 1) });

    expect(node.step(heartbeat)).toEqual([w.accepts(2, { term: 1, match: 1 })]);
    expect(node.persist()).toEqual([w.accepts(1, { term: 1, match: 3 })]);
  });

  it('nothing is applied that was learned in a term which is not durable yet', () => {
    // After a crash the node would be in the older term, with a commit index that its leaders may
    // not have reached, and take whatever lies below that for agreed.
    const node = follower({ terms: [1, 1] });

    const actions = node.step(w.append(1, 'c', { term: 3, previous: id(1, 2), committed: 2 }));

    expect(actions).toEqual([w.writes(1, { vote: { term: 3, votedFor: undefined } })]);
    expect(node.persist()).toEqual([w.applies(2), w.accepts(1, { term: 3, match: 2 })]);
  });

  it('a heartbeat is answered with the lower of verified and durable', () => {
    const node = follower({ term: 2, terms: [1, 1, 2] });
    node.step(w.append(1, 'b', { term: 2, previous: id(1, 2) }));
    const entries = entriesAfter(2, 2, 2, 2);
    node.step(w.append(2, 'b', { term: 2, previous: id(1, 2), entries }));

    expect(node.step(w.append(3, 'b', { term: 2, previous: id(1, 2) }))).toEqual([
      w.accepts(3, { term: 2, match: 3 }),
    ]);
  });

  it('a heartbeat of a new term is held until that term is durable (bug 7)', () => {
    const node = follower({ terms: [1] });
    const heartbeat = { term: 2, previous: id(1, 1) };

    expect(node.step(w.append(1, 'b', heartbeat))).toHaveLength(1);
    expect(node.step(w.append(2, 'b', heartbeat))).toEqual([]);
    expect(node.persist()).toEqual([
      w.accepts(1, { term: 2, match: 1 }),
      w.accepts(2, { term: 2, match: 1 }),
    ]);
  });

  it('a truncation lowers what a heartbeat is answered with the moment it is decided', () => {
    const node = follower({ term: 3, terms: [1, 2, 2, 2] });
    const entries = entriesAfter(1, 3);
    node.step(w.append(1, 'b', { term: 3, previous: id(1, 1), entries }));

    expect(node.step(w.append(2, 'b', { term: 3, previous: id(0, 0) }))).toEqual([
      w.accepts(2, { term: 3, match: 1 }),
    ]);
  });

  it('a write that was truncated before it ended makes only its remainder durable', () => {
    const node = follower({ terms: [1] });
    const old = entriesAfter(1, 1, 1, 1);
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries: old }));
    const entries = entriesAfter(2, 2);
    node.step(w.append(2, 'c', { term: 2, previous: id(1, 2), entries }));

    expect(node.step(w.persisted(1))).toEqual([]);
    expect(node.state.durable).toBe(2);
    expect(node.step(w.persisted(2))).toEqual([
      w.accepts(2, { term: 2, match: 3 }),
      w.rejects(1, { term: 2, hint: id(2, 3) }),
    ]);
  });

  it('an answer held in a term that moved on is refused in the new term', () => {
    const node = follower({ terms: [1] });
    const entries = entriesAfter(1, 1);
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries }));
    node.elapse(electionTimeoutMs.min);
    node.step(w.requestVote(2, 'c', { term: 2, last: id(1, 2) }));

    expect(node.step(w.persisted(1))).toEqual([]);
    expect(node.step(w.persisted(2))).toEqual([
      w.votes(2, { term: 2, granted: true }),
      w.rejects(1, { term: 2, hint: id(1, 2) }),
    ]);
  });

  it('one report of the disk can cover several writes', () => {
    const node = follower({ terms: [1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries: entriesAfter(1, 1) }));
    node.step(w.append(2, 'b', { term: 1, previous: id(1, 2), entries: entriesAfter(2, 1) }));

    expect(node.step(w.persisted(2))).toEqual([
      w.accepts(1, { term: 1, match: 3 }),
      w.accepts(2, { term: 1, match: 3 }),
    ]);
  });

  it('writes that end one after the other release their answers one after the other', () => {
    const node = follower({ terms: [1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries: entriesAfter(1, 1) }));
    node.step(w.append(2, 'b', { term: 1, previous: id(1, 2), entries: entriesAfter(2, 1) }));

    expect(node.step(w.persisted(1))).toEqual([w.accepts(1, { term: 1, match: 2 })]);
    expect(node.step(w.persisted(2))).toEqual([w.accepts(2, { term: 1, match: 3 })]);
  });

  it('a disk that reports a write twice, or one that was never asked for, stops the node', () => {
    const node = follower({ terms: [1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries: entriesAfter(1, 1) }));
    node.persist();

    expect(() => node.step(w.persisted(1))).toThrow('write 1 must lie after 1 and up to 1');
    expect(() => node.step(w.persisted(2))).toThrow('write 2 must lie after 1 and up to 1');
  });
});

describe('thesis 10.2.1 Writing to the leader disk in parallel', () => {
  it('a leader sends entries before they are on its own disk', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;

    const range = { term: 2, previous: id(2, 2), last: 3, committed: 2 };
    expect(node.step(w.propose(1, 'x'))).toEqual([
      w.writes(node.writes, { append: [w.entry(2, 3, w.command('x'))] }),
      w.replies(1, { type: 'accepted', first: id(2, 3), count: 1 }),
      w.sends(calls + 1, 'b', range),
      w.sends(calls + 2, 'c', range),
    ]);
  });

  it('the own copy of a leader does not count before it is durable (bug 40)', () => {
    const node = leader({ terms: [1], voters: [['a', 'b', 'c', 'd', 'e']] });
    const { calls } = node;
    node.step(w.propose(1, 'x'));

    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([]);
    expect(node.step(w.accepted(calls + 2, { term: 2, match: 3 }))).toEqual([]);
    expect(node.core.view.committed).toBe(2);
    expect(node.persist()).toEqual([w.applies(3)]);
    expect(node.core.view.committed).toBe(3);
  });

  it('a leader commits ahead of its own disk when a majority of others has the entry', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.propose(1, 'x'));
    node.step(w.accepted(calls + 1, { term: 2, match: 3 }));

    expect(node.step(w.accepted(calls + 2, { term: 2, match: 3 }))).toEqual([]);
    expect(node.core.view.committed).toBe(3);
    expect(node.state.applying).toBe(2);
    expect(node.persist()).toEqual([w.applies(3)]);
  });

  it('a single voter commits an entry only once it is durable (bug 40)', () => {
    const node = leader({ terms: [1], voters: [['a']] });

    expect(node.step(w.propose(1, 'x'))).toEqual([
      w.writes(node.writes, { append: [w.entry(2, 3, w.command('x'))] }),
      w.replies(1, { type: 'accepted', first: id(2, 3), count: 1 }),
    ]);
    expect(node.core.view.committed).toBe(2);
    expect(node.persist()).toEqual([w.applies(3)]);
  });

  it('a batch of proposals is one run of entries, one write and one call to each follower', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    const names = ['x', 'y', 'z'];

    const range = { term: 2, previous: id(2, 2), last: 5, committed: 2 };
    expect(node.step(w.propose(1, ...names))).toEqual([
      w.writes(node.writes, {
        append: names.map((name, at) => w.entry(2, 3 + at, w.command(name))),
      }),
      w.replies(1, { type: 'accepted', first: id(2, 3), count: 3 }),
      w.sends(calls + 1, 'b', range),
      w.sends(calls + 2, 'c', range),
    ]);
  });

  it('a leader writes nothing more of an election than its blank entry', () => {
    const node = elected({ terms: [1] });

    expect(node.writes).toBe(2);
    expect(node.core.view.last).toEqual(id(2, 2));
  });
});
