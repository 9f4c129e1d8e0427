import { describe, expect, it } from 'vitest';
import { elected, heartbeatMs, leader, type Setup, type TestNode } from './kit.ts';
import * as w from './words.ts';

const { id } = w;

/** A leader of two with index 1 of term 1 and its blank entry 2: one follower to look at. */
const pair: Setup = { terms: [1], voters: [['a', 'b']] };

/** Appends one command each, and lets none of it become durable. */
function proposeAll(node: TestNode, ...names: readonly string[]): void {
  for (const name of names) node.step(w.propose(0, name));
}

describe('5.3 Replication, the leader: one call after another', () => {
  it('a new leader tries its last entry first, one call at a time', () => {
    const node = elected(pair);
    const { calls } = node;

    proposeAll(node, 'x', 'y');

    expect(node.calls).toBe(calls);
    expect(node.step(w.sent(calls, 2))).toEqual([]);
  });

  it('an accepted probe opens the window from the entry after the match', () => {
    const node = elected(pair);
    const { calls } = node;
    proposeAll(node, 'x');
    node.step(w.sent(calls, 2));

    const range = { term: 2, previous: id(2, 2), last: 3, committed: 0 };
    expect(node.step(w.accepted(calls, { term: 2, match: 2 }))).toEqual([
      w.sends(calls + 1, 'b', range),
    ]);
  });

  it('a call goes as far as was sent, and the next begins there without an answer', () => {
    const node = leader(pair);
    const { calls } = node;
    node.step(w.propose(0, 'v', 'x', 'y'));

    const range = { term: 2, previous: id(2, 3), last: 5, committed: 2 };
    expect(node.step(w.sent(calls + 1, 3))).toEqual([w.sends(calls + 2, 'b', range)]);
    expect(node.step(w.sent(calls + 2, 5))).toEqual([]);
  });

  it('nothing follows a call until it is known how far that call goes', () => {
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x', 'y', 'z');

    expect(node.calls).toBe(calls + 1);
    const range = { term: 2, previous: id(2, 3), last: 5, committed: 2 };
    expect(node.step(w.sent(calls + 1, 3))).toEqual([w.sends(calls + 2, 'b', range)]);
  });

  it('an answer to all of a call that comes at once says how far the call went', () => {
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x', 'y');

    const range = { term: 2, previous: id(2, 3), last: 4, committed: 2 };
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([
      w.sends(calls + 2, 'b', range),
    ]);
    expect(node.step(w.sent(calls + 1, 3))).toEqual([]);
  });

  it('a full window sends nothing more until an answer makes room', () => {
    const node = leader({ ...pair, options: { maxInflightAppends: 2 } });
    const { calls } = node;
    node.step(w.propose(0, 'v', 'x', 'y'));
    node.step(w.sent(calls + 1, 3));

    expect(node.step(w.sent(calls + 2, 4))).toEqual([]);
    const range = { term: 2, previous: id(2, 4), last: 5, committed: 2 };
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([
      w.sends(calls + 3, 'b', range),
    ]);
  });

  it('a window of one waits for each answer', () => {
    const node = leader({ ...pair, options: { maxInflightAppends: 1 } });
    const { calls } = node;
    node.step(w.propose(0, 'x', 'y'));

    expect(node.step(w.sent(calls + 1, 3))).toEqual([]);
    const range = { term: 2, previous: id(2, 3), last: 4, committed: 2 };
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([
      w.sends(calls + 2, 'b', range),
    ]);
  });

  it('a report of what was sent for a call that was answered meanwhile changes nothing', () => {
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x');
    node.step(w.accepted(calls + 1, { term: 2, match: 3 }));

    expect(node.step(w.sent(calls + 1, 3))).toEqual([]);
    expect(node.calls).toBe(calls + 1);
  });

  it('the match is what the follower reports, not what was sent (bug 33)', () => {
    const node = leader(pair);
    const { calls } = node;
    node.step(w.propose(0, 'x', 'y'));
    node.step(w.sent(calls + 1, 4));
    node.persist();

    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([w.applies(3)]);
    expect(node.core.view.committed).toBe(3);
  });

  it('answers that overtake each other never lower a match (bug 31)', () => {
    const node = leader(pair);
    const { calls } = node;
    node.step(w.propose(0, 'x', 'y'));
    node.step(w.sent(calls + 1, 3));
    node.step(w.sent(calls + 2, 4));
    node.persist();

    expect(node.step(w.accepted(calls + 2, { term: 2, match: 4 }))).toEqual([w.applies(4)]);
    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([]);
    expect(node.state.leadership?.progress.get('b')?.matchIndex).toBe(4);
  });

  it('an answer that comes twice counts once', () => {
    const node = leader({ ...pair, options: { maxInflightAppends: 1 } });
    const { calls } = node;
    node.step(w.propose(0, 'x', 'y', 'z'));
    node.step(w.sent(calls + 1, 3));
    node.step(w.accepted(calls + 1, { term: 2, match: 3 }));

    expect(node.step(w.accepted(calls + 1, { term: 2, match: 3 }))).toEqual([]);
    expect(node.step(w.rejected(calls + 1, { term: 2, hint: id(0, 0) }))).toEqual([]);
    expect(node.calls).toBe(calls + 2);
  });

  it('an answer may tell of more than a call that waits for its report will send', () => {
    // An append from before the window was given up arrives late, and a heartbeat tells of it.
    const node = leader(pair);
    const { calls } = node;
    node.step(w.propose(0, 'v', 'x', 'y', 'z'));
    node.step(w.sent(calls + 1, 4));
    node.step(w.unanswered(calls + 2));
    node.step(w.unanswered(calls + 1));
    node.wake();
    const heartbeat = node.calls;
    node.elapse(heartbeatMs);
    node.step(w.wake);
    const late = node.calls;
    node.step(w.accepted(heartbeat, { term: 2, match: 2 }));
    const probe = node.calls;
    node.step(w.sent(probe, 3));
    node.step(w.accepted(probe, { term: 2, match: 3 }));
    const next = node.calls;
    node.step(w.accepted(late, { term: 2, match: 5 }));

    const range = { term: 2, previous: id(2, 5), last: 6, committed: 2 };
    expect(node.step(w.sent(next, 4))).toEqual([w.sends(next + 1, 'b', range)]);
  });
});

