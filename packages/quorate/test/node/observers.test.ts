import { expect, test } from 'vitest';
import { noMembership } from '../../src/core/membership.ts';
import { Counters } from '../../src/node/counters.ts';
import { LatencyRecord } from '../../src/node/latencies.ts';
import type { RaftMetrics } from '../../src/node/metrics.ts';
import { Observers } from '../../src/node/observers.ts';
import { settle } from './virtual-runtime.ts';

const noLogId = { term: 0, index: 0 };

/** A node of which only the term can be seen to change. */
class Model {
  term = 0;
  drawn = 0;
  readonly observers = new Observers(() => this.#draw(), 1000);

  setTerm(term: number): void {
    this.term = term;
    this.observers.changed();
  }

  #draw(): RaftMetrics {
    this.drawn += 1;
    return {
      id: 'a',
      isRunning: true,
      role: 'follower',
      term: this.term,
      leader: undefined,
      purged: noLogId,
      snapshot: noLogId,
      applied: noLogId,
      committed: noLogId,
      durable: noLogId,
      last: noLogId,
      membership: noMembership,
      progress: undefined,
      quorumContactMs: undefined,
      diskSilentMs: 0,
      waiting: { writes: 0, writeBytes: 0, reads: 0, requests: 0, calls: 0 },
      sessions: { open: 0, bytes: 0, expired: 0, refused: 0 },
      counts: new Counters().picture,
      latencies: new LatencyRecord().picture,
      snapshotFailure: undefined,
      quarantine: undefined,
      fatal: undefined,
    };
  }
}

async function termsOf(pictures: AsyncIterable<RaftMetrics>): Promise<number[]> {
  const terms: number[] = [];
  for await (const { term } of pictures) terms.push(term);
  return terms;
}

test('waiting ends at once if the picture fits already', async () => {
  const model = new Model();

  const { term } = await model.observers.waitFor((metrics) => metrics.term === 0, undefined);

  expect(term).toBe(0);
});

test('many changes in one turn are one picture', async () => {
  const model = new Model();
  const found = model.observers.waitFor(({ term }) => term >= 3, undefined);
  const drawnBefore = model.drawn;

  for (let term = 1; term <= 100; term += 1) model.setTerm(term);
  await found;

  expect(model.drawn - drawnBefore).toBe(1);
});

test('no picture is drawn while nobody looks', async () => {
  const model = new Model();

  model.setTerm(1);
  await settle();

  expect(model.drawn).toBe(0);
});

test('an abort ends the wait with its reason, and the test is not asked again', async () => {
  const model = new Model();
  const controller = new AbortController();
  let asked = 0;
  const waiting = model.observers.waitFor(() => {
    asked += 1;
    return false;
  }, controller.signal);

  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  model.setTerm(1);
  await settle();

  expect(asked).toBe(1);
});

test('a test that throws fails its own caller and nobody else', async () => {
  const model = new Model();
  const thrown = model.observers.waitFor(({ term }) => {
    if (term > 0) throw new Error('bad test');
    return false;
  }, undefined);
  const good = model.observers.waitFor(({ term }) => term === 1, undefined);

  model.setTerm(1);

  await expect(thrown).rejects.toThrow('bad test');
  await expect(good).resolves.toMatchObject({ term: 1 });
});

test('a test that throws at the first look rejects', async () => {
  const waiting = new Model().observers.waitFor(() => {
    throw new Error('bad test');
  }, undefined);

  await expect(waiting).rejects.toThrow('bad test');
});

test('at the end the last picture is seen before who still waits is told why', async () => {
  const model = new Model();
  const seesTheEnd = model.observers.waitFor(({ term }) => term === 9, undefined);
  const waitsInVain = model.observers.waitFor(({ term }) => term === 10, undefined);

  model.term = 9;
  model.observers.end(new Error('closed'));

  await expect(seesTheEnd).resolves.toMatchObject({ term: 9 });
  await expect(waitsInVain).rejects.toThrow('closed');
  await expect(model.observers.waitFor(({ term }) => term === 10, undefined)).rejects.toThrow(
    'closed',
  );
  await expect(model.observers.waitFor(({ term }) => term === 9, undefined)).resolves.toBeDefined();
});

test('a slow reader skips to the newest picture and misses no final one', async () => {
  const model = new Model();
  const pictures = model.observers.watch(undefined);
  const first = await pictures.next();

  model.setTerm(1);
  model.setTerm(2);
  await settle();
  const second = await pictures.next();
  const third = pictures.next();
  model.setTerm(3);
  model.observers.end('closed');

  expect([first, second, await third].map(({ value }) => (value as RaftMetrics).term)).toEqual([
    0, 2, 3,
  ]);
  expect((await pictures.next()).done).toBe(true);
});

test('a change between two looks of a reader is not lost', async () => {
  const model = new Model();
  const pictures = model.observers.watch(undefined);
  await pictures.next();

  model.setTerm(1);

  expect((await pictures.next()).value).toMatchObject({ term: 1 });
});

test('several readers see the end, those who came after it too', async () => {
  const model = new Model();
  const early = Promise.all([
    termsOf(model.observers.watch(undefined)),
    termsOf(model.observers.watch(undefined)),
  ]);
  await settle();

  model.setTerm(1);
  await settle();
  model.observers.end('closed');

  expect(await early).toEqual([
    [0, 1, 1],
    [0, 1, 1],
  ]);
  expect(await termsOf(model.observers.watch(undefined))).toEqual([1]);
});

test('an abort ends the reading with its reason', async () => {
  const model = new Model();
  const controller = new AbortController();
  const reading = termsOf(model.observers.watch(controller.signal));
  await settle();

  controller.abort(new Error('enough'));

  await expect(reading).rejects.toThrow('enough');
  await expect(termsOf(model.observers.watch(controller.signal))).rejects.toThrow('enough');
});
