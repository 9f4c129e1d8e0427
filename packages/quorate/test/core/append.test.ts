import { describe, expect, it } from 'vitest';
import { follower } from './kit.ts';
import * as w from './words.ts';

const { id, entriesAfter } = w;

describe('5.3 Log replication, the follower', () => {
  it('new entries are appended, and accepted once they are durable (bugs 7, 42)', () => {
    const node = follower({ terms: [1, 1] });
    const entries = entriesAfter(2, 1, 1);

    const actions = node.step(w.append(1, 'b', { term: 1, previous: id(1, 2), entries }));

    expect(actions).toEqual([w.writes(1, { append: entries })]);
    expect(node.persist()).toEqual([w.accepts(1, { term: 1, match: 4 })]);
  });

  it('an append whose previous entry is missing is refused with the own last entry as hint', () => {
    const node = follower({ terms: [1, 1] });
    const entries = entriesAfter(5, 1);

    const actions = node.step(w.append(1, 'b', { term: 1, previous: id(1, 5), entries }));

    expect(actions).toEqual([w.rejects(1, { term: 1, hint: id(1, 2) })]);
    expect(node.core.view.last).toEqual(id(1, 2));
  });

  it('an append without entries reports a conflict all the same', () => {
    const node = follower({ term: 3, terms: [1, 1, 2, 2] });

    const actions = node.step(w.append(1, 'b', { term: 3, previous: id(3, 4) }));

    expect(actions).toEqual([w.rejects(1, { term: 3, hint: id(2, 4) })]);
  });

  it('the hint leaps over whole terms that the leader cannot have', () => {
    const node = follower({ term: 9, terms: [1, 1, 1, 4, 4, 4, 4] });

    expect(node.step(w.append(1, 'b', { term: 9, previous: id(3, 6) }))).toEqual([
      w.rejects(1, { term: 9, hint: id(1, 3) }),
    ]);
  });

  it('a conflict removes the entry and all that follow, in one write (bug 25)', () => {
    const node = follower({ term: 3, terms: [1, 2, 2, 2] });
    const entries = entriesAfter(1, 3);

    const actions = node.step(w.append(1, 'b', { term: 3, previous: id(1, 1), entries }));

    expect(actions).toEqual([w.writes(1, { truncate: 1, append: entries })]);
    expect(node.persist()).toEqual([w.accepts(1, { term: 3, match: 2 })]);
    expect(node.core.view.last).toEqual(id(3, 2));
  });

  it('a conflict inside the run keeps what agrees before it', () => {
    const node = follower({ term: 3, terms: [1, 2, 2, 2] });
    const entries = entriesAfter(1, 2, 2, 3, 3);

    const actions = node.step(w.append(1, 'b', { term: 3, previous: id(1, 1), entries }));

    expect(actions).toEqual([w.writes(1, { truncate: 3, append: entries.slice(2) })]);
  });

  it('a repeated append writes nothing and is accepted again', () => {
    const node = follower({ terms: [1] });
    const again = { term: 1, previous: id(1, 1), entries: entriesAfter(1, 1, 1) };
    node.step(w.append(1, 'b', again));
    node.persist();

    expect(node.step(w.append(2, 'b', again))).toEqual([w.accepts(2, { term: 1, match: 3 })]);
    expect(node.core.view.last).toEqual(id(1, 3));
  });

  it('a repeated append is not accepted before the first one is durable (bug 41)', () => {
    const node = follower({ terms: [1] });
    const again = { term: 1, previous: id(1, 1), entries: entriesAfter(1, 1, 1) };
    node.step(w.append(1, 'b', again));

    expect(node.step(w.append(2, 'b', again))).toEqual([]);
    expect(node.persist()).toEqual([
      w.accepts(1, { term: 1, match: 3 }),
      w.accepts(2, { term: 1, match: 3 }),
    ]);
  });

  it('a late append that is a prefix of the log removes nothing (bug 24)', () => {
    const node = follower({ term: 2, terms: [1, 1, 2, 2] });
    node.step(w.append(1, 'b', { term: 2, previous: id(2, 4) }));

    const late = { term: 2, previous: id(0, 0), entries: entriesAfter(0, 1, 1) };
    expect(node.step(w.append(2, 'b', late))).toEqual([w.accepts(2, { term: 2, match: 4 })]);
    expect(node.core.view.last).toEqual(id(2, 4));
  });

  it('an overlapping append adds only what is new (bug 24)', () => {
    const node = follower({ term: 2, terms: [1, 1, 2] });
    const entries = entriesAfter(1, 1, 2, 2, 2);

    const actions = node.step(w.append(1, 'b', { term: 2, previous: id(1, 1), entries }));

    expect(actions).toEqual([w.writes(1, { append: entries.slice(2) })]);
    expect(node.persist()).toEqual([w.accepts(1, { term: 2, match: 5 })]);
  });

  it('appends that overtake each other are refused or accepted, and end in the same log', () => {
    const node = follower({ terms: [1] });
    const first = { term: 1, previous: id(1, 1), entries: entriesAfter(1, 1) };
    const second = { term: 1, previous: id(1, 2), entries: entriesAfter(2, 1) };

    expect(node.step(w.append(1, 'b', second))).toEqual([
      w.rejects(1, { term: 1, hint: id(1, 1) }),
    ]);
    expect(node.step(w.append(2, 'b', first))).toEqual([w.writes(1, { append: first.entries })]);
    expect(node.step(w.append(3, 'b', second))).toEqual([w.writes(2, { append: second.entries })]);
    expect(node.step(w.append(4, 'b', first))).toEqual([]);

    expect(node.persist()).toEqual(
      [2, 3, 4].map((request) => w.accepts(request, { term: 1, match: 3 })),
    );
  });

  it('an append that is never finished is continued by the next', () => {
    const node = follower({ terms: [1] });
    const entries = entriesAfter(1, 1, 1, 1);
    const part = { term: 1, previous: id(1, 1), entries: entries.slice(0, 1) };
    node.step(w.append(1, 'b', part));
    node.persist();

    const whole = { term: 1, previous: id(1, 1), entries };
    expect(node.step(w.append(2, 'b', whole))).toEqual([w.writes(2, { append: entries.slice(1) })]);
  });

  it('what is promised is what was compared, not the whole log (bug 32)', () => {
    const node = follower({ term: 3, terms: [1, 2, 2, 2] });

    expect(node.step(w.append(1, 'b', { term: 3, previous: id(1, 1) }))).toEqual([
      w.accepts(1, { term: 3, match: 1 }),
    ]);
  });

  it('what an old leader had compared is forgotten with its term (bug 32)', () => {
    const node = follower({ term: 2, terms: [1, 2, 2] });
    node.step(w.append(1, 'b', { term: 2, previous: id(2, 3) }));

    node.step(w.append(2, 'c', { term: 3, previous: id(1, 1) }));

    expect(node.persist()).toEqual([w.accepts(2, { term: 3, match: 1 })]);
  });

  it('at or below the commit index nothing is compared, since it always agrees (bug 28)', () => {
    const node = follower({ terms: [1, 1, 1, 1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 3), committed: 3 }));

    const old = { term: 1, previous: id(0, 2) };
    expect(node.step(w.append(2, 'b', old))).toEqual([w.accepts(2, { term: 1, match: 3 })]);
    expect(node.core.view.last).toEqual(id(1, 4));
  });
});