describe('5.3 Replication, the leader: calls that fail', () => {
  it('a call that stays unanswered gives up the window, and entries wait for any answer', () => {
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x');
    node.step(w.sent(calls + 1, 3));

    expect(node.step(w.unanswered(calls + 1))).toEqual([]);
    proposeAll(node, 'y');
    expect(node.calls).toBe(calls + 1);
  });

  it('heartbeats go on while entries wait, and their answer lets the entries go again', () => {
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x');
    node.step(w.unanswered(calls + 1));

    const heartbeat = { term: 2, previous: id(2, 2), last: 2, committed: 2 };
    expect(node.wake()).toEqual([w.sends(calls + 2, 'b', heartbeat)]);
    const range = { term: 2, previous: id(2, 2), last: 3, committed: 2 };
    expect(node.step(w.accepted(calls + 2, { term: 2, match: 2 }))).toEqual([
      w.sends(calls + 3, 'b', range),
    ]);
  });

  it('a refusal of a pipelined call goes back to probing, and later refusals say nothing', () => {
    const node = leader(pair);
    const { calls } = node;
    node.step(w.propose(0, 'x', 'y'));
    node.step(w.sent(calls + 1, 3));
    node.step(w.sent(calls + 2, 4));

    const range = { term: 2, previous: id(2, 2), last: 4, committed: 2 };
    expect(node.step(w.rejected(calls + 2, { term: 2, hint: id(2, 2) }))).toEqual([
      w.sends(calls + 3, 'b', range),
    ]);
    expect(node.step(w.rejected(calls + 1, { term: 2, hint: id(1, 1) }))).toEqual([]);
  });

  it('a call of a window that was given up does not make room in the next', () => {
    const node = leader(pair);
    const { calls } = node;
    node.step(w.propose(0, 'x', 'y'));
    node.step(w.sent(calls + 1, 3));
    node.step(w.sent(calls + 2, 4));
    node.step(w.rejected(calls + 2, { term: 2, hint: id(2, 2) }));

    expect(node.step(w.accepted(calls + 1, { term: 2, match: 2 }))).toEqual([]);
    expect(node.state.leadership?.progress.get('b')).toMatchObject({ state: 'probe', inflight: 1 });
  });

  it('a refusal never takes the next entry back to what is known to match', () => {
    // A follower that forgot what it once had on disk is asked again once a heartbeat, not for
    // ever.
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x');

    expect(node.step(w.rejected(calls + 1, { term: 2, hint: id(0, 0) }))).toEqual([]);
    node.wake();
    const range = { term: 2, previous: id(2, 2), last: 3, committed: 2 };
    expect(node.step(w.accepted(calls + 2, { term: 2, match: 0 }))).toEqual([
      w.sends(calls + 3, 'b', range),
    ]);
  });

  it('one follower that does not answer holds up nobody else', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.propose(0, 'x'));
    node.step(w.unanswered(calls + 1));
    node.step(w.sent(calls + 2, 3));
    node.persist();

    expect(node.step(w.accepted(calls + 2, { term: 2, match: 3 }))).toEqual([w.applies(3)]);
  });

  it('heartbeats to a follower that never answers stop when enough are under way', () => {
    const node = leader({ ...pair, options: { checkQuorum: false } });
    const { calls } = node;

    for (let beat = 0; beat < 50; beat += 1) node.wake();
    expect(node.calls).toBe(calls + 21);
    node.step(w.unanswered(calls + 1));
    expect(node.wake()).toHaveLength(1);
  });

  it('a heartbeat overtakes entries, since its previous entry is the match', () => {
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x');
    node.step(w.sent(calls + 1, 3));

    const heartbeat = { term: 2, previous: id(2, 2), last: 2, committed: 2 };
    expect(node.wake()).toEqual([w.sends(calls + 2, 'b', heartbeat)]);
  });

  it('a follower that claims more than the leader has stops the leader', () => {
    const node = leader(pair);
    node.wake();

    expect(() => node.step(w.accepted(node.calls, { term: 2, match: 9 }))).toThrow(
      'b cannot have 9 of a log that ends at 2',
    );
  });

  it('a leader never changes what it has, whatever it is answered', () => {
    const node = leader(pair);
    const { calls } = node;
    proposeAll(node, 'x', 'y');

    node.step(w.rejected(calls + 1, { term: 2, hint: id(0, 0) }));

    expect(node.core.view.last).toEqual(id(2, 4));
  });
});

