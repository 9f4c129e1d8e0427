import { describe, expect, it } from 'vitest';
import { follower, membership, TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** A node that was just installed. */
function fresh(): TestNode {
  return new TestNode({ id: 'a', voters: [] });
}

function faultOf(voters: readonly (readonly string[])[], nodes: readonly string[]): unknown {
  const wanted = { ...membership([nodes]), voters };
  const [action] = fresh().step(w.initialize(1, wanted));
  if (action?.type !== 'reply' || action.answer.type !== 'refused') return action;
  return action.answer.why;
}

describe('Initialize', () => {
  it('a node without a cluster is passive: it never wakes and refuses to act', () => {
    const node = fresh();
    const why = { type: 'notLeader', leader: undefined } as const;

    expect(node.core.wakeAt).toBe(Infinity);
    expect(node.core.view.role).toBe('learner');
    expect(node.step(w.propose(1, 'x'))).toEqual([w.refuses(1, why)]);
    expect(node.step(w.readIndex(2))).toEqual([w.refuses(2, why)]);
    const wanted = { type: 'changeVoters', voters: ['a'], keepRemoved: false } as const;
    expect(node.step(w.change(3, wanted))).toEqual([w.refuses(3, why)]);
  });

  it('the first entry has term 0 and the membership, and is done when durable', () => {
    const node = fresh();
    const wanted = membership([['a', 'b', 'c']]);

    expect(node.step(w.initialize(1, wanted))).toEqual([
      w.writes(1, { append: [w.changeEntry(0, 1, wanted)] }),
    ]);
    expect(node.persist()).toEqual([w.replies(1, { type: 'done' })]);
    expect(node.core.view.membership).toEqual({ ...wanted, logId: id(0, 1) });
  });

  it('an initialized node campaigns at once', () => {
    const node = fresh();
    node.step(w.initialize(1, membership([['a', 'b', 'c']])));
    node.persist();

    expect(node.core.wakeAt).toBe(node.now);
    const ask = { candidate: 'a', term: 1, last: id(0, 1), preVote: true };
    expect(node.step(w.wake)).toEqual([w.asksVote(1, 'b', ask), w.asksVote(2, 'c', ask)]);
  });

  it('a cluster of one node leads and commits its first entry by itself', () => {
    const node = fresh();
    node.step(w.initialize(1, membership([['a']])));
    node.persist();

    expect(node.step(w.wake)).toEqual([w.writes(2, { vote: { term: 1, votedFor: 'a' } })]);
    expect(node.persist()).toEqual([w.writes(3, { append: [w.blank(1, 2)] })]);
    expect(node.persist()).toEqual([w.applies(2)]);
  });

  it('a new node takes the first entry of the cluster and becomes what it says', () => {
    const node = fresh();
    const entries = [w.changeEntry(0, 1, membership([['a', 'b']])), w.blank(1, 2)];

    const actions = node.step(w.append(1, 'b', { term: 1, previous: id(0, 0), entries }));

    const vote = { term: 1, votedFor: undefined };
    expect(actions).toEqual([w.writes(1, { vote, append: entries })]);
    expect(node.persist()).toEqual([w.accepts(1, { term: 1, match: 2 })]);
    expect(node.core.view.role).toBe('follower');
    expect(node.core.wakeAt).toBe(1500);
  });

  it('a second call is refused and changes nothing', () => {
    const node = fresh();
    node.step(w.initialize(1, membership([['a']])));

    expect(node.step(w.initialize(2, membership([['a']])))).toEqual([
      w.refuses(2, { type: 'alreadyInitialized' }),
    ]);
    expect(node.core.view.last).toEqual(id(0, 1));
  });

  it('a node that voted already is refused: it may belong to a cluster', () => {
    const node = fresh();
    node.step(w.requestVote(1, 'b', { term: 1, last: id(0, 1) }));
    node.persist();

    expect(node.step(w.initialize(2, membership([['a']])))).toEqual([
      w.refuses(2, { type: 'alreadyInitialized' }),
    ]);
  });

  it('a node with a log is refused', () => {
    const node = follower({ terms: [1] });

    expect(node.step(w.initialize(2, membership([['a']])))).toEqual([
      w.refuses(2, { type: 'alreadyInitialized' }),
    ]);
  });

  it('a first membership that makes no sense is refused with the reason', () => {
    const invalid = (reason: string) => ({ type: 'invalidMembership', reason });

    expect(faultOf([], [])).toEqual(invalid('a cluster needs at least one voter'));
    expect(faultOf([[]], [])).toEqual(invalid('a cluster needs at least one voter'));
    expect(faultOf([['a'], ['b']], ['a', 'b'])).toEqual(
      invalid('a new cluster starts with one voter set, not with two'),
    );
    expect(faultOf([['b', 'c']], ['b', 'c'])).toEqual(
      invalid('a is asked to form a cluster that it is not a voter of (b, c)'),
    );
    expect(faultOf([['a', 'b', 'b']], ['a', 'b'])).toEqual(
      invalid('a voter is named twice (a, b, b)'),
    );
    expect(faultOf([['a', 'x', 'y']], ['a'])).toEqual(
      invalid('x, y are not a member (the members are a); add it as a learner first'),
    );
  });

  it('after a refusal the node can still be initialized', () => {
    const node = fresh();
    node.step(w.initialize(1, membership([[]])));

    expect(node.step(w.initialize(2, membership([['a']])))).toHaveLength(1);
    expect(node.core.view.role).toBe('follower');
  });
});
