import { describe, expect, it } from 'vitest';
import { elected, leader } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

describe('5.4.2 Committing entries from previous terms', () => {
  it('an entry of an older term is not committed by counting (figure 8, bug 21)', () => {
    const node = elected({ terms: [1, 2], term: 3 });
    const { calls } = node;
    node.persist();

    expect(node.step(w.accepted(calls, { term: 4, match: 2 }))).toHaveLength(1);
    expect(node.core.view.committed).toBe(0);
  });

  it('an entry of the own term commits everything before it (bug 22)', () => {
    const node = elected({ terms: [1, 1, 2], term: 3 });
    const { calls } = node;
    node.persist();

    expect(node.step(w.accepted(calls, { term: 4, match: 4 }))).toEqual([w.applies(4)]);
    expect(node.core.view.committed).toBe(4);
  });

  it('an entry is committed by a majority, the leader among it, and not by less', () => {
    const node = leader({ terms: [1], voters: [['a', 'b', 'c', 'd', 'e']] });
    const { calls } = node;
    node.step(w.propose(0, 'x'));
    node.persist();

    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([]);
    expect(node.core.view.committed).toBe(2);
    expect(node.step(w.accepted(calls + 2, { term: 2, match: 3 }))).toEqual([w.applies(3)]);
  });

  it('the commit index is the highest that a majority has', () => {
    const node = leader({ terms: [1], voters: [['a', 'b', 'c', 'd', 'e']] });
    const { calls } = node;
    node.step(w.propose(0, 'v', 'x', 'y', 'z'));
    node.persist();

    node.step(w.accepted(calls + 1, { term: 2, match: 6 }));
    node.step(w.accepted(calls + 2, { term: 2, match: 4 }));
    node.step(w.accepted(calls + 3, { term: 2, match: 3 }));

    expect(node.core.view.committed).toBe(4);
  });

  it('the copies of learners count for nothing', () => {
    const node = leader({ terms: [1], learners: ['l', 'm'] });
    const { calls } = node;
    node.step(w.propose(0, 'x'));
    node.persist();

    expect(node.step(w.accepted(calls + 3, { term: 2, match: 3 }))).toEqual([]);
    expect(node.step(w.accepted(calls + 4, { term: 2, match: 3 }))).toEqual([]);
    expect(node.core.view.committed).toBe(2);
  });

  it('a heartbeat that is answered with a higher match commits as well', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.propose(0, 'x'));
    node.persist();
    node.wake();

    expect(node.step(w.accepted(calls + 3, { term: 2, match: 3 }))).toEqual([w.applies(3)]);
  });

  it('what a leader appended stays in its log when it is unseated (bug 32)', () => {
    const node = leader({ terms: [1] });
    node.step(w.propose(0, 'x'));
    node.persist();

    node.step(w.append(1, 'b', { term: 3, previous: id(2, 2) }));

    expect(node.persist()).toEqual([w.accepts(1, { term: 3, match: 2 })]);
    expect(node.core.view.last).toEqual(id(2, 3));
  });
});