describe('5.3 News of a commit', () => {
  it('idle followers hear of a commit within a tenth of the heartbeat interval', () => {
    const node = leader({ terms: [1] });
    const { calls, now } = node;
    node.step(w.propose(0, 'x'));
    node.step(w.sent(calls + 1, 3));
    node.step(w.sent(calls + 2, 3));
    node.persist();
    node.step(w.accepted(calls + 1, { term: 2, match: 3 }));
    node.step(w.accepted(calls + 2, { term: 2, match: 3 }));

    expect(node.core.wakeAt).toBe(now + heartbeatMs / 10);
    const news = { term: 2, previous: id(2, 3), last: 3, committed: 3 };
    expect(node.wake()).toEqual([w.sends(calls + 3, 'b', news), w.sends(calls + 4, 'c', news)]);
    expect(node.core.wakeAt).toBe(node.now + heartbeatMs);
  });

  it('a follower whose entries are under way when the beat comes is told shortly after its answer', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.propose(0, 'x'));
    node.step(w.sent(calls + 1, 3));
    node.step(w.sent(calls + 2, 3));
    node.persist();
    node.step(w.accepted(calls + 1, { term: 2, match: 3 }));
    node.wake();
    node.step(w.accepted(calls + 2, { term: 2, match: 3 }));

    expect(node.core.wakeAt).toBe(node.now + heartbeatMs / 10);
    const news = { term: 2, previous: id(2, 3), last: 3, committed: 3 };
    expect(node.wake()).toEqual([w.sends(calls + 4, 'c', news)]);
  });

  it('a follower that heard of a commit with its entries is not told again', () => {
    const node = leader({ terms: [1] });
    const { calls } = node;
    node.step(w.propose(0, 'x'));
    node.step(w.sent(calls + 1, 3));
    node.step(w.sent(calls + 2, 3));
    node.persist();
    node.step(w.accepted(calls + 1, { term: 2, match: 3 }));
    node.step(w.propose(0, 'y'));

    // One call to b and one to c are under way, and both carry entry 4 and the commit of 3.
    node.step(w.sent(calls + 3, 4));
    node.step(w.sent(calls + 4, 4));
    expect(node.wake()).toEqual([]);
  });
});
