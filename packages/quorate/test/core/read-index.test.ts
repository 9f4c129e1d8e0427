import { describe, expect, it } from 'vitest';
import { elected, leader } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** The heartbeat that a settled leader of term 2 sends to a follower that has entry 2. */
const heartbeat = { term: 2, previous: id(2, 2), last: 2, committed: 2 };

describe('8 and thesis 6.4 Reads by read index', () => {
  it('a read is answered with the commit index once a majority answers later calls', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;

    expect(node.step(w.readIndex(7))).toEqual([
      w.sends(calls + 1, 'b', heartbeat),
      w.sends(calls + 2, 'c', heartbeat),
    ]);
    expect(node.step(w.accepted(calls + 2, { term: 2, match: 2 }))).toEqual([
      w.replies(7, { type: 'readable', term: 2, index: 2 }),
    ]);
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 2 }))).toEqual([]);
  });

  it('the answer to a call that was sent before never confirms a read (bugs 74, 76)', () => {
    const node = leader({ terms: [1] });
    node.wake();
    const { calls } = node;
    node.step(w.readIndex(7));

    expect(node.step(w.accepted(calls - 1, { term: 2, match: 2 }))).toEqual([]);
    expect(node.step(w.accepted(calls, { term: 2, match: 2 }))).toEqual([]);
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 2 }))).toEqual([
      w.replies(7, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('no read is answered before the first commit of the own term (bug 75)', () => {
    const node = elected({ terms: [1] });
    const { calls } = node;

    expect(node.step(w.readIndex(7))).toEqual([]);
    node.persist();
    expect(node.step(w.accepted(calls - 1, { term: 2, match: 2 }))).toEqual([
      w.applies(2),
      w.sends(calls + 1, 'b', heartbeat),
      w.sends(calls + 2, 'c', { ...heartbeat, previous: id(0, 0), last: 0 }),
    ]);
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 2 }))).toEqual([
      w.replies(7, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('reads that come during a round share the next one', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.readIndex(1));

    expect(node.step(w.readIndex(2))).toEqual([]);
    expect(node.step(w.readIndex(3))).toEqual([]);
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 2 }))).toEqual([
      w.replies(1, { type: 'readable', term: 2, index: 2 }),
      w.sends(calls + 3, 'b', heartbeat),
      w.sends(calls + 4, 'c', heartbeat),
    ]);
    expect(node.step(w.accepted(calls + 2, { term: 2, match: 2 }))).toEqual([]);
    expect(node.step(w.accepted(calls + 4, { term: 2, match: 2 }))).toEqual([
      w.replies(2, { type: 'readable', term: 2, index: 2 }),
      w.replies(3, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('the index is that of when the round began, not of when it ended', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.readIndex(1));
    node.step(w.propose(0, 'x'));
    node.persist();

    expect(node.step(w.accepted(calls + 3, { term: 2, match: 3 }))).toEqual([
      w.applies(3),
      w.replies(1, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('a round whose calls are lost is confirmed by the next heartbeat', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.readIndex(1));
    node.step(w.unanswered(calls + 1));
    node.step(w.unanswered(calls + 2));

    node.wake();
    expect(node.step(w.accepted(calls + 3, { term: 2, match: 2 }))).toEqual([
      w.replies(1, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('waiting reads are refused when the leader is unseated, those of the round first (bug 83)', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.readIndex(1));
    node.step(w.readIndex(2));

    const why = { type: 'notLeader', leader: undefined } as const;
    expect(node.step(w.rejected(calls + 1, { term: 5, hint: id(2, 2) }))).toEqual([
      w.writes(node.writes, { vote: { term: 5, votedFor: undefined } }),
      w.refuses(1, why),
      w.refuses(2, why),
    ]);
  });

  it('a leader that finds no quorum refuses the reads that wait (bug 83)', () => {
    const node = leader({ terms: [1] });
    node.step(w.readIndex(1));
    node.elapse(2000);

    expect(node.step(w.wake)).toEqual([w.refuses(1, { type: 'notLeader', leader: undefined })]);
  });

  it('a single voter answers at once', () => {
    const node = leader({ terms: [1], voters: [['a']] });

    expect(node.step(w.readIndex(1))).toEqual([
      w.replies(1, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('the answers of learners confirm nothing, and they are not asked (bug 73)', () => {
    const node = leader({ terms: [1], learners: ['l'] });
    const { calls } = node;

    expect(node.step(w.readIndex(1))).toHaveLength(2);
    expect(node.wake()).toHaveLength(3);
    expect(node.step(w.accepted(calls + 5, { term: 2, match: 2 }))).toEqual([]);
    expect(node.step(w.accepted(calls + 3, { term: 2, match: 2 }))).toHaveLength(1);
  });

  it('five voters need two answers besides the leader', () => {
    const node = leader({ terms: [1], voters: [['a', 'b', 'c', 'd', 'e']] });
    const { calls } = node;
    node.step(w.readIndex(1));

    expect(node.step(w.accepted(calls + 1, { term: 2, match: 2 }))).toEqual([]);
    expect(node.step(w.accepted(calls + 4, { term: 2, match: 2 }))).toEqual([
      w.replies(1, { type: 'readable', term: 2, index: 2 }),
    ]);
  });
});

it('a read whose round began before the cluster shrank to this node is answered (row 83)', () => {
  const node = leader({ terms: [1], voters: [['a', 'b']] });
  node.step(w.change(5, { type: 'changeVoters', voters: ['a'], keepRemoved: false }));
  const call = node.calls;
  const last = node.core.view.last.index;
  node.step(w.sent(call, last));
  // The other's disk is faster than the leader's own.
  node.step(w.accepted(call, { term: 2, match: last }));
  const actions = [...node.step(w.readIndex(9))];
  const beat = node.calls;
  actions.push(...node.persist());
  actions.push(...node.step(w.accepted(beat, { term: 2, match: last })));
  actions.push(...node.persist(), ...node.step(w.readIndex(10)));

  const answered = actions.flatMap((one) => (one.type === 'reply' ? [one.request] : []));
  expect(answered).toEqual(expect.arrayContaining([9, 10]));
});
