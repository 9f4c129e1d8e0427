import { describe, expect, it } from 'vitest';
import { electionTimeoutMs, follower, membership, snapshotMeta, type TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** Receives the whole snapshot from `b`, and has it saved. */
function receive(node: TestNode, request: number, ask: Parameters<typeof w.receives>[2]): void {
  const rpc = w.installSnapshot(request, 'b', ask);
  expect(node.step(rpc)).toEqual([w.receives(request, 'b', ask)]);
}

describe('7 Snapshots, the follower: what it takes', () => {
  it('a snapshot of entries that are not there is received, and the log begins after it', () => {
    const node = follower({ terms: [1, 1] });
    const meta = snapshotMeta(1, 5);
    receive(node, 1, { term: 1, meta });

    expect(node.step(w.received(1, meta))).toEqual([
      w.purges(1, 5),
      w.restores(meta),
      w.tells(1, { term: 1, match: 5 }),
    ]);

    expect(node.core.view).toMatchObject({ committed: 5, last: id(1, 5) });
    const next = { term: 1, previous: id(1, 5), entries: w.entriesAfter(5, 1) };
    node.step(w.append(2, 'b', next));
    expect(node.persist()).toEqual([w.accepts(2, { term: 1, match: 6 })]);
  });

  it('nothing is saved before the term in which it comes is durable', () => {
    const node = follower({ terms: [1, 1] });
    const ask = { term: 2, meta: snapshotMeta(2, 5) };

    expect(node.step(w.installSnapshot(1, 'b', ask))).toEqual([
      w.writes(1, { vote: { term: 2, votedFor: undefined } }),
    ]);
    expect(node.persist()).toEqual([w.receives(1, 'b', ask)]);
  });

  it('a leader of an older term is told the term, and what it sends is not taken', () => {
    const node = follower({ term: 3, terms: [1, 1] });
    const ask = { term: 2, meta: snapshotMeta(2, 5) };

    expect(node.step(w.installSnapshot(1, 'b', ask))).toEqual([w.tells(1, { term: 3, match: 0 })]);
  });

  it('a newer leader that speaks up before the term is durable is the only one that is heard', () => {
    const node = follower({ terms: [1, 1] });
    node.step(w.installSnapshot(1, 'b', { term: 2, meta: snapshotMeta(2, 5) }));
    node.step(w.append(2, 'c', { term: 3, previous: id(1, 2) }));

    expect(node.persist()).toEqual([
      w.tells(1, { term: 3, match: 0 }),
      w.accepts(2, { term: 3, match: 2 }),
    ]);
  });

  it('a snapshot is a sign of the leader, so that nobody campaigns while it comes', () => {
    const node = follower({ terms: [1, 1] });
    const { now } = node;

    node.step(w.installSnapshot(1, 'b', { term: 1, meta: snapshotMeta(1, 5) }));

    expect(node.core.view.leader).toBe('b');
    expect(node.core.wakeAt).toBeGreaterThanOrEqual(now + electionTimeoutMs.min);
  });

  it('what comes in part is answered with what is there of it', () => {
    const node = follower({ terms: [1, 1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 1) }));
    receive(node, 2, { term: 1, meta: snapshotMeta(1, 5) });

    expect(node.step(w.failed(2, 30))).toEqual([w.tells(2, { term: 1, match: 1, stored: 30 })]);
    expect(node.core.view).toMatchObject({ committed: 0, last: id(1, 2) });
  });

  it('the match in an answer is on the disk', () => {
    const node = follower({ terms: [1] });
    const meta = snapshotMeta(1, 5);
    receive(node, 1, { term: 1, meta });
    const entries = w.entriesAfter(1, 1, 1);
    node.step(w.append(2, 'b', { term: 1, previous: id(1, 1), entries }));

    expect(node.step(w.failed(1, 30))).toEqual([w.tells(1, { term: 1, match: 1, stored: 30 })]);
  });

  it('a snapshot older than what is committed is answered and not taken (row 53)', () => {
    const node = follower({ terms: [1, 1, 1], applied: 3 });

    for (const index of [2, 3]) {
      const ask = { term: 1, meta: snapshotMeta(1, index) };
      expect(node.step(w.installSnapshot(index, 'b', ask))).toEqual([
        w.tells(index, { term: 1, match: 3 }),
      ]);
    }
  });

  it('a snapshot that entries have overtaken changes nothing (rows 53 and 54)', () => {
    const node = follower({ terms: [1] });
    const meta = snapshotMeta(1, 3);
    receive(node, 1, { term: 1, meta });
    const entries = w.entriesAfter(1, 1, 1, 1);
    node.step(w.append(2, 'b', { term: 1, previous: id(1, 1), entries, committed: 3 }));
    node.persist();

    expect(node.step(w.received(1, meta))).toEqual([w.tells(1, { term: 1, match: 4 })]);
    expect(node.core.view).toMatchObject({ committed: 3, last: id(1, 4) });
  });

  it('a delayed snapshot does not truncate the log that matches it (row 54)', () => {
    const node = follower({ terms: [1, 1, 1, 1] });
    const meta = snapshotMeta(1, 2);
    receive(node, 1, { term: 1, meta });

    expect(node.step(w.received(1, meta))).toEqual([
      w.purges(1, 2),
      w.restores(meta),
      w.tells(1, { term: 1, match: 2 }),
    ]);

    expect(node.core.view.last).toEqual(id(1, 4));
    expect(node.state.durable).toBe(4);
    expect(node.step(w.append(2, 'b', { term: 1, previous: id(1, 4) }))).toEqual([
      w.accepts(2, { term: 1, match: 4 }),
    ]);
  });

  it('entries that conflict with a snapshot go, before and after its end (row 56)', () => {
    const node = follower({ term: 3, terms: [1, 2, 2, 2, 2] });
    const meta = snapshotMeta(3, 3);
    receive(node, 1, { term: 3, meta });

    node.step(w.received(1, meta));

    expect(node.core.view).toMatchObject({ committed: 3, last: id(3, 3) });
    expect(node.state.durable).toBe(3);
    expect(node.state.log.termStarts).toEqual([]);
  });

  it('a write of older entries that ends after the install leaves the match as it is', () => {
    const node = follower({ terms: [1] });
    const meta = snapshotMeta(1, 5);
    receive(node, 1, { term: 1, meta });
    node.step(w.append(2, 'b', { term: 1, previous: id(1, 1), entries: w.entriesAfter(1, 1) }));
    node.step(w.received(1, meta));

    expect(node.persist()).toEqual([w.accepts(2, { term: 1, match: 5 })]);
    expect(node.state.durable).toBe(5);
  });

  it('a snapshot that contradicts what is committed stops the node (row 57)', () => {
    const asked = follower({ term: 3, terms: [1, 1, 1], applied: 3 });
    const meta = snapshotMeta(2, 2);
    const wrong = 'committed entry 2 has term 1 here and 2 in the snapshot 2.2';

    expect(() => asked.step(w.installSnapshot(1, 'b', { term: 3, meta }))).toThrow(wrong);

    const saved = follower({ term: 3, terms: [1, 1, 1], applied: 1 });
    receive(saved, 1, { term: 3, meta });
    saved.step(w.append(2, 'b', { term: 3, previous: id(1, 3), committed: 3 }));
    expect(() => saved.step(w.received(1, meta))).toThrow(wrong);
  });

  it('a term is never taken from a snapshot (row 58)', () => {
    const node = follower({ term: 5, votedFor: 'b', terms: [1] });
    const meta = snapshotMeta(2, 4);
    receive(node, 1, { term: 5, meta });

    node.step(w.received(1, meta));

    expect(node.core.view).toMatchObject({ term: 5, last: id(2, 4) });
    expect(node.state.votedFor).toBe('b');
    const impossible = { term: 5, meta: snapshotMeta(6, 9) };
    expect(() => node.step(w.installSnapshot(2, 'b', impossible))).toThrow(
      'b of term 5 cannot have a snapshot of term 6',
    );
  });

  it('a snapshot that is saved in a newer term is right, and answered once that is durable', () => {
    const node = follower({ terms: [1] });
    const meta = snapshotMeta(1, 4);
    receive(node, 1, { term: 1, meta });
    node.step(w.append(2, 'c', { term: 2, previous: id(1, 6) }));

    expect(node.step(w.received(1, meta))).toEqual([w.purges(1, 4), w.restores(meta)]);
    expect(node.persist()).toEqual([
      w.rejects(2, { term: 2, hint: id(1, 1) }),
      w.tells(1, { term: 2, match: 4 }),
    ]);
  });
});