describe('5.3 Commit, the follower', () => {
  it('a follower commits up to the lower of the leader commit and what it verified (bug 23)', () => {
    const node = follower({ term: 3, terms: [1, 1, 2, 2] });

    const actions = node.step(w.append(1, 'b', { term: 3, previous: id(1, 1), committed: 4 }));

    expect(actions).toEqual([w.applies(1), w.accepts(1, { term: 3, match: 1 })]);
    expect(node.core.view.committed).toBe(1);
  });

  it('a follower commits entries that arrive with the commit, and applies them when durable', () => {
    const node = follower({ terms: [1] });
    const entries = entriesAfter(1, 1, 1);

    const append = w.append(1, 'b', { term: 1, previous: id(1, 1), entries, committed: 3 });
    expect(node.step(append)).toEqual([w.writes(1, { append: entries }), w.applies(1)]);
    expect(node.core.view.committed).toBe(3);
    expect(node.persist()).toEqual([w.applies(3), w.accepts(1, { term: 1, match: 3 })]);
  });

  it('a lower commit index of a new leader takes nothing back (bug 30)', () => {
    const node = follower({ terms: [1, 1, 1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 3), committed: 3 }));

    node.step(w.append(2, 'c', { term: 2, previous: id(1, 3), committed: 1 }));

    expect(node.persist()).toEqual([w.accepts(2, { term: 2, match: 3 })]);
    expect(node.core.view.committed).toBe(3);
  });

  it('a commit is applied once', () => {
    const node = follower({ terms: [1, 1] });
    const heartbeat = { term: 1, previous: id(1, 2), committed: 2 };

    expect(node.step(w.append(1, 'b', heartbeat))).toContainEqual(w.applies(2));
    expect(node.step(w.append(2, 'b', heartbeat))).toEqual([w.accepts(2, { term: 1, match: 2 })]);
    expect(node.step(w.applied(2))).toEqual([]);
  });

  it('a leader that contradicts a committed entry stops the node', () => {
    const node = follower({ terms: [1, 1] });
    node.step(w.append(1, 'b', { term: 1, previous: id(1, 2), committed: 2 }));

    const entries = entriesAfter(1, 2);
    expect(() => node.step(w.append(2, 'c', { term: 2, previous: id(1, 1), entries }))).toThrow(
      'committed entry 2 has term 1 here and 2 at c',
    );
  });

  it('a second leader of the own term stops the node', () => {
    const node = follower({ id: 'a', terms: [1], voters: [['a']] });
    node.wake();
    node.persist();

    expect(() => node.step(w.append(1, 'b', { term: 2, previous: id(1, 1) }))).toThrow(
      'b and a must not both lead term 2',
    );
  });
});
