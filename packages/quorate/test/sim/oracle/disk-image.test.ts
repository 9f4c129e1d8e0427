import { expect, test } from 'vitest';
import { DurableModel } from '../durable.ts';
import { Image } from './disk-image.ts';
import { Model } from './model.ts';
import { codeOf, OracleBench } from './oracle-bench.ts';
import type { Replayed } from './replay.ts';

/** A disk that holds `content`, of which `acknowledged` was promised. */
function check(
  bench: OracleBench,
  {
    content,
    acknowledged = content,
    state,
    replayed = empty,
  }: {
    content: DurableModel;
    acknowledged?: DurableModel;
    state?: Replayed;
    replayed?: Replayed;
  },
): string {
  const image = new Image('a', { content, state, replayed, acknowledged });
  const sessions = new Map([[0, 'none']]);
  return codeOf(() => image.checkAgainst(bench.ledger, new Model(), sessions));
}

/** Nothing was applied. */
const empty: Replayed = { index: 0, digest: new Model().digestAt(0), sessions: 'none' };

function durable(bench: OracleBench, terms: readonly number[]): DurableModel {
  const model = new DurableModel();
  model.vote = { term: 2, votedFor: 'a' };
  model.entries = terms.map((term, at) => bench.entry(term, at + 1));
  return model;
}

test('a disk that has what it acknowledged is fine, and one that has less is seen (E5)', () => {
  const bench = new OracleBench();
  const acknowledged = durable(bench, [1, 2]);

  expect(check(bench, { content: acknowledged })).toBe('none');
  expect(check(bench, { content: durable(bench, [1]), acknowledged })).toBe('E5');
  const forgetful = durable(bench, [1, 2]);
  forgetful.vote = { term: 1, votedFor: 'a' };
  expect(check(bench, { content: forgetful, acknowledged })).toBe('E5');
});

test('a log that was emptied by a purge of what it held in another form lacks nothing', () => {
  const bench = new OracleBench();
  const acknowledged = durable(bench, [1, 1, 1]);
  const emptied = (term: number): DurableModel => {
    const content = durable(bench, []);
    content.purged = { term, index: 2 };
    return content;
  };

  expect(check(bench, { content: emptied(2), acknowledged })).toBe('none');
  expect(check(bench, { content: emptied(1), acknowledged })).toBe('E5');
});

test('an entry with another content than was made, and a wrong snapshot, are seen (E7)', () => {
  const bench = new OracleBench();
  const logId = bench.lead('a', 2);
  const content = durable(bench, [0, 2]);
  expect(logId).toEqual({ term: 2, index: 2 });

  expect(check(bench, { content })).toBe('E7');
  const state = { ...empty, digest: '3-deadbeef' };
  expect(check(bench, { content: durable(bench, []), state })).toBe('E7');
});

test('a disk from which a start leads to another state or to other sessions is seen (E7)', () => {
  const bench = new OracleBench();
  const content = durable(bench, []);
  const replayed = (other: Partial<Replayed>): string =>
    check(bench, { content, replayed: { ...empty, ...other } });

  expect(replayed({})).toBe('none');
  expect(replayed({ digest: '3-deadbeef' })).toBe('E7');
  expect(replayed({ sessions: '[]' })).toBe('E7');
});
