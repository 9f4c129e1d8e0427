import { describe, expect, it } from 'vitest';
import { electionTimeoutMs, follower, leader, type Setup, snapshotMeta } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** A leader of term 2 whose log ends at 2, which b and c have. */
function settled(setup: Setup = {}): ReturnType<typeof leader> {
  return leader({ terms: [1], ...setup });
}

function fails(
  request: number,
  reason: string,
  { isUnknown = false }: { isUnknown?: boolean } = {},
): ReturnType<typeof w.refuses> {
  return w.refuses(request, { type: 'transferFailed', reason, isUnknown });
}

function invalid(request: number, reason: string): ReturnType<typeof w.refuses> {
  return w.refuses(request, { type: 'invalidTransfer', reason });
}

describe('thesis 3.10 Handing the leadership over', () => {
  it('a target that has the whole log is asked to campaign at once', () => {
    const node = settled();

    expect(node.step(w.transfer(7, 'b'))).toEqual([w.asksToTakeOver(node.calls, 'b', 2)]);
    expect(node.state.leadership?.transfer).toMatchObject({ request: 7, to: 'b' });
  });

  it('a target that lacks entries gets them first (bug 79)', () => {
    const node = settled();
    node.step(w.propose(0, 'x'));
    const toB = node.calls - 1;
    expect(node.step(w.transfer(7, 'b'))).toEqual([]);
    expect(node.persist()).toEqual([]);

    const actions = node.step(w.accepted(toB, { term: 2, match: 3 }));

    expect(actions).toContainEqual(w.asksToTakeOver(node.calls, 'b', 2));
    expect(node.step(w.accepted(toB + 1, { term: 2, match: 3 }))).toEqual([]);
  });

  it('without a target it goes to the voter that has the most, of those that answer', () => {
    const node = settled({ voters: [['a', 'b', 'c', 'd']] });
    node.step(w.propose(0, 'x'));
    const { calls } = node;
    node.persist();
    node.step(w.accepted(calls - 1, { term: 2, match: 3 }));

    expect(node.step(w.transfer(7))).toEqual([w.asksToTakeOver(node.calls, 'c', 2)]);
  });

  it('nothing is proposed until it is over, and that is said at once (bug 79)', () => {
    const node = settled();
    node.step(w.transfer(7, 'b'));
    const why = { type: 'transferring', to: 'b' } as const;
    const learner = { type: 'addLearner', id: 'd', info: {} } as const;

    expect(node.step(w.propose(1, 'x'))).toEqual([w.refuses(1, why)]);
    expect(node.step(w.change(2, learner))).toEqual([w.refuses(2, why)]);
    expect(node.step(w.readIndex(3))).toHaveLength(2);
  });

  it('a newer term ends it well, and its reads are refused (bugs 79, 83)', () => {
    const node = settled();
    node.step(w.transfer(7, 'b'));
    node.step(w.readIndex(8));
    const ask = { term: 3, last: id(2, 2), transfer: true };

    expect(node.step(w.requestVote(9, 'b', ask))).toEqual([
      w.writes(node.writes, { vote: { term: 3, votedFor: 'b' } }),
      w.refuses(8, { type: 'notLeader', leader: undefined }),
      w.replies(7, { type: 'done' }),
    ]);
    expect(node.persist()).toEqual([w.votes(9, { term: 3, granted: true })]);
  });

  it('fails after the longest election timeout, and writes are taken again (bug 79)', () => {
    const node = settled();
    node.step(w.propose(0, 'x'));
    node.persist();
    const begunAt = node.now;
    node.step(w.transfer(7, 'b'));
    const endsAt = begunAt + electionTimeoutMs.max;
    const late = node.calls;
    while (node.now < endsAt - 1) {
      const calls = node.wake().flatMap((action) => (action.type === 'replicate' ? [action] : []));
      for (const { call, to } of calls) {
        if (to === 'c') node.step(w.accepted(call, { term: 2, match: 3 }));
      }
      if (node.core.wakeAt >= endsAt) break;
    }

    expect(node.core.wakeAt).toBe(endsAt);
    const reason = 'b did not catch up within 2000 ms';
    expect(node.wake()).toContainEqual(fails(7, reason));
    expect(node.state.leadership?.transfer).toBeUndefined();
    expect(node.step(w.propose(8, 'y'))[1]).toEqual(
      w.replies(8, { type: 'accepted', first: id(2, 4), count: 1 }),
    );
    expect(node.step(w.unanswered(late))).toEqual([]);
  });

  it('a target that certainly was not asked ends it at once', () => {
    const node = settled();
    node.step(w.transfer(7, 'b'));

    expect(node.step(w.unanswered(node.calls, { hadNoEffect: true }))).toEqual([
      fails(7, 'b could not be asked to take over'),
    ]);
    expect(node.core.view.role).toBe('leader');
  });

  it('a target whose answer is lost may win all the same, and that ends it well', () => {
    const node = settled();
    node.step(w.transfer(7, 'b'));
    expect(node.step(w.unanswered(node.calls))).toEqual([]);
    const ask = { term: 3, last: id(2, 2), transfer: true };

    expect(node.step(w.requestVote(9, 'b', ask))).toContainEqual(w.replies(7, { type: 'done' }));
  });

  it('a target that may not have heard is asked again when anybody answers', () => {
    const node = settled();
    node.step(w.transfer(7, 'b'));
    node.step(w.unanswered(node.calls));
    expect(node.step(w.propose(8, 'x'))).toHaveLength(1);
    const beat = node.wake().find((action) => action.type === 'replicate');
    const again = node.step(w.accepted(beat?.call ?? 0, { term: 2, match: 2 }));

    expect(again).toContainEqual(w.asksToTakeOver(node.calls, 'b', 2));
    // That this one did not arrive says nothing of the one before.
    expect(node.step(w.unanswered(node.calls, { hadNoEffect: true }))).toEqual([]);
  });

  it.each([
    { case: 'is lost', lost: true },
    { case: 'has come', lost: false },
  ])('whose target does not win in time has an unknown end, if its answer $case', ({ lost }) => {
    const node = settled();
    node.step(w.transfer(7, 'b'));
    if (lost) node.step(w.unanswered(node.calls));
    const endsAt = node.now + electionTimeoutMs.max;
    const refusals: unknown[] = [];
    while (node.now < endsAt) {
      const calls = node.wake().flatMap((action) => {
        if (action.type === 'reply') refusals.push(action);
        return action.type === 'replicate' ? [action] : [];
      });
      for (const { call, to } of calls) {
        if (to === 'c') node.step(w.accepted(call, { term: 2, match: 2 }));
      }
    }

    const reason = 'b was asked to take over and was not elected within 2000 ms';
    expect(refusals).toEqual([fails(7, reason, { isUnknown: true })]);
    expect(node.core.view.role).toBe('leader');
  });

  it('a leader that leaves office for another reason says whether the target was asked', () => {
    for (const wasAsked of [true, false]) {
      const node = settled();
      if (!wasAsked) node.step(w.propose(0, 'x'));
      if (!wasAsked) node.persist();
      node.step(w.transfer(7, 'b'));
      node.elapse(electionTimeoutMs.max - 1);
      node.step(w.unanswered(0));

      expect(node.step(w.quarantine('its disk was wiped'))).toContainEqual(
        fails(7, 'this node has left office for another reason', { isUnknown: wasAsked }),
      );
    }
  });

  it('nobody but another voter that answers can take over', () => {
    const node = settled({ learners: ['l'] });

    expect(node.step(w.transfer(1, 'x'))).toEqual([invalid(1, 'x is not a member')]);
    expect(node.step(w.transfer(2, 'a'))).toEqual([invalid(2, 'a leads already')]);
    expect(node.step(w.transfer(3, 'l'))).toEqual([
      invalid(3, 'l is not among the voters that stay (b, c, and a leads)'),
    ]);
    node.elapse(electionTimeoutMs.min + 1);
    expect(node.step(w.transfer(4, 'b'))).toEqual([
      invalid(4, 'b has not answered within the last 1000 ms'),
    ]);
    expect(node.step(w.transfer(5))).toEqual([
      invalid(5, 'none of b, c has answered within the last 1000 ms'),
    ]);
  });

  it('there is one at a time, and none from the only voter or from a follower', () => {
    const node = settled();
    node.step(w.transfer(1, 'b'));
    expect(node.step(w.transfer(2, 'c'))).toEqual([invalid(2, 'a transfer to b is under way')]);

    const alone = settled({ voters: [['a']], learners: ['l'] });
    expect(alone.step(w.transfer(1))).toEqual([invalid(1, 'a is the only voter')]);

    expect(follower({ terms: [1] }).step(w.transfer(1))).toEqual([
      w.refuses(1, { type: 'notLeader', leader: undefined }),
    ]);
  });

  it('a voter that a change under way removes does not take over', () => {
    const voters = [
      ['a', 'b', 'c'],
      ['a', 'b', 'd'],
    ];
    const node = settled({ voters });
    const joint = leader({ terms: [1], voters: [['a', 'b', 'c']], learners: ['d'] });
    joint.step(w.change(1, { type: 'changeVoters', voters: ['a', 'b', 'd'], keepRemoved: false }));

    expect(joint.step(w.transfer(2, 'c'))).toEqual([
      invalid(2, 'c is not among the voters that stay (b, d, and a leads)'),
    ]);
    expect(node.state.membership.voters).toEqual([['a', 'b', 'd']]);
  });
});