describe('7 Snapshots, the follower: what it restores', () => {
  it('an apply that is under way goes on, and nothing is applied until the rest is there (row 55)', () => {
    const node = follower({ terms: [1, 1, 1] });
    const heartbeat = { term: 1, previous: id(1, 3), committed: 3 };
    expect(node.step(w.append(1, 'b', heartbeat))[0]).toEqual(w.applies(3));
    const meta = snapshotMeta(1, 8);
    receive(node, 2, { term: 1, meta });
    node.step(w.received(2, meta));

    const next = { term: 1, previous: id(1, 8), entries: w.entriesAfter(8, 1), committed: 9 };
    node.step(w.append(3, 'b', next));
    node.persist();
    expect(node.step(w.applied(2))).toEqual([]);
    expect(node.state.applied).toBe(2);
    expect(node.step(w.applied(8))).toEqual([w.applies(9)]);
  });

  it('of two snapshots in quick succession the second ends the restoring (row 59)', () => {
    const node = follower({ terms: [1] });
    const [first, second] = [snapshotMeta(1, 4), snapshotMeta(1, 6)];
    receive(node, 1, { term: 1, meta: first });
    receive(node, 2, { term: 1, meta: second });
    node.step(w.received(1, first));
    expect(node.step(w.received(2, second))).toEqual([
      w.purges(1, 6),
      w.restores(second),
      w.tells(2, { term: 1, match: 6 }),
    ]);
    node.step(w.append(3, 'b', { term: 1, previous: id(1, 6), entries: w.entriesAfter(6, 1) }));
    node.persist();
    node.step(w.append(4, 'b', { term: 1, previous: id(1, 7), committed: 7 }));

    expect(node.step(w.applied(4))).toEqual([]);
    expect(node.state.isRestoring).toBe(true);
    expect(node.step(w.applied(6))).toEqual([w.applies(7)]);
    expect(node.state.isRestoring).toBe(false);
  });

  it('the older of two snapshots that arrive in the wrong order is not taken (row 59)', () => {
    const node = follower({ terms: [1] });
    const [older, newer] = [snapshotMeta(1, 4), snapshotMeta(1, 6)];
    receive(node, 1, { term: 1, meta: older });
    receive(node, 2, { term: 1, meta: newer });
    node.step(w.received(2, newer));

    expect(node.step(w.received(1, older))).toEqual([w.tells(1, { term: 1, match: 6 })]);
  });

  it('a node that restores can be elected, and applies once it is restored (bug 63)', () => {
    const node = follower({ terms: [1], voters: [['a']], options: { preVote: false } });
    const meta = snapshotMeta(1, 4, [['a']]);
    receive(node, 1, { term: 1, meta });
    node.step(w.received(1, meta));

    node.wake();
    node.persist();
    node.persist();

    expect(node.core.view).toMatchObject({ role: 'leader', committed: 5 });
    expect(node.step(w.readIndex(2))).toEqual([
      w.replies(2, { type: 'readable', term: 2, index: 5 }),
    ]);
    expect(node.step(w.applied(4))).toEqual([w.applies(5)]);
  });

  it('a node that was elected while it received keeps its log, which has everything', () => {
    const setup = { terms: [1, 1, 1], voters: [['a']], options: { preVote: false } };
    const node = follower(setup);
    const meta = snapshotMeta(1, 2, [['a']]);
    receive(node, 1, { term: 1, meta });
    node.wake();
    node.persist();
    expect(node.core.view).toMatchObject({ role: 'leader', committed: 0 });

    expect(node.step(w.received(1, meta))).toEqual([w.tells(1, { term: 2, match: 0 })]);
    expect(node.core.view).toMatchObject({ role: 'leader', last: id(2, 4) });
  });
});

