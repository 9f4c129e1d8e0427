import { describe, expect, it } from 'vitest';
import type { MembershipChange } from '../../src/core/event.ts';
import { elected, follower, leader, membership } from './kit.ts';
import * as w from './words.ts';

const { id } = w;
const three = membership([['a', 'b', 'c']]);
const addD: MembershipChange = { type: 'addLearner', id: 'd', info: { address: 'd' } };

describe('6 Membership, one change', () => {
  it('a learner is in force when appended, and is asked at once what it has', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    const wanted = membership([['a', 'b', 'c']], ['d']);

    const range = { term: 2, previous: id(2, 2), last: 3, committed: 2 };
    expect(node.step(w.change(5, addD))).toEqual([
      w.writes(node.writes, { append: [w.changeEntry(2, 3, wanted)] }),
      w.replies(5, { type: 'accepted', first: id(2, 3), count: 1 }),
      w.sends(calls + 1, 'b', range),
      w.sends(calls + 2, 'c', range),
      w.sends(calls + 3, 'd', { ...range, previous: id(2, 3) }),
    ]);
    expect(node.core.view.membership).toEqual({ ...wanted, logId: id(2, 3) });
  });

  it('a new learner with an empty log is caught up from the first entry', () => {
    const node = leader({ terms: [1] });
    node.step(w.change(5, addD));
    const { calls } = node;

    const range = { term: 2, previous: id(0, 0), last: 3, committed: 2 };
    expect(node.step(w.rejected(calls, { term: 2, hint: id(0, 0) }))).toEqual([
      w.sends(calls + 1, 'd', range),
    ]);
  });

  it('the info of a node is replaced, and its incarnation kept (bug 71)', () => {
    const nodes = { ...three.nodes, b: { address: 'b', incarnation: 'i1' } };
    const memberships = [{ ...three, nodes, logId: id(0, 0) }];
    const node = leader({ terms: [1], memberships });

    node.step(w.change(5, { type: 'updateNode', id: 'b', info: { address: 'b2' } }));

    expect(node.core.view.membership.nodes).toEqual({
      ...three.nodes,
      b: { address: 'b2', incarnation: 'i1' },
    });
  });

  it('a removed learner is sent nothing any more, and its late answers are ignored', () => {
    const node = leader({ terms: [1], learners: ['d'] });
    node.step(w.propose(0, 'x'));
    const late = node.calls;
    node.step(w.change(5, { type: 'removeLearner', id: 'd' }));

    expect(node.core.view.membership.nodes).toEqual(three.nodes);
    expect(node.step(w.accepted(late, { term: 2, match: 3 }))).toEqual([]);
    expect(node.step(w.sent(late, 3))).toEqual([]);
    expect(node.wake().map((action) => action.type === 'replicate' && action.to)).toEqual([
      'b',
      'c',
    ]);
  });

  it('a learner that is removed and added again starts anew', () => {
    const node = leader({ terms: [1], learners: ['d'] });
    node.step(w.change(5, { type: 'removeLearner', id: 'd' }));
    node.settle();
    node.step(w.change(6, addD));

    expect(node.state.leadership?.progress.get('d')).toMatchObject({
      state: 'probe',
      matchIndex: 0,
    });
  });

  it('only one change is under way at a time', () => {
    const node = leader({ terms: [1] });
    node.step(w.change(5, addD));

    const second: MembershipChange = { type: 'addLearner', id: 'e', info: {} };
    expect(node.step(w.change(6, second))).toEqual([
      w.refuses(6, { type: 'changeInProgress', logId: id(2, 3) }),
    ]);
    node.settle();
    expect(node.step(w.change(7, second))).toContainEqual(
      w.replies(7, { type: 'accepted', first: id(2, 4), count: 1 }),
    );
  });

  it('there is no change before a commit in the own term (bug 61)', () => {
    const node = elected({ terms: [1] });

    expect(node.step(w.change(5, addD))).toEqual([
      w.refuses(5, { type: 'changeInProgress', logId: id(2, 2) }),
    ]);
    node.settle();
    expect(node.step(w.change(6, addD))).toContainEqual(
      w.replies(6, { type: 'accepted', first: id(2, 3), count: 1 }),
    );
  });

  it('a change that a former leader left uncommitted must be committed first (bug 61)', () => {
    const left = { ...membership([['a', 'b', 'c']], ['d']), logId: id(1, 2) };
    const node = elected({ terms: [1, 1], memberships: [{ ...three, logId: id(0, 0) }, left] });

    const second: MembershipChange = { type: 'addLearner', id: 'e', info: {} };
    expect(node.step(w.change(5, second))).toEqual([
      w.refuses(5, { type: 'changeInProgress', logId: id(1, 2) }),
    ]);
  });

  it('a change that makes no sense is refused with the reason, and nothing is appended', () => {
    const cases: [MembershipChange, string][] = [
      [{ ...addD, id: '' }, 'a node id must not be empty'],
      [{ ...addD, id: 'b' }, 'b is a member already; use updateNode to change it'],
      [{ type: 'updateNode', id: 'x', info: {} }, 'x is not a member (the members are a, b, c, l)'],
      [
        { type: 'removeLearner', id: 'constructor' },
        'constructor is not a member (the members are a, b, c, l)',
      ],
      [{ type: 'removeLearner', id: 'b' }, 'b is a voter; change the voters first'],
      [
        { type: 'changeVoters', voters: [], keepRemoved: false },
        'a cluster needs at least one voter',
      ],
      [
        { type: 'changeVoters', voters: ['a', 'a'], keepRemoved: false },
        'a voter is named twice (a, a)',
      ],
      [
        { type: 'changeVoters', voters: ['a', 'x'], keepRemoved: false },
        'x is not a member (the members are a, b, c, l); add it as a learner first',
      ],
    ];
    const node = leader({ terms: [1], learners: ['l'] });

    for (const [wanted, reason] of cases) {
      expect(node.step(w.change(5, wanted))).toEqual([
        w.refuses(5, { type: 'invalidMembership', reason }),
      ]);
    }
    expect(node.core.view.last).toEqual(id(2, 2));
  });
});

