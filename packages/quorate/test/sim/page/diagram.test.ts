import { describe, expect, test } from 'vitest';

import type { TraceBody } from '../trace.ts';
import { endsOf, readPositions, wholeView } from './browser/axis.ts';
import { geometryOf } from './browser/geometry.ts';
import { placeAt } from './browser/hit.ts';
import { buildScene } from './browser/scene.ts';
import { drawing, linesOf, role, send, size, start, storyOf } from './drawing-kit.ts';

/** One of each type, in an order in which each has something to show. */
const oneOfEach: readonly TraceBody[] = [
  { type: 'phase', text: 'chaos' },
  start('a'),
  start('b'),
  role('a', 'leader', 1),
  { type: 'log', node: 'a', first: 1, terms: [[1, 2]] },
  send(1, 'a', 'b'),
  { type: 'deliver', message: 1 },
  { type: 'answer', message: 1 },
  send(2, 'a', 'b'),
  { type: 'lose', message: 2 },
  send(3, 'a', 'b'),
  { type: 'deliver', message: 3 },
  { type: 'loseAnswer', message: 3 },
  { type: 'commit', node: 'a', index: 2 },
  { type: 'apply', node: 'a', index: 2 },
  { type: 'disk', node: 'b', text: 'a torn write' },
  { type: 'clock', node: 'b', text: 'jumps' },
  { type: 'cut', links: [['a', 'b']] },
  { type: 'heal', links: [['a', 'b']] },
  { type: 'call', client: 'c1', operation: 1, node: 'a', text: 'set x 1' },
  { type: 'return', client: 'c1', operation: 1, node: 'a', text: 'ok' },
  { type: 'pause', node: 'b' },
  { type: 'resume', node: 'b' },
  { type: 'crash', node: 'b' },
  { type: 'wipe', node: 'b' },
  { type: 'close', node: 'a' },
  { type: 'violation', code: 'S1', text: 'two leaders' },
];

test('every type of event has a mark that points back to it', () => {
  const story = storyOf(['a', 'b'], oneOfEach);

  const { shapes } = drawing(story);

  // Rank 0 is a mark or an end of an arrow: a line that begins there would not be one.
  const marks = shapes.flatMap((shape) => ('target' in shape ? (shape.target ?? []) : []));
  const marked = new Set(marks.flatMap(({ place, rank }) => (rank === 0 ? [place] : [])));
  const unmarked = story.events.filter((_event, place) => !marked.has(place));
  expect(unmarked.map((event) => event.type)).toEqual([]);
  expect(new Set(oneOfEach.map((body) => body.type)).size).toBe(23);
});

test('the point where an event is drawn leads back to it', () => {
  const story = storyOf(['a', 'b'], oneOfEach);
  const positions = readPositions(story.events, 'events');
  const view = wholeView(endsOf(positions));
  const { shapes } = buildScene(story, { positions, view, size, current: 0 });
  const geometry = geometryOf(story, positions, view, size);

  const place = oneOfEach.findIndex((body) => body.type === 'disk');

  expect(placeAt(shapes, geometry.x(place) + 2, geometry.y('b') ?? 0)).toBe(place);
  expect(placeAt(shapes, geometry.x(place), 1)).toBeUndefined();
});