describe('7 Snapshots, the follower: the membership in them', () => {
  it('the membership of a snapshot is in force with it', () => {
    const node = follower({ terms: [1] });
    const meta = snapshotMeta(1, 5, [['a', 'b', 'd']]);
    receive(node, 1, { term: 1, meta });

    node.step(w.received(1, meta));

    expect(node.core.view.membership).toEqual(meta.membership);
  });

  it('a membership that follows the snapshot in the log stays, and one in conflict goes (bug 67)', () => {
    const later = { ...membership([['a', 'b', 'd']]), logId: id(2, 4) };
    const setup = {
      term: 3,
      terms: [1, 1, 2, 2],
      memberships: [{ ...membership([['a', 'b']]), logId: id(1, 1) }, later],
    };
    const [kept, gone] = [follower(setup), follower(setup)];

    const agreeing = snapshotMeta(2, 3);
    receive(kept, 1, { term: 3, meta: agreeing });
    kept.step(w.received(1, agreeing));
    expect(kept.core.view.membership).toEqual(later);

    const other = snapshotMeta(3, 3);
    receive(gone, 1, { term: 3, meta: other });
    gone.step(w.received(1, other));
    expect(gone.core.view.membership).toEqual(other.membership);
  });

  it('a learner that is a voter by the snapshot begins to watch its leader', () => {
    const node = follower({ terms: [1], voters: [['b', 'c']], learners: ['a'] });
    expect(node.core.view.role).toBe('learner');
    const meta = snapshotMeta(1, 5);
    receive(node, 1, { term: 1, meta });

    node.step(w.received(1, meta));

    expect(node.core.view.role).toBe('follower');
    expect(node.core.wakeAt).toBeLessThan(Infinity);
  });

  it('a voter that is none by the snapshot never campaigns again', () => {
    const node = follower({ terms: [1] });
    const meta = snapshotMeta(1, 5, [['b', 'c']], ['a']);
    receive(node, 1, { term: 1, meta });

    node.step(w.received(1, meta));

    expect(node.core.view.role).toBe('learner');
    expect(node.core.wakeAt).toBe(Infinity);
  });

  for (const learners of [[], ['a']]) {
    const what = learners.length === 0 ? 'voter' : 'learner';

    it(`a candidate that takes a snapshot gives up its campaign, and is a ${what} by it`, () => {
      const node = follower({ terms: [1] });
      const voters = learners.length === 0 ? [['a', 'b', 'c']] : [['b', 'c']];
      const meta = snapshotMeta(1, 5, voters, learners);
      receive(node, 1, { term: 1, meta });
      node.wake();
      expect(node.core.view.role).toBe('candidate');

      node.step(w.received(1, meta));

      expect(node.core.view.role).toBe(learners.length === 0 ? 'follower' : 'learner');
    });
  }
});
