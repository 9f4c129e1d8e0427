import { describe, expect, it } from 'vitest';
import {
  elected,
  electionTimeoutMs,
  heartbeatMs,
  leader,
  type Setup,
  type TestNode,
} from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** What a lease is good for, with clocks that drift by a tenth at most. */
const leaseMs = electionTimeoutMs.min * 0.9;

/** A leader of term 2 that is about to send its heartbeats. */
function beating(setup: Setup = {}): TestNode {
  const node = leader({ terms: [1], ...setup });
  node.wake();
  node.settle();
  return node;
}

/** Sends heartbeats now and lets `answering` answer them after `ms`. */
function beat(node: TestNode, answering: readonly string[], ms = 0): void {
  const calls = node.wake().flatMap((action) => (action.type === 'replicate' ? [action] : []));
  node.elapse(ms);
  for (const { call, to, range } of calls) {
    if (answering.includes(to)) node.step(w.accepted(call, { term: 2, match: range.last }));
  }
}

function isAnsweredAtOnce(node: TestNode): boolean {
  return node.step(w.readByLease(7)).some(({ type }) => type === 'reply');
}

describe('thesis 6.4.1 Reads by lease', () => {
  it('a read is answered at once, with the commit index, and nobody is asked', () => {
    const node = beating();

    expect(node.step(w.readByLease(7))).toEqual([
      w.replies(7, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('a leader by role alone, without the clock, asks a quorum (bugs 74, 78)', () => {
    const node = beating();
    beat(node, ['b']);
    node.elapse(leaseMs);
    const { calls } = node;
    const heartbeat = { term: 2, previous: id(2, 2), last: 2, committed: 2 };

    expect(node.step(w.readByLease(7))).toEqual([
      w.sends(calls + 1, 'b', heartbeat),
      w.sends(calls + 2, 'c', heartbeat),
    ]);
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 2 }))).toEqual([
      w.replies(7, { type: 'readable', term: 2, index: 2 }),
    ]);
  });

  it('ends at the shortest election timeout less the drift, and not a moment later', () => {
    const node = beating();
    beat(node, ['b']);

    node.elapse(leaseMs - 1);
    expect(isAnsweredAtOnce(node)).toBe(true);
    node.elapse(1);
    expect(isAnsweredAtOnce(node)).toBe(false);
  });

  it('a pause of the process, seen in the time of the read itself, ends it (bug 78)', () => {
    const node = beating();
    beat(node, ['b', 'c']);

    node.elapse(60_000);

    expect(isAnsweredAtOnce(node)).toBe(false);
    expect(node.core.view.role).toBe('leader');
  });

  it('goes by when the answered call was sent, not by when the answer came (bug 78)', () => {
    const node = beating();
    beat(node, ['b'], leaseMs - 1);

    expect(isAnsweredAtOnce(node)).toBe(true);
    node.elapse(1);
    expect(isAnsweredAtOnce(node)).toBe(false);
  });

  it('the more clocks may drift, the shorter it is', () => {
    const node = beating({ options: { maxClockDrift: 0.5 } });
    beat(node, ['b']);

    node.elapse(electionTimeoutMs.min / 2 - 1);
    expect(isAnsweredAtOnce(node)).toBe(true);
    node.elapse(1);
    expect(isAnsweredAtOnce(node)).toBe(false);
  });

  it('without check-quorum nobody is loyal, and there is none', () => {
    expect(isAnsweredAtOnce(beating({ options: { checkQuorum: false } }))).toBe(false);
  });

  it('before the first commit of the own term there is none (bug 75)', () => {
    const node = elected({ terms: [1] });

    expect(isAnsweredAtOnce(node)).toBe(false);
    node.persist();
    expect(node.step(w.accepted(node.calls - 1, { term: 2, match: 2 }))).toContainEqual(
      w.applies(2),
    );
    expect(isAnsweredAtOnce(node)).toBe(true);
  });

  it('the answers of learners do not count (bug 73)', () => {
    const node = beating({ learners: ['l', 'm', 'n'] });
    node.elapse(leaseMs);
    beat(node, ['l', 'm', 'n']);

    expect(isAnsweredAtOnce(node)).toBe(false);
  });

  it('during a change of voters it needs a majority of the old and of the new', () => {
    const begin = (): TestNode => {
      const node = beating({ learners: ['d', 'e'] });
      const voters = ['a', 'd', 'e'];
      node.step(w.change(1, { type: 'changeVoters', voters, keepRemoved: true }));
      node.elapse(leaseMs);
      return node;
    };
    const [old, next, both] = [begin(), begin(), begin()];
    beat(old, ['b', 'c']);
    beat(next, ['d', 'e']);
    beat(both, ['b', 'e']);

    expect(isAnsweredAtOnce(old)).toBe(false);
    expect(isAnsweredAtOnce(next)).toBe(false);
    expect(isAnsweredAtOnce(both)).toBe(true);
  });

  it('a voter that was just added counts once it has answered, not before', () => {
    const node = beating({ voters: [['a', 'b']] });
    for (const [request, learner] of ['c', 'd'].entries()) {
      node.step(w.change(request, { type: 'addLearner', id: learner, info: {} }));
      const { index } = node.state.last;
      node.persist();
      const toB = [...(node.state.leadership?.calls ?? [])].find(
        ([, { progress }]) => progress.id === 'b',
      );
      node.step(w.accepted(toB?.[0] ?? 0, { term: 2, match: index }));
    }
    const voters = ['a', 'c', 'd'];
    node.step(w.change(2, { type: 'changeVoters', voters, keepRemoved: false }));
    expect(node.state.membership.voters).toEqual([['a', 'b'], voters]);

    expect(isAnsweredAtOnce(node)).toBe(false);
    node.elapse(heartbeatMs);
    beat(node, ['b', 'c']);
    expect(isAnsweredAtOnce(node)).toBe(true);
  });

  it('a single voter always has one', () => {
    const node = leader({ terms: [1], voters: [['a']] });
    node.elapse(60_000);

    expect(isAnsweredAtOnce(node)).toBe(true);
  });

  it('no transfer leaves one behind, not even one that failed (bug 78)', () => {
    const node = beating();
    beat(node, ['b', 'c']);
    node.step(w.transfer(1, 'b'));
    const { calls } = node;
    expect(isAnsweredAtOnce(node)).toBe(false);
    node.step(w.unanswered(calls, { hadNoEffect: true }));

    beat(node, ['b', 'c']);

    expect(node.state.leadership?.transfer).toBeUndefined();
    expect(isAnsweredAtOnce(node)).toBe(false);
  });

  it('the drift must be from 0 to below 1', () => {
    expect(() => leader({ options: { maxClockDrift: 1 } })).toThrow('from 0 to below 1, not 1');
    expect(() => leader({ options: { maxClockDrift: Number.NaN } })).toThrow('not NaN');
  });
});
