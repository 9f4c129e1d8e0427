import type { TraceEvent } from '../../trace.ts';
import { type Geometry, topMargin } from './geometry.ts';
import { glyphOf } from './glyphs.ts';
import { lifeAt } from './node-states.ts';
import type { EventType } from './run.ts';
import { shorten, termColor, type Visible } from './scene-rows.ts';
import { type Color, label, line, type Shape } from './shapes.ts';
import { rowOfEvent, type Story } from './story.ts';

/** What is rare and must never be thinned out. */
const rare = new Set<EventType>([
  ...(['start', 'crash', 'close', 'pause', 'resume', 'wipe', 'cut', 'heal', 'phase'] as const),
  'violation',
]);

/** From so many events in the view on, marks need more room to be told apart. */
const crowd = 4_000;

/** The marks on the rows. Where several of one type are too close, the first stands for them. */
export function glyphShapes(story: Story, geometry: Geometry, visible: Visible): readonly Shape[] {
  const shapes: Shape[] = [];
  const drawn = new Map<string, number>();
  const labelled = new Map<string, number>();
  const room = visible.to - visible.from > crowd ? 8 : 1.5;
  for (let place = visible.from; place < visible.to; place += 1) {
    const event = story.events[place];
    const name = event === undefined ? undefined : rowOfEvent(story, event);
    const y = name === undefined ? undefined : geometry.y(name);
    if (event === undefined || name === undefined || y === undefined) continue;
    const x = geometry.x(place);
    const key = `${event.type} ${name}`;
    if (!rare.has(event.type) && x - (drawn.get(key) ?? -Infinity) < room) continue;
    drawn.set(key, x);
    shapes.push(
      ...glyphOf(event.type, [x, y], colorOf(story, event, name, place), { place, rank: 0 }),
    );
    const text = shortTextOf(event);
    if (text === undefined) continue;
    const { above } = text;
    const side = `${name} ${above}`;
    // Labels would cover each other: the first one keeps its room.
    if (x < (labelled.get(side) ?? -Infinity)) continue;
    labelled.set(side, x + text.text.length * 6.5 + 10);
    shapes.push(label(x + 3, above === 'above' ? y - 15 : y + 27, text.text, { color: 'muted' }));
  }
  return shapes;
}

/** What concerns every row: a line from top to bottom with its name. */
export function wallShapes(story: Story, geometry: Geometry, visible: Visible): readonly Shape[] {
  const shapes: Shape[] = [];
  let free = -Infinity;
  for (let place = visible.from; place < visible.to; place += 1) {
    const event = story.events[place];
    const wall = event === undefined ? undefined : wallOf(event);
    if (wall === undefined) continue;
    const x = geometry.x(place);
    const target = { place, rank: 0 } as const;
    const isViolation = wall.color === 'bad';
    // Its name has a line of its own: the last phase often begins where the run breaks.
    const top = isViolation ? topMargin - 18 : topMargin - 6;
    const ends = [x, top - 8, x, geometry.height] as const;
    shapes.push(line(ends, wall.color, wall.width, { ...wall.dash, target }));
    // The end of a run is often the violation: its name goes where there is room.
    const align = x > geometry.width * 0.8 ? 'right' : 'left';
    const text = { color: wall.color, isBold: isViolation, align } as const;
    const width = wall.text.length * 6.5 + 8;
    const start = align === 'left' ? x : x - width;
    if (start < free && !isViolation) continue;
    if (!isViolation) free = start + width;
    const beside = align === 'left' ? x + 4 : x - 4;
    shapes.push(label(beside, top, wall.text, text));
  }
  return shapes;
}

type Wall = {
  readonly color: Color;
  readonly width: number;
  readonly text: string;
  readonly dash: { readonly dash?: 'dashed' | 'dotted' };
};

function wallOf(event: TraceEvent): Wall | undefined {
  switch (event.type) {
    case 'violation':
      return { color: 'bad', width: 3, text: `✗ ${event.code}`, dash: {} };
    case 'phase':
      return { color: 'ink', width: 1, text: shorten(event.text, 40), dash: { dash: 'dashed' } };
    case 'cut':
      return { color: 'cut', width: 1, text: 'cut', dash: { dash: 'dotted' } };
    case 'heal':
      return { color: 'good', width: 1, text: 'heal', dash: { dash: 'dotted' } };
    default:
      return undefined;
  }
}

function colorOf(story: Story, event: TraceEvent, name: string, place: number): Color {
  if (event.type === 'role') return termColor(event.term);
  if (event.type === 'log') return termColor(event.terms.at(-1)?.[0] ?? 0);
  return termColor(lifeAt(story, name, place)?.term ?? 0);
}

/** A few letters beside a mark, if there is something to say that its shape does not. */
function shortTextOf(
  event: TraceEvent,
): { readonly text: string; readonly above: 'above' | 'below' } | undefined {
  switch (event.type) {
    case 'role':
      return { text: `${event.role} t${event.term}`, above: 'above' };
    case 'commit':
      return { text: `✓${event.index}`, above: 'above' };
    case 'crash':
    case 'wipe':
    case 'start':
    case 'close':
    case 'pause':
    case 'resume':
      return { text: event.type, above: 'above' };
    case 'disk':
    case 'clock':
      return { text: shorten(event.text, 16), above: 'below' };
    default:
      return undefined;
  }
}