describe('messages', () => {
  test('go from the sending on one row to the arrival on the other', () => {
    const story = storyOf(
      ['a', 'b'],
      [start('a'), send(1, 'a', 'b'), start('b'), { type: 'deliver', message: 1 }],
    );
    const positions = readPositions(story.events, 'events');
    const view = wholeView(endsOf(positions));
    const geometry = geometryOf(story, positions, view, size);

    const { shapes } = drawing(story);

    const [arrow] = linesOf(shapes, 1);
    expect(arrow).toMatchObject({ x1: geometry.x(1), y1: geometry.y('a') });
    expect(arrow).toMatchObject({ x2: geometry.x(3), y2: geometry.y('b') });
  });

  test('that are lost end between the rows with a cross', () => {
    const story = storyOf(
      ['a', 'b'],
      [start('a'), start('b'), send(1, 'a', 'b'), { type: 'lose', message: 1 }],
    );
    const geometry = geometryOf(story, Float64Array.of(0, 1, 2, 3), { from: 0, to: 4 }, size);

    const { shapes } = drawing(story);

    const [arrow] = linesOf(shapes, 2);
    const cross = linesOf(shapes, 3).filter((stroke) => stroke.color === 'bad');
    expect(arrow?.y2).toBeGreaterThan(geometry.y('a') ?? 0);
    expect(arrow?.y2).toBeLessThan(geometry.y('b') ?? 0);
    expect(cross).toHaveLength(2);
    expect(((cross[0]?.y1 ?? 0) + (cross[0]?.y2 ?? 0)) / 2).toBeCloseTo(arrow?.y2 ?? 0);
  });

  test('that are delivered twice arrive twice, and the answer starts at the first arrival', () => {
    const story = storyOf(
      ['a', 'b'],
      [
        send(7, 'a', 'b'),
        { type: 'deliver', message: 7 },
        { type: 'deliver', message: 7 },
        { type: 'answer', message: 7 },
      ],
    );

    const legs = story.legs.map(({ way, start: from, end }) => [way, from, end]);
    expect(legs).toEqual([
      ['call', 0, 1],
      ['call', 0, 2],
      ['answer', 1, 3],
    ]);
  });

  test('of which the run ends before they arrive are open', () => {
    const story = storyOf(['a', 'b'], [send(1, 'a', 'b')]);

    expect(story.legs).toMatchObject([{ outcome: 'open', start: 0, end: 0 }]);
  });
});

describe('the line of a node', () => {
  test('has the colour of its term, is thick for the leader, and has a gap after a crash', () => {
    const story = storyOf(
      ['a'],
      [start('a'), role('a', 'leader', 3), { type: 'crash', node: 'a' }, start('a')],
    );

    const { shapes } = drawing(story);

    const stretches = [0, 1, 2].map((place) =>
      linesOf(shapes, place).find((stroke) => stroke.x2 - stroke.x1 > 50),
    );
    expect(stretches[0]).toMatchObject({ color: 'muted', width: 2.5 });
    expect(stretches[1]).toMatchObject({ color: 'term 3', width: 8 });
    expect(stretches[2]).toMatchObject({ color: 'grid', dash: 'dotted', width: 1 });
  });

  test('is dashed while it is paused, and has the leader of before after that', () => {
    const story = storyOf(
      ['a'],
      [
        start('a'),
        role('a', 'leader', 1),
        { type: 'pause', node: 'a' },
        { type: 'resume', node: 'a' },
      ],
    );

    const states = story.lives
      .get('a')
      ?.map((life) => [life.state, life.role, life.start, life.end]);

    expect(states).toEqual([
      ['up', 'started', 0, 1],
      ['up', 'leader', 1, 2],
      ['paused', 'leader', 2, 3],
      ['up', 'leader', 3, 4],
    ]);
  });
});

describe('cuts', () => {
  const bothWays = (a: string, b: string) =>
    [
      [a, b],
      [b, a],
    ] as const;

  test('shade most where all links across are cut, and less where some are', () => {
    const links = [...bothWays('a', 'c'), ...bothWays('b', 'c')];
    const story = storyOf(
      ['a', 'b', 'c'],
      [{ type: 'cut', links }, start('a'), { type: 'heal', links }],
    );

    expect(story.bands).toEqual([
      { row: 0, start: 0, end: 2, downwards: 0.5, upwards: 0.5 },
      { row: 1, start: 0, end: 2, downwards: 1, upwards: 1 },
    ]);
  });

  test('in one direction have a hatch that leans one way, and last to the end unless healed', () => {
    const story = storyOf(
      ['a', 'b'],
      [start('a'), { type: 'cut', links: [['b', 'a']] }, start('b')],
    );

    const { shapes } = drawing(story);

    expect(shapes.filter((shape) => shape.type === 'shade')).toMatchObject([{ hatch: 'upwards' }]);
    expect(story.cuts).toEqual([{ from: 'b', to: 'a', start: 1, end: 3 }]);
  });
});
