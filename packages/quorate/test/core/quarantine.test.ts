import { describe, expect, it } from 'vitest';
import { candidate, follower, leader, membership, type Setup, type TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** A voter of a, b and c whose disk is not what the others know. */
function quarantined(setup: Setup = {}): TestNode {
  const node = follower({ terms: [1], ...setup });
  node.step(w.quarantine('its disk was wiped'));
  return node;
}

const silence = { term: 0, hint: id(0, 0) };

describe('A node whose disk has lost what it promised', () => {
  it('gives no vote, not even one it finds on its disk (bug 68)', () => {
    const node = quarantined({ term: 2, votedFor: 'b' });
    const ask = { term: 2, last: id(1, 1) };

    expect(node.step(w.requestVote(1, 'b', ask))).toEqual([
      w.votes(1, { term: 2, granted: false }),
    ]);
    expect(node.step(w.requestVote(2, 'c', { ...ask, preVote: true, term: 3 }))).toEqual([
      w.votes(2, { term: 2, granted: false }),
    ]);
    node.step(w.requestVote(3, 'c', { ...ask, term: 3 }));
    expect(node.state.votedFor).toBeUndefined();
    expect(node.persist()).toEqual([w.votes(3, { term: 3, granted: false })]);
  });

  it('takes back a vote that had not left yet', () => {
    const node = follower({ terms: [1] });
    node.step(w.requestVote(1, 'b', { term: 2, last: id(1, 1) }));
    node.step(w.quarantine('its disk was wiped'));

    expect(node.persist()).toEqual([w.votes(1, { term: 2, granted: false })]);
  });

  it('never campaigns, however long it hears of nobody', () => {
    const node = quarantined();

    expect(node.core.wakeAt).toBe(Infinity);
    node.elapse(60_000);
    expect(node.step(w.wake)).toEqual([]);
    node.step(w.append(1, 'b', { term: 2, previous: id(1, 1) }));
    node.persist();
    expect(node.core.wakeAt).toBe(Infinity);
    expect(node.step(w.timeoutNow(2, { term: 2, leader: 'b' }))).toEqual([
      w.replies(2, { type: 'done' }),
    ]);
  });

  it('hears its leader and stores what that sends, and confirms none of it', () => {
    const node = quarantined();
    const entries = w.entriesAfter(1, 1);
    const rpc = { term: 1, previous: id(1, 1), entries, committed: 2 };

    expect(node.step(w.append(1, 'b', rpc))).toEqual([
      w.writes(node.writes, { append: entries }),
      w.applies(1),
    ]);
    expect(node.persist()).toEqual([w.applies(2), w.rejects(1, silence)]);
    expect(node.step(w.append(2, 'b', { term: 1, previous: id(1, 9) }))).toEqual([
      w.rejects(2, silence),
    ]);
    expect(node.core.view).toMatchObject({ role: 'follower', leader: 'b', committed: 2 });
  });

  it('a leader takes its word for nothing: no commit, no read, no contact', () => {
    const node = leader({ terms: [1] });
    node.step(w.propose(0, 'x'));
    const toB = node.calls - 1;
    node.persist();
    const contactAt = node.state.leadership?.progress.get('b')?.contactAt;
    node.elapse(10);
    node.step(w.readIndex(1));

    expect(node.step(w.rejected(toB, silence))).toEqual([]);
    expect(node.step(w.rejected(node.calls - 1, silence))).toEqual([]);
    expect(node.core.view).toMatchObject({ role: 'leader', committed: 2 });
    const progress = node.state.leadership?.progress.get('b');
    expect(progress).toMatchObject({ contactAt, matchIndex: 2, paused: true });
  });

  it('leaves office if it leads, and gives up its campaign', () => {
    const leads = leader({ terms: [1] });
    leads.step(w.readIndex(1));
    expect(leads.step(w.quarantine('its disk was wiped'))).toEqual([
      w.refuses(1, { type: 'notLeader', leader: undefined }),
    ]);
    expect(leads.core.view).toMatchObject({ role: 'follower', term: 2 });

    const stands = candidate({ terms: [1] });
    stands.step(w.quarantine('its disk was wiped'));
    expect(stands.core.view.role).toBe('follower');
    expect(stands.step(w.granted(stands.calls, 2))).toEqual([]);
    expect(stands.core.wakeAt).toBe(Infinity);
  });

  it('forms no cluster of its own', () => {
    const node = quarantined({ terms: [], memberships: [] });

    expect(node.step(w.initialize(1, membership([['a']])))).toEqual([
      w.refuses(1, { type: 'invalidMembership', reason: 'its disk was wiped' }),
    ]);
  });

  it('keeps the first reason, and is never let out', () => {
    const node = quarantined();
    node.step(w.quarantine('something else'));

    expect(node.state.quarantine).toBe('its disk was wiped');
  });

  it('takes what a leader named as committed, to a reader from before, for committed', () => {
    const node = quarantined();
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));

    expect(node.step(w.leaderNamed(1, 1))).toEqual([w.applies(1)]);
  });
});
