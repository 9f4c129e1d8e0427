import { describe, expect, it } from 'vitest';
import type { EffectiveMembership, NodeId } from '../../src/core/types.ts';
import { candidate, elected, follower, leader, membership, TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

function changeVoters(voters: readonly NodeId[], keepRemoved = false) {
  return w.change(5, { type: 'changeVoters', voters, keepRemoved });
}

/** Answers of the members named, each with `match`, to their newest calls. */
function acknowledge(node: TestNode, names: readonly NodeId[], match: number) {
  return names.flatMap((name) => {
    const call = [...(node.state.leadership?.calls ?? [])].findLast(
      ([, { progress }]) => progress.id === name,
    )?.[0];
    if (call === undefined) throw new Error(`${name} has no call to answer.`);
    return node.step(w.accepted(call, { term: node.core.view.term, match }));
  });
}

function withLogId(wanted: ReturnType<typeof membership>, index: number): EffectiveMembership {
  return { ...wanted, logId: id(2, index) };
}

describe('6 Joint consensus', () => {
  const setup = { terms: [1], voters: [['a', 'b', 'c']], learners: ['d', 'e'] };

  it('a change of voters begins with both sets, in force when appended', () => {
    const node = leader(setup);
    const { calls } = node;
    const wanted = {
      ...membership([
        ['a', 'b', 'c'],
        ['a', 'd', 'e'],
      ]),
      leaving: ['b', 'c'],
    };

    const range = { term: 2, previous: id(2, 2), last: 3, committed: 2 };
    expect(node.step(changeVoters(['a', 'd', 'e']))).toEqual([
      w.writes(node.writes, { append: [w.changeEntry(2, 3, wanted)] }),
      w.replies(5, { type: 'accepted', first: id(2, 3), count: 1 }),
      ...['b', 'c', 'd', 'e'].map((to, at) => w.sends(calls + 1 + at, to, range)),
    ]);
    expect(node.core.view.membership).toEqual(withLogId(wanted, 3));
  });

  it('a joint entry is committed by a majority of both sets, not of one', () => {
    const node = leader(setup);
    node.step(changeVoters(['a', 'd', 'e']));
    node.persist();

    expect(acknowledge(node, ['b', 'c'], 3)).toEqual([]);
    expect(node.core.view.committed).toBe(2);
    expect(acknowledge(node, ['e'], 3)).toContainEqual(w.applies(3));
    expect(node.core.view.committed).toBe(3);
  });

  it('the leader appends the final membership itself once the joint one is committed', () => {
    const node = leader(setup);
    node.step(changeVoters(['a', 'd', 'e']));
    node.persist();
    for (const call of [1, 2, 3, 4]) node.step(w.sent(node.calls - 4 + call, 3));
    acknowledge(node, ['b'], 3);
    const { calls } = node;

    const range = { term: 2, previous: id(2, 3), last: 4, committed: 3 };
    const wanted = membership([['a', 'd', 'e']]);
    expect(acknowledge(node, ['e'], 3)).toEqual([
      w.writes(node.writes, { append: [w.changeEntry(2, 4, wanted)] }),
      w.applies(3),
      w.sends(calls + 1, 'd', range),
      w.sends(calls + 2, 'e', range),
    ]);
    expect(node.core.view.membership).toEqual(withLogId(wanted, 4));
  });

  it('the final membership is appended once, whatever is committed meanwhile (bug 65)', () => {
    const node = leader(setup);
    node.step(changeVoters(['a', 'd', 'e']));
    node.settle();

    node.step(w.propose(0, 'x'));
    node.settle();

    expect(node.core.view).toMatchObject({ last: id(2, 5), committed: 5 });
    expect(node.core.view.membership).toEqual(withLogId(membership([['a', 'd', 'e']]), 4));
  });

  it('removed voters stay as learners when they are to be kept', () => {
    const node = leader(setup);

    node.step(changeVoters(['a', 'd', 'e'], true));
    expect(node.core.view.membership.leaving).toBeUndefined();
    node.settle();

    const wanted = membership([['a', 'd', 'e']], ['b', 'c']);
    expect(node.core.view.membership).toEqual(withLogId(wanted, 4));
    expect([...(node.state.leadership?.progress.keys() ?? [])].sort()).toEqual([
      'b',
      'c',
      'd',
      'e',
    ]);
  });

  it('no other change begins while the final membership is not committed', () => {
    const node = leader(setup);
    node.step(changeVoters(['a', 'd', 'e']));
    const another = w.change(6, { type: 'updateNode', id: 'a', info: {} });

    expect(node.step(another)).toEqual([
      w.refuses(6, { type: 'changeInProgress', logId: id(2, 3) }),
    ]);
    node.persist();
    acknowledge(node, ['b', 'e'], 3);
    expect(node.step(another)).toEqual([
      w.refuses(6, { type: 'changeInProgress', logId: id(2, 4) }),
    ]);
    node.settle();
    expect(node.step(another)).toContainEqual(
      w.replies(6, { type: 'accepted', first: id(2, 5), count: 1 }),
    );
  });

  it('a candidate in a joint membership needs a majority of both sets', () => {
    const node = candidate({
      terms: [1],
      voters: [
        ['a', 'b', 'c'],
        ['c', 'd', 'e'],
      ],
    });

    expect(node.step(w.granted(1, 2))).toEqual([]);
    expect(node.step(w.granted(3, 2))).toEqual([]);
    expect(node.core.view.role).toBe('candidate');
    expect(node.step(w.granted(2, 2))).not.toEqual([]);
    expect(node.core.view.role).toBe('leader');
  });

  it('a candidate that lost one set of a joint membership has lost', () => {
    const node = candidate({
      terms: [1],
      voters: [
        ['a', 'b', 'c'],
        ['c', 'd', 'e'],
      ],
    });

    node.step(w.granted(1, 2));
    node.step(w.denied(3, 2));
    node.step(w.denied(4, 2));

    expect(node.core.view.role).toBe('follower');
  });

  it('a new leader completes the change that another began (bug 65)', () => {
    const first = { ...membership([['a', 'b', 'c']], ['d']), logId: id(0, 0) };
    const joint = membership([
      ['a', 'b', 'c'],
      ['a', 'b', 'd'],
    ]);
    const memberships = [first, { ...joint, leaving: ['c'], logId: id(1, 2) }];
    const node = elected({ terms: [1, 1], memberships });

    expect(node.core.view.membership.voters).toHaveLength(2);
    node.settle();

    const wanted = membership([['a', 'b', 'd']]);
    expect(node.core.view).toMatchObject({ last: id(2, 4), committed: 4 });
    expect(node.core.view.membership).toEqual(withLogId(wanted, 4));
  });

  it('one voter becomes three', () => {
    const node = leader({ terms: [1], voters: [['a']], learners: ['b', 'c'] });
    node.step(changeVoters(['a', 'b', 'c']));

    expect(node.persist()).toEqual([]);
    node.settle();

    expect(node.core.view.membership).toEqual(withLogId(membership([['a', 'b', 'c']]), 4));
    expect(node.core.view).toMatchObject({ role: 'leader', committed: 4 });
  });

  it('two voters become one', () => {
    const node = leader({ terms: [1], voters: [['a', 'b']] });
    node.step(changeVoters(['a']));
    node.settle();

    expect(node.core.view.membership).toEqual(withLogId(membership([['a']]), 4));
    expect(node.step(w.readIndex(1))).toEqual([
      w.replies(1, { type: 'readable', term: 2, index: 4 }),
    ]);
  });
});

describe('6 A leader that is removed', () => {
  const setup = { terms: [1], voters: [['a', 'b', 'c']], learners: ['d'] };

  /** The change to (b, c, d): the joint entry 3 is committed, the final entry 4 appended. */
  function removed(): TestNode {
    const node = leader(setup);
    node.step(changeVoters(['b', 'c', 'd']));
    node.persist();
    for (const call of [1, 2, 3]) node.step(w.sent(node.calls - 3 + call, 3));
    acknowledge(node, ['b', 'c', 'd'], 3);
    node.persist();
    return node;
  }

  it('a removed leader leads on until that is committed, without counting itself (bug 72)', () => {
    const node = removed();

    expect(node.core.view).toMatchObject({ role: 'leader', last: id(2, 4), committed: 3 });
    expect(node.core.view.membership).toEqual(withLogId(membership([['b', 'c', 'd']]), 4));
    expect(acknowledge(node, ['b'], 4)).toEqual([]);
    expect(node.core.view).toMatchObject({ role: 'leader', committed: 3 });
  });

  it('a removed leader then tells the others of the commit and steps down (bug 72)', () => {
    const node = removed();
    acknowledge(node, ['b'], 4);
    const { calls } = node;

    const range = { term: 2, previous: id(2, 4), last: 4, committed: 4 };
    const behind = { term: 2, previous: id(2, 3), last: 3, committed: 4 };
    expect(acknowledge(node, ['c'], 4)).toEqual([
      w.applies(4),
      w.sends(calls + 1, 'b', range),
      w.sends(calls + 2, 'c', range),
      w.sends(calls + 3, 'd', behind),
    ]);
    expect(node.core.view).toMatchObject({ role: 'learner', leader: undefined, committed: 4 });
    expect(node.core.wakeAt).toBe(Infinity);
  });

  it('a removed leader still accepts proposals while it leads', () => {
    const node = removed();

    expect(node.step(w.propose(9, 'x'))).toContainEqual(
      w.replies(9, { type: 'accepted', first: id(2, 5), count: 1 }),
    );
  });

  it('the reads of a removed leader are confirmed by the new voters alone', () => {
    const node = removed();
    const { calls } = node;
    node.step(w.readIndex(7));

    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([]);
    expect(node.step(w.accepted(calls + 2, { term: 2, match: 3 }))).toContainEqual(
      w.replies(7, { type: 'readable', term: 2, index: 3 }),
    );
  });
});

describe('6 Membership, who may still lead (thesis 4.2.2)', () => {
  it('a voter that an uncommitted membership leaves out still campaigns', () => {
    // It may have the only log that holds that membership, and then nobody else can win.
    const memberships = [
      { ...membership([['a', 'b']]), logId: id(0, 1) },
      { ...membership([['a', 'b'], ['b']]), logId: id(1, 2) },
      { ...membership([['b']]), logId: id(1, 3) },
    ];
    const node = new TestNode({ terms: [0, 1, 1], memberships });

    expect(node.core.view.role).toBe('follower');
    const ask = { candidate: 'a', term: 2, last: id(1, 3), preVote: true };
    expect(node.wake()).toEqual([w.asksVote(1, 'b', ask)]);
  });

  it('a follower that learns that it was left out waits for nothing any more', () => {
    const node = follower({ terms: [1], voters: [['a', 'b'], ['b']] });
    const final = membership([['b']]);
    node.step(
      w.append(0, 'b', { term: 1, previous: id(1, 1), entries: [w.changeEntry(1, 2, final)] }),
    );
    expect(node.core.view.role).toBe('follower');

    node.persist();
    node.step(w.append(0, 'b', { term: 1, previous: id(1, 2), committed: 2 }));

    expect(node.core.view.role).toBe('learner');
    expect(node.core.wakeAt).toBe(Infinity);
  });

  it('a node that was left out long ago is a learner from its start', () => {
    const memberships = [
      { ...membership([['a', 'b']]), logId: id(0, 1) },
      { ...membership([['b']]), logId: id(1, 2) },
      { ...membership([['b']], ['c']), logId: id(1, 3) },
    ];
    const node = new TestNode({ terms: [0, 1, 1], memberships });

    expect(node.core.view.role).toBe('learner');
  });
});