describe('6 Membership, the log decides', () => {
  it('a follower follows a membership from the moment it is appended (bug 62)', () => {
    const node = follower({ terms: [1] });
    const without = membership([['b', 'c']], ['a']);
    const entries = [w.changeEntry(1, 2, without)];

    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries }));

    expect(node.core.view).toMatchObject({ role: 'follower', membership: without });

    node.persist();
    node.step(w.append(2, 'b', { term: 1, previous: id(1, 2), committed: 2 }));
    expect(node.core.view).toMatchObject({ role: 'learner', membership: without });
    expect(node.core.wakeAt).toBe(Infinity);
  });

  it('a promoted learner campaigns from the moment it knows it (bugs 62, 64)', () => {
    const node = follower({ id: 'l', terms: [1], learners: ['l'] });
    const entries = [w.changeEntry(1, 2, membership([['a', 'b', 'c', 'l']]))];

    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries }));

    expect(node.core.view.role).toBe('follower');
    expect(node.core.wakeAt).toBe(node.now + 1500);
  });

  it('a membership is rolled back when its entry is truncated (bug 66)', () => {
    const node = follower({ terms: [1] });
    const entries = [w.changeEntry(1, 2, membership([['b', 'c']], ['a']))];
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries }));

    const other = { term: 2, previous: id(1, 1), entries: w.entriesAfter(1, 2) };
    node.step(w.append(2, 'c', other));

    expect(node.core.view).toMatchObject({ role: 'follower', membership: three });
    expect(node.core.wakeAt).toBe(node.now + 1500);
  });

  it('a membership that replaces a truncated one is in force', () => {
    const node = follower({ terms: [1] });
    const first = [w.changeEntry(1, 2, membership([['b', 'c']], ['a']))];
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1), entries: first }));
    const wanted = membership([['a', 'b']]);

    const second = [w.blank(2, 2), w.changeEntry(2, 3, wanted)];
    node.step(w.append(2, 'c', { term: 2, previous: id(1, 1), entries: second }));

    expect(node.core.view.membership).toEqual({ ...wanted, logId: id(2, 3) });
  });

  it('a first membership that is truncated leaves a node of no cluster', () => {
    const node = follower({ id: 'a', voters: [] });
    const entries = [w.changeEntry(1, 1, membership([['a', 'b']]))];
    node.step(w.append(1, 'b', { term: 1, previous: id(0, 0), entries }));

    const other = { term: 2, previous: id(0, 0), entries: [w.blank(2, 1)] };
    node.step(w.append(2, 'b', other));

    expect(node.core.view).toMatchObject({ role: 'learner', membership: { voters: [] } });
    expect(node.core.wakeAt).toBe(Infinity);
  });

  it('a restarted node has the newest membership of its log, committed or not (bug 65)', () => {
    const joint = {
      ...membership([
        ['a', 'b', 'c'],
        ['a', 'd'],
      ]),
      logId: id(1, 2),
    };
    const memberships = [{ ...three, logId: id(0, 0) }, joint];
    const node = follower({ terms: [1, 1], memberships });

    expect(node.core.view.membership).toEqual(joint);
    const asked = node.wake().map((action) => action.type === 'requestVote' && action.to);
    expect(asked).toEqual(['b', 'c', 'd']);
  });

  it('a leader may find several memberships in its log that it does not know to be committed', () => {
    const memberships = [
      { ...three, logId: id(0, 0) },
      { ...membership([['a', 'b', 'c']], ['d']), logId: id(1, 2) },
      { ...membership([['a', 'b', 'c']], ['d', 'e']), logId: id(1, 3) },
    ];

    const node = elected({ terms: [1, 1, 1], memberships });

    expect(node.core.view.role).toBe('leader');
  });
});
