import { describe, expect, test } from 'vitest';

import {
  endsOf,
  pan,
  placeFrom,
  readPositions,
  reveal,
  ticksOf,
  wholeView,
  zoom,
} from './browser/axis.ts';
import { lineOf, describe as wordsFor } from './browser/describe.ts';
import { commandOf } from './browser/keys.ts';
import { logBounds, logCells, windowAtEnd } from './browser/log-table.ts';
import { lastIndexOf, nodeStatesAt, termAt } from './browser/node-states.ts';
import { termCss } from './browser/paint.ts';
import {
  firstPlace,
  placeOfNumber,
  placesAround,
  type StepFilter,
  stepFrom,
} from './browser/stepping.ts';
import { readStory, type Story } from './browser/story.ts';
import { storyOf } from './drawing-kit.ts';
import { madeUpRun } from './made-up-run.ts';
import { tailOfRun } from './tail-of-run.ts';

const all: StepFilter = { group: 'all events', name: '', text: '' };

describe('the state at an event', () => {
  const story = storyOf(
    ['a'],
    [
      { type: 'start', node: 'a' },
      {
        type: 'log',
        node: 'a',
        first: 3,
        terms: [
          [1, 2],
          [4, 1],
        ],
      },
      { type: 'commit', node: 'a', index: 4 },
      { type: 'apply', node: 'a', index: 3 },
      { type: 'crash', node: 'a' },
      { type: 'start', node: 'a' },
      { type: 'wipe', node: 'a' },
    ],
  );
  const stateAt = (place: number) => nodeStatesAt(story, place)[0];

  test('is what the trace has told up to it, and nothing of later', () => {
    expect(stateAt(0)).toMatchObject({ committed: undefined, log: undefined });
    expect(stateAt(2)).toMatchObject({ committed: 4, applied: undefined, log: { first: 3 } });
    expect(stateAt(3)).toMatchObject({ committed: 4, applied: 3, life: { state: 'up' } });
  });

  test('keeps the log over a restart but not what was committed, and neither over a wipe', () => {
    expect(stateAt(4)).toMatchObject({ committed: 4, life: { state: 'down' } });
    expect(stateAt(5)).toMatchObject({ committed: undefined, applied: undefined });
    expect(stateAt(5)?.log).toEqual({
      first: 3,
      terms: [
        [1, 2],
        [4, 1],
      ],
    });
    expect(stateAt(6)?.log).toBeUndefined();
  });

  test('gives the cells of a log: purged, applied, committed, pending, and empty after its end', () => {
    const state = stateAt(3);
    const cells = state === undefined ? [] : logCells(state, { first: 2, count: 5 });

    expect(cells.map((cell) => cell.text)).toEqual(['·', '1', '1', '4', '']);
    expect(cells.map((cell) => cell.term)).toEqual([undefined, 1, 1, 4, undefined]);
    expect(cells.slice(1, 4).map((cell) => [cell.isCommitted, cell.isApplied])).toEqual([
      [true, true],
      [true, false],
      [false, false],
    ]);
  });

  test('shows the end of the longest log', () => {
    const states = nodeStatesAt(story, 3);

    expect(logBounds(states)).toEqual([3, 5]);
    expect(windowAtEnd(states, 4)).toEqual({ first: 3, count: 4 });
    expect(windowAtEnd(states, 20)).toEqual({ first: 1, count: 20 });
    expect(logBounds([])).toEqual([1, 1]);
  });

  test('knows the term of each index', () => {
    const log = {
      first: 3,
      terms: [
        [1, 2],
        [4, 1],
      ],
    } as const;

    expect([2, 3, 4, 5, 6].map((index) => termAt(log, index))).toEqual([
      undefined,
      1,
      1,
      4,
      undefined,
    ]);
    expect(lastIndexOf(log)).toBe(5);
    expect(lastIndexOf({ first: 8, terms: [] })).toBe(7);
  });
});

describe('stepping', () => {
  const story = storyOf(
    ['a', 'b'],
    [
      { type: 'start', node: 'a' },
      { type: 'send', message: 1, kind: 'requestVote', from: 'a', to: 'b', text: 'term 2' },
      { type: 'role', node: 'b', role: 'follower', term: 2 },
      { type: 'deliver', message: 1 },
      { type: 'violation', code: 'S1', text: 'x' },
    ],
  );

  test('stops at every event, and not beyond the ends', () => {
    expect(stepFrom(story, 0, 1, all)).toBe(1);
    expect(stepFrom(story, 0, -1, all)).toBeUndefined();
    expect(stepFrom(story, 4, 1, all)).toBeUndefined();
  });

  test('stops only at what the filter lets through', () => {
    expect(stepFrom(story, 0, 1, { ...all, group: 'roles and faults' })).toBe(2);
    expect(stepFrom(story, 1, 1, { ...all, group: 'messages' })).toBe(3);
    expect(stepFrom(story, 0, 1, { ...all, name: 'b' })).toBe(1);
    expect(stepFrom(story, 3, -1, { ...all, text: 'REQUESTVOTE' })).toBe(1);
    expect(stepFrom(story, 4, -1, { ...all, text: 'nothing of that' })).toBeUndefined();
  });

  test('lists the neighbours in their order with the event itself between', () => {
    expect(placesAround(story, 2, 1, all)).toEqual([1, 2, 3]);
    expect(placesAround(story, 2, 9, { ...all, group: 'messages' })).toEqual([1, 2, 3, 4]);
  });

  test('begins at the violation, and finds an event by its number', () => {
    expect(firstPlace(story)).toBe(4);
    expect(firstPlace(storyOf(['a'], [{ type: 'start', node: 'a' }]))).toBe(0);
    expect(placeOfNumber(story, 3)).toBe(2);
    expect(placeOfNumber(story, 1_000)).toBe(4);
  });

  test('has a key for each way, and leaves the keys of the browser alone', () => {
    const press = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false };

    expect(commandOf({ ...press, key: 'ArrowRight' })).toBe('next');
    expect(commandOf({ ...press, key: 'ArrowRight', shiftKey: true })).toBe('right');
    expect(commandOf({ ...press, key: '+', shiftKey: true })).toBe('zoomIn');
    expect(commandOf({ ...press, key: '+', ctrlKey: true })).toBeUndefined();
    expect(commandOf({ ...press, key: 'constructor' })).toBeUndefined();
  });
});

