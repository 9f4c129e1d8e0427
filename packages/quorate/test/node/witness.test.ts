import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import type { Action } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import { OverloadedError } from '../../src/errors.ts';
import { Witness } from '../../src/node/witness.ts';
import { follower, leader, type TestNode } from '../core/kit.ts';
import { accepted, persisted, propose, quarantine, sent, unanswered } from '../core/words.ts';

const silentMs = 1000;

/** A core whose steps are witnessed from now on, with a clock of the test's. */
class Model {
  readonly node: TestNode;
  /** Warnings and errors. */
  readonly lines: string[] = [];
  readonly witness: Witness;

  constructor(node: TestNode) {
    this.node = node;
    const ignore = (): void => undefined;
    const note = (_fields: object, message: string): void => void this.lines.push(message);
    const logger = { debug: ignore, info: ignore, warn: note, error: note };
    this.witness = new Witness({ id: 'a', logger, silentMs });
    this.witness.started(node.state);
  }

  step(event: Event): readonly Action[] {
    const actions = this.node.step(event);
    this.witness.saw(event, actions, this.node.state);
    return actions;
  }
}

test('persist goes from the wish to the report, and commit from the log to the quorum', () => {
  const model = new Model(leader({ voters: [['a']] }));
  const { node, witness } = model;

  model.step(propose(1, 'x', 'y'));
  node.elapse(7);
  model.step(propose(2, 'z'));
  node.elapse(3);
  model.step(persisted(node.writes));

  const { persist, commit, replicate } = witness.latencies.picture;
  expect(persist).toMatchObject({ count: 2, totalMs: 13, maxMs: 10 });
  expect(commit).toMatchObject({ count: 2, totalMs: 13, maxMs: 10 });
  expect(replicate.count).toBe(0);
});

test('replicate goes from an append to its answer, and heartbeats do not count', () => {
  const model = new Model(leader());
  const { node, witness } = model;
  const { term, last } = node.core.view;

  const actions = model.step(propose(1, 'x', 'y'));
  const calls = actions.flatMap((action) => (action.type === 'replicate' ? action.call : []));
  for (const call of calls) model.step(sent(call, last.index + 2));
  node.elapse(8);
  for (const call of calls) model.step(accepted(call, { term, match: last.index + 2 }));
  node.elapse(100);
  const beats = model.step({ type: 'wake' });
  for (const beat of beats) {
    if (beat.type !== 'replicate') continue;
    model.step(accepted(beat.call, { term, match: last.index + 2 }));
  }

  expect(calls).toHaveLength(2);
  expect(witness.latencies.picture.replicate).toMatchObject({ count: 2, totalMs: 16 });
  expect(witness.counters).toMatchObject({ appendsSent: 2, entriesSent: 4, heartbeatsSent: 2 });
});

test('an append that is answered at once counts as sent, also if nobody said so', () => {
  const model = new Model(leader());
  const { node, witness } = model;
  const { term, last } = node.core.view;

  const actions = model.step(propose(1, 'x', 'y'));
  for (const action of actions) {
    if (action.type !== 'replicate') continue;
    model.step(accepted(action.call, { term, match: last.index + 2 }));
  }

  expect(witness.counters).toMatchObject({ appendsSent: 2, entriesSent: 4 });
});

test('what an old leader had under way is not timed as a commit of another', () => {
  const model = new Model(leader());
  const { node, witness } = model;
  const { term, last } = node.core.view;
  model.step(propose(1, 'x'));

  const rpc = { term: term + 1, leader: 'b', previous: last, entries: [], committed: 0 };
  model.step({ type: 'appendEntries', request: 2, rpc });
  model.step(persisted(node.writes));
  const logId = { term: term + 1, index: last.index + 1 };
  const entries = [{ logId, payload: { type: 'blank' } as const }];
  const next = { ...rpc, entries, committed: logId.index };
  model.step({ type: 'appendEntries', request: 3, rpc: next });
  model.step(persisted(node.writes));

  expect(node.state.committed).toBe(logId.index);
  expect(witness.latencies.picture.commit.count).toBe(0);
});

test('a follower is silent once it has not answered for long, and again after it came back', () => {
  const model = new Model(leader());
  const { node, lines } = model;
  let isSilent = true;
  const beat = (): void => {
    node.elapse(100);
    for (const action of model.step({ type: 'wake' })) {
      if (action.type !== 'replicate') continue;
      const { term, last } = node.core.view;
      if (action.to === 'c' && isSilent) model.step(unanswered(action.call));
      else model.step(accepted(action.call, { term, match: last.index }));
    }
  };

  for (let at = 0; at < 5; at += 1) beat();
  expect(lines).toEqual([]);
  for (let at = 0; at < 15; at += 1) beat();
  expect(lines).toEqual(['a member does not answer']);
  isSilent = false;
  for (let at = 0; at < 3; at += 1) beat();
  isSilent = true;
  for (let at = 0; at < 15; at += 1) beat();

  expect(node.core.view.role).toBe('leader');
  expect(lines).toEqual(['a member does not answer', 'a member does not answer']);
});

test('a node in quarantine says so once, as an error and on its channel', () => {
  const model = new Model(follower());
  const heard: unknown[] = [];
  const listener = (message: unknown): void => void heard.push(message);
  subscribe('quorate:quarantine', listener);

  model.step(quarantine('another disk'));
  model.step(quarantine('another disk'));
  unsubscribe('quorate:quarantine', listener);

  expect(heard).toEqual([{ node: 'a', reason: 'another disk' }]);
  expect(model.lines).toEqual(['is in quarantine']);
});

test('only what finds no room is counted as overload', () => {
  const { witness } = new Model(follower());

  witness.turnedAway(new RangeError('too large'));
  witness.turnedAway(new OverloadedError('full'));

  expect(witness.counters.picture.refused.overloaded).toBe(1);
});

test('a picture of the counts does not change afterwards', () => {
  const { witness } = new Model(follower());
  const before = witness.counters.picture;

  witness.snapshotNotBuilt(new Error('no room'));
  witness.turnedAway(new OverloadedError('full'));

  expect(before).toMatchObject({ snapshotsFailed: 0, refused: { overloaded: 0 } });
});
