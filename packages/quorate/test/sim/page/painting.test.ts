import { describe, expect, test } from 'vitest';

import type { TraceBody, TraceEvent } from '../trace.ts';
import { endsOf, readPositions, wholeView, zoom } from './browser/axis.ts';
import type { Pen } from './browser/dom.ts';
import { legendEntries } from './browser/legend.ts';
import { buildOverview } from './browser/overview.ts';
import { paint } from './browser/paint.ts';
import { label, line, ring, type Shape } from './browser/shapes.ts';
import { readStory } from './browser/story.ts';
import { drawing, linesOf, send, size, start, storyOf } from './drawing-kit.ts';
import { madeUpRun } from './made-up-run.ts';

describe('a long run', () => {
  const long = readStory(
    madeUpRun({ seed: 'long', nodes: ['a', 'b', 'c', 'd', 'e'], eventCount: 50_000 }),
  );

  test('costs only what is visible', () => {
    const { shapes, oneLegOf } = drawing(long, { from: 25_000, to: 25_070 });

    expect(oneLegOf).toBe(1);
    expect(shapes.length).toBeLessThan(600);
    const outside = shapes.filter(
      (shape) => shape.type === 'polygon' && Math.min(...shape.points) > size.width + 500,
    );
    expect(outside).toEqual([]);
  });

  test('as a whole is thinned out and says so, and keeps the violation', () => {
    const { shapes, oneLegOf } = drawing(long);

    expect(oneLegOf).toBeGreaterThan(1);
    expect(shapes.length).toBeLessThan(20_000);
    expect(shapes).toContainEqual(
      expect.objectContaining({ type: 'label', text: '✗ S8 leader-completeness' }),
    );
  });

  test('has a mark for each fault, however many events are around it', () => {
    const faults: readonly TraceBody[] = [start('a'), { type: 'crash', node: 'a' }];
    const calm = Array.from({ length: 6_000 }, (_unused, index): TraceBody => {
      return { type: 'commit', node: 'a', index };
    });

    const { shapes } = drawing(storyOf(['a'], [...faults, ...faults, ...faults, ...calm]));

    const crosses = [1, 3, 5].map((place) => {
      return linesOf(shapes, place).filter((stroke) => stroke.color === 'bad').length;
    });
    expect(crosses).toEqual([2, 2, 2]);
  });

  test('has a strip with all nodes, the violation, and a frame around the view', () => {
    const positions = readPositions(long.events, 'events');
    const whole = wholeView(endsOf(positions));
    const view = zoom(whole, 0.1, 25_000, endsOf(positions));

    const shapes = buildOverview(long, positions, view, { whole, width: 1000, current: 0 });

    const veils = shapes.filter((shape) => shape.type === 'shade');
    const visible = 1000 - veils.reduce((sum, veil) => sum + veil.width, 0);
    expect(visible).toBeCloseTo(100, 3);
    expect(shapes.filter((shape) => shape.type === 'line' && shape.color === 'bad')).toHaveLength(
      1,
    );
  });
});

test('the legend shows a sample of everything that the diagram draws', () => {
  const words = legendEntries()
    .map((entry) => entry.text)
    .join('; ');

  for (const word of [
    'term',
    'leader',
    'down',
    'paused',
    'lost',
    'committed',
    'applied',
    'crash',
  ]) {
    expect(words).toContain(word);
  }
  for (const entry of legendEntries()) expect(entry.shapes.length).toBeGreaterThan(0);
});

test('a node, a client or a message that the file does not list is drawn all the same', () => {
  const strange: readonly TraceBody[] = [
    start('late'),
    { type: 'deliver', message: 99 },
    send(1, 'a', 'later'),
  ];

  const story = storyOf(['a'], strange);

  expect(story.nodes).toEqual(['a', 'late', 'later']);
  expect(() => drawing(story)).not.toThrow();
  expect(story.events satisfies readonly TraceEvent[]).toHaveLength(3);
});

test('the pen draws every shape, and lines of one look in one stroke', () => {
  const calls: string[] = [];
  const pen = new Proxy({} as Pen, {
    get:
      (_pen, name) =>
      (...values: readonly unknown[]) => {
        calls.push(`${String(name)} ${values.join(' ')}`);
      },
    set: () => true,
  });
  const shapes: readonly Shape[] = [
    line([0, 1, 2, 3], 'ink', 1),
    line([4, 5, 6, 7], 'ink', 1),
    line([8, 9, 10, 11], 'bad', 1),
    ring([50, 50, 5], 3, 'good'),
    label(1, 2, 'words', { angle: 1 }),
    { type: 'shade', x: 1, y: 2, width: 9, height: 9, color: 'cut', opacity: 1, hatch: 'none' },
  ];

  paint(pen, shapes, (color) => color);

  const strokes = calls.filter((call) => call.startsWith('stroke '));
  expect(strokes).toHaveLength(3);
  expect(calls.slice(0, 7)).toEqual([
    'beginPath ',
    'setLineDash ',
    'moveTo 0 1',
    'lineTo 2 3',
    'moveTo 4 5',
    'lineTo 6 7',
    'stroke ',
  ]);
  expect(calls).toContain('fillText words 0 0');
  expect(calls).toContain('fillRect 1 2 9 9');
});
