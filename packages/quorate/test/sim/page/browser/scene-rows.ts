import type { Geometry } from './geometry.ts';
import type { Life } from './lives.ts';
import { type Color, label, line, type Shape } from './shapes.ts';
import type { Story } from './story.ts';

/** The places that are drawn: `from` is in, `to` is out. */
export type Visible = { readonly from: number; readonly to: number };

/** The names of clients stand there, on the same line as the words of their calls. */
const nameRoom = 64;

/** Between the rows, wherever links are cut: the darker, the more of them. */
export function bandShapes(story: Story, geometry: Geometry, visible: Visible): readonly Shape[] {
  return overlapping(story.bands, visible).flatMap((band): readonly Shape[] => {
    const top = geometry.y(story.nodes[band.row] ?? '');
    const bottom = geometry.y(story.nodes[band.row + 1] ?? '');
    if (top === undefined || bottom === undefined) return [];
    const x = Math.max(geometry.x(band.start), 0);
    const shade: Shape = {
      type: 'shade',
      x,
      y: top + 12,
      width: Math.min(geometry.x(band.end), geometry.width) - x,
      height: bottom - top - 24,
      color: 'cut',
      opacity: 0.12 + 0.38 * Math.max(band.downwards, band.upwards),
      hatch: hatchOf(band),
      target: { place: band.start, rank: 3 },
    };
    return [shade];
  });
}

/** The lines of the nodes: colour for the term, thick for the leader, a gap for who is down. */
export function lifeShapes(story: Story, geometry: Geometry, visible: Visible): readonly Shape[] {
  return story.nodes.flatMap((node) => {
    const y = geometry.y(node);
    if (y === undefined) return [];
    const lives = overlapping(story.lives.get(node) ?? [], visible);
    return lives.flatMap((life) => lifeShapesOf(life, geometry, y));
  });
}

/** A bar from each call of a client to its return; dashed when it never came. */
export function operationShapes(
  story: Story,
  geometry: Geometry,
  visible: Visible,
): readonly Shape[] {
  const free = new Map<string, number>();
  return overlapping(story.operations, visible).flatMap((operation): readonly Shape[] => {
    const y = geometry.y(operation.client);
    if (y === undefined) return [];
    const x1 = Math.max(geometry.x(operation.start), 0);
    const x2 = Math.min(geometry.x(operation.end), geometry.width);
    const target = { place: operation.start, rank: 2 } as const;
    const bar = operation.isReturned
      ? line([x1, y, x2, y], 'client', 5, { target })
      : line([x1, y, x2, y], 'client', 1.5, { dash: 'dashed', target });
    const left = Math.max(x1, nameRoom) + 5;
    const letters = Math.floor((x2 - left - 5) / 6.5);
    // A client that never heard of a call goes on with the next: their bars lie on each other.
    if (letters < 4 || left < (free.get(operation.client) ?? 0)) return [bar];
    const text = shorten(operation.text, letters);
    free.set(operation.client, left + text.length * 6.5);
    return [bar, label(left, y - 5, text, { color: 'muted' })];
  });
}

/** The names of the rows at the left edge, above everything else that is drawn there. */
export function nameShapes(story: Story, geometry: Geometry): readonly Shape[] {
  const nameOf = (name: string, raise: number, color: Color): Shape => {
    const y = (geometry.y(name) ?? 0) + raise;
    return label(8, y, shorten(name, 24), { color, isBold: true });
  };
  return [
    ...story.nodes.map((node) => nameOf(node, -16, 'ink')),
    ...story.clients.map((client) => nameOf(client, 4, 'client')),
  ];
}

/** Those of some stretches, which must be in the order of their starts, that can be seen. */
export function overlapping<Stretch extends { readonly start: number; readonly end: number }>(
  stretches: readonly Stretch[],
  visible: Visible,
): readonly Stretch[] {
  const found: Stretch[] = [];
  for (const stretch of stretches) {
    if (stretch.start >= visible.to) break;
    if (stretch.end >= visible.from) found.push(stretch);
  }
  return found;
}

/** The first letters of a text that must fit into so many. */
export function shorten(text: string, letters: number): string {
  return text.length <= letters ? text : `${text.slice(0, Math.max(letters - 1, 0))}…`;
}

export function termColor(term: number): Color {
  return term === 0 ? 'muted' : `term ${term}`;
}

function hatchOf(band: {
  readonly downwards: number;
  readonly upwards: number;
}): 'both' | 'downwards' | 'upwards' {
  if (band.upwards === 0) return 'downwards';
  return band.downwards === 0 ? 'upwards' : 'both';
}

function lifeShapesOf(life: Life, geometry: Geometry, y: number): readonly Shape[] {
  const x1 = Math.max(geometry.x(life.start), 0);
  const x2 = Math.min(geometry.x(life.end), geometry.width);
  const target = { place: life.start, rank: 2 } as const;
  if (life.state === 'down') {
    return [line([x1, y, x2, y], 'grid', 1, { dash: 'dotted', target })];
  }
  const color = termColor(life.term);
  if (life.state === 'paused')
    return [line([x1, y, x2, y], color, 1.5, { dash: 'dashed', target })];
  const isLeader = life.role === 'leader';
  const stroke = line([x1, y, x2, y], color, isLeader ? 8 : 2.5, { target });
  const text = `${isLeader ? 'leader ' : ''}t${life.term}`;
  if (life.term === 0 || x2 - x1 < text.length * 7 + 16) return [stroke];
  return [stroke, label(x1 + 8, y + 16, text, { color })];
}
