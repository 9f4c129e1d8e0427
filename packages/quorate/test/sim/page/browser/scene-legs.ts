import type { Geometry } from './geometry.ts';
import type { Leg } from './legs.ts';
import { overlapping, termColor, type Visible } from './scene-rows.ts';
import { arrowHead, cross, type Label, label, line, type Shape } from './shapes.ts';
import type { Story } from './story.ts';

/** More arrows than that are a grey surface, and slow. */
const maxLegs = 1_500;

/** More words than that nobody reads, and each is compared with all before it. */
const maxWords = 150;

type Ends = readonly [x1: number, y1: number, x2: number, y2: number];

/**
 * Messages as arrows. When there are too many for the view, every so-manyth is drawn and the page
 * says so; what was lost stays longest, since that is what one looks for.
 */
export function legShapes(
  story: Story,
  geometry: Geometry,
  visible: Visible,
): { readonly shapes: readonly Shape[]; readonly oneOf: number } {
  const legs = overlapping(story.legs, visible);
  const oneOf = Math.ceil(legs.length / maxLegs);
  const strokes: Shape[] = [];
  const heads: Shape[] = [];
  const words: Label[] = [];
  for (const [number, leg] of legs.entries()) {
    const isKept =
      leg.outcome === 'lost' ? number % Math.ceil(oneOf / 4) === 0 : number % oneOf === 0;
    const ends = isKept ? endsOf(leg, geometry) : undefined;
    if (ends === undefined) continue;
    strokes.push(strokeOf(leg, ends));
    if (oneOf <= 2 || leg.outcome === 'lost') heads.push(...headOf(leg, ends));
    const word = leg.way === 'call' ? wordOf(leg.kind, ends) : undefined;
    if (word !== undefined && words.length < maxWords && !isCovered(word, words)) words.push(word);
  }
  return { shapes: [...strokes, ...heads, ...words], oneOf };
}

function strokeOf(leg: Leg, ends: Ends): Shape {
  const target = { place: leg.start, rank: 1 } as const;
  const color = termColor(leg.term);
  if (leg.way === 'call') return line(ends, color, 1.3, { target });
  return line(ends, color, 1, { dash: 'dashed', target });
}

function headOf(leg: Leg, ends: Ends): readonly Shape[] {
  const [, , x2, y2] = ends;
  const target = { place: leg.end, rank: 0 } as const;
  if (leg.outcome === 'lost') return cross(x2, y2, 4, target);
  return leg.outcome === 'open' ? [] : [arrowHead(ends, termColor(leg.term), target)];
}

/** The kind of a message along its arrow, if there is room for it. */
function wordOf(kind: string, [x1, y1, x2, y2]: Ends): Label | undefined {
  // Too steep, and the text would stand on its head; too short, and it would hang over.
  if (Math.abs(x2 - x1) < 45 || Math.hypot(x2 - x1, y2 - y1) < kind.length * 6 + 40)
    return undefined;
  const angle = Math.atan((y2 - y1) / (x2 - x1));
  const x = x1 + (x2 - x1) * 0.4 + 4 * Math.sin(angle);
  const y = y1 + (y2 - y1) * 0.4 - 4 * Math.cos(angle);
  return label(x, y, kind, { color: 'muted', angle, align: 'center' });
}

function isCovered(word: Label, others: readonly Label[]): boolean {
  return others.some((other) => Math.hypot(word.x - other.x, (word.y - other.y) * 2) < 70);
}

/** From row to row. What was lost, or is under way, ends between them. */
function endsOf(leg: Leg, geometry: Geometry): Ends | undefined {
  const from = geometry.y(leg.from);
  const to = geometry.y(leg.to);
  if (from === undefined || to === undefined) return undefined;
  const x1 = geometry.x(leg.start);
  if (leg.outcome === 'open') return [x1, from, x1 + 12, from + Math.sign(to - from) * 14];
  const x2 = geometry.x(leg.end);
  if (leg.outcome === 'arrived') return [x1, from, x2, to];
  // A loss in the moment of sending would be a line straight down.
  return [x1, from, Math.max(x2, x1 + 6), from + (to - from) * 0.6];
}
