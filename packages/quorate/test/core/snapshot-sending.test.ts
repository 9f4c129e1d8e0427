import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/core/action.ts';
import { elected, leader, type Setup, snapshotMeta, type TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** Entries 4 and 5 are there, and the blank 6 of term 2; 1 to 3 are in the snapshot alone. */
const purged: Setup = {
  terms: [1, 1, 1, 1, 1],
  voters: [['a', 'b']],
  snapshot: 4,
  purged: 3,
};

/** A leader whose follower lacks what is purged; the snapshot is on its way in the last call. */
function sending(setup: Setup = purged): TestNode {
  const node = elected(setup);
  const probe = node.calls;
  node.step(w.sent(probe, 6));
  const actions = node.step(w.rejected(probe, { term: 2, hint: id(1, 2) }));
  expect(actions).toEqual([w.sendsSnapshot(probe + 1, 'b', 2)]);
  node.persist();
  return node;
}

/** Time passes up to the next heartbeat; returns it. */
function beat(node: TestNode): Action & { type: 'replicate' } {
  const sent = node.wake().filter((action) => action.type === 'replicate');
  expect(sent).toHaveLength(1);
  return sent[0] as Action & { type: 'replicate' };
}

describe('7 Snapshots, the leader: who gets one', () => {
  it('a follower that lacks what is purged gets the snapshot, and no probe', () => {
    const node = sending();

    expect(node.state.leadership?.progress.get('b')?.state).toBe('snapshot');
  });

  it('the same for one that has another term at the purged end', () => {
    const node = elected(purged);
    const probe = node.calls;
    node.step(w.sent(probe, 6));

    const atEnd = node.step(w.rejected(probe, { term: 2, hint: id(0, 5) }));
    const range = { term: 2, previous: id(1, 3), last: 6, committed: 4 };
    expect(atEnd).toEqual([w.sends(probe + 1, 'b', range)]);
    node.step(w.sent(probe + 1, 6));
    expect(node.step(w.rejected(probe + 1, { term: 2, hint: id(0, 3) }))).toEqual([
      w.sendsSnapshot(probe + 2, 'b', 2),
    ]);
  });

  it('a follower that may have what is purged is asked at the purged end first', () => {
    const node = elected(purged);
    const probe = node.calls;
    node.step(w.sent(probe, 6));

    expect(node.step(w.unanswered(probe))).toEqual([]);
    const { call, range } = beat(node);
    expect(range).toEqual({ term: 2, previous: id(1, 3), last: 3, committed: 4 });
    const next = { term: 2, previous: id(1, 3), last: 6, committed: 4 };
    expect(node.step(w.accepted(call, { term: 2, match: 2 }))).toEqual([
      w.sends(call + 1, 'b', next),
    ]);
  });

  it('no entries follow and no second snapshot, while one is on its way', () => {
    const node = sending();
    const { calls } = node;

    node.step(w.propose(1, 'x'));
    beat(node);

    expect(node.calls).toBe(calls + 1);
  });

  it('heartbeats go on and name the purged end; a refusal is a sign of life and no more', () => {
    const node = sending();

    const { call, range } = beat(node);

    expect(range).toEqual({ term: 2, previous: id(1, 3), last: 3, committed: 4 });
    expect(node.step(w.rejected(call, { term: 2, hint: id(1, 2) }))).toEqual([]);
    expect(node.state.leadership?.progress.get('b')).toMatchObject({
      state: 'snapshot',
      lastAckAt: node.now,
    });
  });
});

describe('7 Snapshots, the leader: how it ends', () => {
  it('a follower that has the snapshot gets the entries after it', () => {
    const node = sending();
    const call = node.calls;

    const range = { term: 2, previous: id(1, 4), last: 6, committed: 4 };
    expect(node.step(w.snapshotAnswered(call, { term: 2, match: 4 }))).toEqual([
      w.sends(call + 1, 'b', range),
    ]);
  });

  it('a match below the purged end is progress, and the next snapshot follows', () => {
    const node = sending();
    const call = node.calls;

    expect(node.step(w.snapshotAnswered(call, { term: 2, match: 2 }))).toEqual([
      w.sendsSnapshot(call + 1, 'b', 2),
    ]);
  });

  it('a call that brought nothing on is repeated after the next sign of life, not at once', () => {
    const node = sending();
    const call = node.calls;
    expect(node.step(w.snapshotAnswered(call, { term: 2, match: 0, stored: 40 }))).toEqual([
      w.sendsSnapshot(call + 1, 'b', 2),
    ]);
    expect(node.step(w.snapshotAnswered(call + 1, { term: 2, match: 0, stored: 40 }))).toEqual([]);
    const heartbeat = beat(node);

    expect(node.step(w.rejected(heartbeat.call, { term: 2, hint: id(1, 2) }))).toEqual([
      w.sendsSnapshot(heartbeat.call + 1, 'b', 2),
    ]);
  });

  it('a snapshot without an answer is sent again after the next sign of life', () => {
    const node = sending();
    expect(node.step(w.unanswered(node.calls))).toEqual([]);
    const { call } = beat(node);

    expect(node.step(w.rejected(call, { term: 2, hint: id(1, 2) }))).toEqual([
      w.sendsSnapshot(call + 1, 'b', 2),
    ]);
  });

  it('any match at the purged end ends it, whatever snapshot is on its way (row 60)', () => {
    const node = sending();
    const { call } = beat(node);

    const range = { term: 2, previous: id(1, 3), last: 6, committed: 4 };
    expect(node.step(w.accepted(call, { term: 2, match: 3 }))).toEqual([
      w.sends(call + 1, 'b', range),
    ]);
    expect(node.state.leadership?.progress.get('b')?.state).toBe('replicate');
  });

  it('a match below the purged end does not end it (row 60)', () => {
    const node = sending();
    const { call } = beat(node);

    expect(node.step(w.accepted(call, { term: 2, match: 2 }))).toEqual([]);
    expect(node.state.leadership?.progress.get('b')?.state).toBe('snapshot');
  });

  it('the late answer to a snapshot that was not needed any more holds up nothing', () => {
    const node = sending();
    const snapshot = node.calls;
    const { call } = beat(node);
    node.step(w.accepted(call, { term: 2, match: 3 }));
    node.step(w.sent(call + 1, 6));
    node.step(w.accepted(call + 1, { term: 2, match: 6 }));

    node.step(w.snapshotAnswered(snapshot, { term: 2, match: 4 }));

    const range = { term: 2, previous: id(2, 6), last: 7, committed: 6 };
    expect(node.step(w.propose(1, 'x'))).toContainEqual(w.sends(node.calls, 'b', range));
  });

  it('a lost snapshot that was not needed any more holds up nothing', () => {
    const node = sending();
    const snapshot = node.calls;
    const { call } = beat(node);
    node.step(w.accepted(call, { term: 2, match: 3 }));

    node.step(w.unanswered(snapshot));

    expect(node.state.leadership?.progress.get('b')).toMatchObject({
      state: 'replicate',
      paused: false,
    });
  });

  it('an answer of a newer term ends the leadership', () => {
    const node = sending();

    node.step(w.snapshotAnswered(node.calls, { term: 3, match: 4 }));

    expect(node.core.view).toMatchObject({ role: 'follower', term: 3 });
  });

  it('a snapshot that arrived counts for the commit', () => {
    const node = sending({ ...purged, snapshot: 5, applied: 5 });
    node.step(w.snapshotAnswered(node.calls, { term: 2, match: 5 }));
    const { calls } = node;
    node.step(w.sent(calls, 6));
    node.step(w.accepted(calls, { term: 2, match: 6 }));

    expect(node.core.view.committed).toBe(6);
  });
});

describe('7 Snapshots: what is purged, and when', () => {
  it('the log goes up to what is asked, and never further than the snapshot', () => {
    for (const [purgeTo, to] of [
      [2, 2],
      [4, 3],
    ] as const) {
      const node = leader({ terms: [1, 1, 1, 1], voters: [['a']], applied: 4 });

      expect(node.step(w.built(snapshotMeta(1, 3), purgeTo))).toEqual([w.purges(1, to)]);
      expect(node.state).toMatchObject({ snapshot: id(1, 3), applied: 4 });
    }
  });

  it('nothing is purged if all is to be kept, and later snapshots purge what is left', () => {
    const node = leader({ terms: [1, 1, 1, 1], voters: [['a']], applied: 4 });

    expect(node.step(w.built(snapshotMeta(1, 2), 0))).toEqual([]);
    expect(node.step(w.built(snapshotMeta(1, 4), 3))).toEqual([w.purges(1, 3)]);
  });

  it('a snapshot that is not newer than the newest purges nothing', () => {
    const node = leader({ terms: [1, 1, 1, 1], voters: [['a']], applied: 4 });
    node.step(w.built(snapshotMeta(1, 3), 1));

    expect(node.step(w.built(snapshotMeta(1, 2), 2))).toEqual([]);
    expect(node.step(w.built(snapshotMeta(1, 3), 3))).toEqual([]);
  });

  it('a follower purges as well', () => {
    const node = leader({ terms: [1, 1, 1], voters: [['a', 'b']], applied: 3 });
    node.step(w.append(1, 'b', { term: 9, previous: id(1, 3) }));

    expect(node.step(w.built(snapshotMeta(1, 3), 3))).toEqual([w.purges(1, 3)]);
  });

  it('what is being read for a call stays until it was sent', () => {
    const node = elected({ terms: [1, 1, 1, 1], voters: [['a', 'b']], applied: 4 });
    const probe = node.calls;
    node.step(w.sent(probe, 5));
    node.step(w.rejected(probe, { term: 2, hint: id(1, 2) }));

    expect(node.step(w.built(snapshotMeta(1, 4), 4))).toEqual([w.purges(1, 2)]);
    expect(node.step(w.sent(probe + 1, 5))).toEqual([w.purges(1, 4)]);
  });

  it('what follows a snapshot under way stays until that has ended', () => {
    const node = sending({ ...purged, applied: 5 });
    const call = node.calls;

    expect(node.step(w.built(snapshotMeta(1, 5), 5))).toEqual([w.purges(1, 4)]);
    const range = { term: 2, previous: id(1, 4), last: 6, committed: 5 };
    expect(node.step(w.snapshotAnswered(call, { term: 2, match: 4 }))).toEqual([
      w.sends(call + 1, 'b', range),
    ]);
    expect(node.step(w.sent(call + 1, 6))).toEqual([w.purges(1, 5)]);
  });

  it('a snapshot that got no answer holds nothing back', () => {
    const node = sending({ ...purged, applied: 5 });
    node.step(w.built(snapshotMeta(1, 5), 5));

    expect(node.step(w.unanswered(node.calls))).toEqual([w.purges(1, 5)]);
  });

  it('a snapshot of more than was applied, or of another term, stops the node', () => {
    const node = leader({ terms: [1, 1, 1, 1], voters: [['a']], applied: 3 });

    expect(() => node.step(w.built(snapshotMeta(1, 4), 1))).toThrow('more than is applied, 3');
    expect(() => node.step(w.built(snapshotMeta(2, 3), 1))).toThrow(
      'the snapshot ends in term 2, entry 3 is of 1',
    );
  });
});
