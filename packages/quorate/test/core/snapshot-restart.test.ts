import { describe, expect, it } from 'vitest';
import { elected, follower, membership, snapshotMeta, TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

describe('7 Snapshots, after a restart', () => {
  it('a log that begins after a snapshot goes on where it ends', () => {
    const node = follower({ terms: [1, 1, 1, 2, 2], purged: 2, snapshot: 3 });

    expect(node.core.view).toMatchObject({ committed: 3, last: id(2, 5) });
    const next = { term: 2, previous: id(2, 5), entries: w.entriesAfter(5, 2), committed: 6 };
    node.step(w.append(1, 'b', next));
    expect(node.persist()).toEqual([w.applies(6), w.accepts(1, { term: 2, match: 6 })]);
  });

  it('a log of which all is purged goes on where the snapshot ends', () => {
    const node = follower({ terms: [1, 1, 3], purged: 3, snapshot: 3 });

    const next = { term: 3, previous: id(3, 3), entries: w.entriesAfter(3, 3) };
    node.step(w.append(1, 'b', next));
    expect(node.persist()).toEqual([w.accepts(1, { term: 3, match: 4 })]);
  });

  it('entries at and below the purged end are known to be there (row 51)', () => {
    const node = follower({ terms: [1, 1, 1, 2, 2], purged: 3, snapshot: 3 });
    const entries = w.entriesAfter(0, 1, 1, 1, 2, 2, 2);

    node.step(w.append(1, 'b', { term: 2, previous: id(0, 0), entries }));

    expect(node.core.view.last).toEqual(id(2, 6));
    expect(node.persist()).toEqual([w.accepts(1, { term: 2, match: 6 })]);
  });

  it('a log that begins later than its snapshot ends is refused (row 51)', () => {
    expect(() => new TestNode({ terms: [1, 1, 1, 1], purged: 3, snapshot: 2 })).toThrow(
      'a start needs purged <= snapshot <= applied <= last, not 3, 2, 2, 4',
    );
  });

  it('a state machine that lacks what the snapshot has is refused (row 51)', () => {
    expect(() => new TestNode({ terms: [1, 1, 1], snapshot: 3, applied: 2 })).toThrow(
      'a start needs purged <= snapshot <= applied <= last, not 0, 3, 2, 3',
    );
  });

  it('the membership of the snapshot is in force, though its entry is purged (bug 65)', () => {
    const { membership: voters } = snapshotMeta(1, 2, [['a', 'b', 'd']]);
    const node = follower({ terms: [1, 1, 1], purged: 3, snapshot: 3, memberships: [voters] });

    expect(node.core.view.membership).toEqual(voters);
  });

  it('a membership that is not committed goes with its entry, and the old one is back (bug 66)', () => {
    const { membership: first } = snapshotMeta(1, 2);
    const second = { ...membership([['a', 'b', 'd']]), logId: id(2, 4) };
    const memberships = [first, second];
    const node = follower({ terms: [1, 1, 1, 2], purged: 3, snapshot: 3, memberships });
    expect(node.core.view.membership).toEqual(second);

    const other = { term: 3, previous: id(1, 3), entries: w.entriesAfter(3, 3) };
    node.step(w.append(1, 'b', other));

    expect(node.core.view.membership).toEqual(first);
  });

  it('a snapshot without a membership is refused', () => {
    const memberships = [{ ...membership([['a']]), logId: id(1, 3) }];

    expect(() => new TestNode({ terms: [1, 1, 1], snapshot: 2, memberships })).toThrow(
      'the membership in force at 2, where the snapshot ends, must be known',
    );
  });

  it('a node with a snapshot and no log can lead, and brings up others by it', () => {
    const node = elected({ terms: [1, 1, 1], purged: 3, snapshot: 3, voters: [['a', 'b']] });
    const probe = node.calls;
    node.step(w.sent(probe, 4));

    expect(node.step(w.rejected(probe, { term: 2, hint: id(0, 0) }))).toEqual([
      w.sendsSnapshot(probe + 1, 'b', 2),
    ]);
  });
});