describe('thesis 3.10 Being asked to take over', () => {
  const heard = { term: 1, previous: id(1, 1), committed: 1 };

  it('the node campaigns without a pre-vote, and no loyalty holds its voters back', () => {
    const node = follower({ terms: [1] });
    node.step(w.append(1, 'b', heard));

    expect(node.step(w.timeoutNow(2, { term: 1, leader: 'b' }))).toEqual([
      w.writes(node.writes, { vote: { term: 2, votedFor: 'a' } }),
      w.replies(2, { type: 'done' }),
    ]);
    const ask = { candidate: 'a', term: 2, last: id(1, 1), transfer: true };
    expect(node.persist()).toEqual([
      w.asksVote(node.calls - 1, 'b', ask),
      w.asksVote(node.calls, 'c', ask),
    ]);
  });

  it('a loyal voter votes in an election that the leader asked for', () => {
    const node = follower({ terms: [1] });
    node.step(w.append(1, 'b', heard));
    node.step(w.requestVote(2, 'c', { term: 2, last: id(1, 1) }));
    expect(node.state.term).toBe(1);

    node.step(w.requestVote(3, 'c', { term: 2, last: id(1, 1), transfer: true }));

    expect(node.persist()).toEqual([w.votes(3, { term: 2, granted: true })]);
  });

  it('what comes late, from another term or from somebody else changes nothing (bug 78)', () => {
    const node = follower({ terms: [1], term: 3 });
    node.step(w.append(1, 'b', { ...heard, term: 3 }));
    const { electionAt } = node.state;
    const done = (request: number): unknown[] => [w.replies(request, { type: 'done' })];

    expect(node.step(w.timeoutNow(2, { term: 2, leader: 'b' }))).toEqual(done(2));
    expect(node.step(w.timeoutNow(3, { term: 4, leader: 'b' }))).toEqual(done(3));
    expect(node.step(w.timeoutNow(4, { term: 3, leader: 'c' }))).toEqual(done(4));
    expect(node.core.view).toMatchObject({ role: 'follower', term: 3, leader: 'b' });
    expect(node.state.electionAt).toBe(electionAt);
  });

  it('a learner, a leader and a candidate do not obey', () => {
    const learner = follower({ terms: [1], voters: [['b', 'c']], learners: ['a'] });
    learner.step(w.append(1, 'b', heard));
    const leads = leader({ terms: [1] });
    const stands = follower({ terms: [1] });
    stands.wake();

    for (const node of [learner, leads, stands]) {
      const { role, term } = node.core.view;
      const rpc = { term, leader: 'b' };
      expect(node.step(w.timeoutNow(9, rpc))).toEqual([w.replies(9, { type: 'done' })]);
      expect(node.core.view).toMatchObject({ role, term });
    }
  });

  it('a snapshot that is not restored yet and a change that is not applied are no bar (bug 63)', () => {
    const node = follower({ terms: [1], voters: [['b', 'c']], learners: ['a'] });
    node.step(w.append(1, 'b', heard));
    const meta = snapshotMeta(1, 5, [['a', 'b', 'd']]);
    node.step(w.installSnapshot(2, 'b', { term: 1, meta }));
    node.step(w.received(2, meta));
    expect(node.state.isRestoring).toBe(true);

    node.step(w.timeoutNow(3, { term: 1, leader: 'b' }));
    const ask = { candidate: 'a', term: 2, last: id(1, 5), transfer: true };

    expect(node.persist()).toEqual([
      w.asksVote(node.calls - 1, 'b', ask),
      w.asksVote(node.calls, 'd', ask),
    ]);
  });

  it('a learner that was promoted and does not know it yet votes (bug 64)', () => {
    const node = follower({ terms: [1], voters: [['b', 'c']], learners: ['a'] });
    const ask = { term: 2, last: id(2, 9), transfer: true };
    node.step(w.requestVote(1, 'b', ask));

    expect(node.core.view.role).toBe('learner');
    expect(node.persist()).toEqual([w.votes(1, { term: 2, granted: true })]);
  });
});