describe('the axis', () => {
  const at = [0, 0, 0, 5, 5.5, 100];
  const events = at.map((ms, place) => {
    return { number: place + 1, at: ms, type: 'phase', text: '' } as const;
  });
  const positions = readPositions(events, 'time');
  const ends = endsOf(positions);

  test('by time gives events of one moment a space each, and never goes back', () => {
    expect([...positions]).toEqual([0, 1 / 3, 2 / 3, 5, 5.5, 100]);
  });

  test('zooms around a point that stays where it is', () => {
    const whole = wholeView(ends);
    const closer = zoom(whole, 0.5, 30, ends);
    const share = (view: { from: number; to: number }) => (30 - view.from) / (view.to - view.from);

    expect(closer.to - closer.from).toBeCloseTo((whole.to - whole.from) / 2);
    expect(share(closer)).toBeCloseTo(share(whole));
  });

  test('never shows more than the run with some room, however far one zooms or pans', () => {
    const whole = wholeView(ends);

    expect(zoom(whole, 1_000, 3, ends).from).toBeCloseTo(whole.from);
    expect(zoom(whole, 1_000, 3, ends).to).toBeCloseTo(whole.to);
    expect(pan(zoom(whole, 0.2, 50, ends), 1e9, ends).to).toBeLessThan(103);
    expect(pan(zoom(whole, 0.2, 50, ends), -1e9, ends).from).toBeGreaterThan(-3);
    expect(zoom(whole, 1e-9, 50, ends).from).toBeCloseTo(47, 0);
  });

  test('moves only as far as an event needs to be seen', () => {
    const view = zoom(wholeView(ends), 0.3, 20, ends);

    expect(reveal(view, 20, ends)).toBe(view);
    const moved = reveal(view, 80, ends);
    expect(moved.from).toBeLessThan(80);
    expect(moved.to).toBeGreaterThan(80);
  });

  test('has round ticks, and finds the first event of a position', () => {
    expect(ticksOf({ from: -3, to: 42 }, 550)).toEqual([0, 10, 20, 30, 40]);
    expect(placeFrom(positions, 5.2)).toBe(4);
    expect(placeFrom(positions, 101)).toBe(6);
  });

  test('stands still for a run of a single event', () => {
    const single = endsOf(Float64Array.of(0));

    expect(wholeView(single).to).toBeGreaterThan(wholeView(single).from);
  });
});

test('every event of a run has words, and those of a message name both ends', () => {
  const story = readStory(madeUpRun({ seed: 'words', nodes: ['a', 'b', 'c'], eventCount: 3_000 }));

  const types = new Set(story.events.map((event) => event.type));
  const lines = story.events.map((event) => lineOf(story, event));
  const delivered = story.events.find((event) => event.type === 'deliver');

  expect(types.size).toBe(23);
  for (const line of lines) expect(line).not.toMatch(/undefined|NaN|\[object/);
  const words = delivered === undefined ? undefined : wordsFor(story, delivered);
  expect(words?.title).toMatch(/^[abc] → [abc] \w+ arrives/);
  expect(words?.facts.map(([name]) => name)).toEqual([
    'event',
    'time',
    'message',
    'sent',
    'call',
    'under way',
  ]);
});

test('terms that follow each other have colours far apart', () => {
  const hues = Array.from({ length: 40 }, (_unused, term) =>
    Number(/ (\d+)\)$/.exec(termCss(term, 'light'))?.[1]),
  );

  for (const [term, hue] of hues.entries()) {
    const apart = Math.abs(hue - (hues[term + 1] ?? hue + 180));
    expect(Math.min(apart, 360 - apart)).toBeGreaterThan(90);
  }
});

test('the tail of a run tells the same of its last events as the whole run does', () => {
  const run = madeUpRun({ seed: 'tail', nodes: ['a', 'b', 'c', 'd'], eventCount: 4_000 });
  const whole = readStory(run);
  const tail = readStory(tailOfRun(run, 1_000));

  expect(tail.events.length).toBeLessThan(1_200);
  expect(tailOfRun(run, 4_000)).toBe(run);
  const strip = (story: Story, number: number) => {
    const place = placeOfNumber(story, number);
    const cuts = story.cuts.filter((cut) => cut.start <= place && place < cut.end);
    const states = nodeStatesAt(story, place).map(({ node, life, committed, applied, log }) => {
      return {
        node,
        state: life?.state,
        role: life?.role,
        term: life?.term,
        committed,
        applied,
        log,
      };
    });
    return { states, cuts: cuts.map((cut) => `${cut.from} ${cut.to}`).sort() };
  };
  for (let number = 3_001; number <= 4_000; number += 1) {
    expect(strip(tail, number)).toEqual(strip(whole, number));
  }
});
