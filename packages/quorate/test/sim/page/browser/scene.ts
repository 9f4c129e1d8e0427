import { formatMs, placeFrom, ticksOf, type View } from './axis.ts';
import { type Geometry, geometryOf, topMargin } from './geometry.ts';
import { glyphShapes, wallShapes } from './scene-events.ts';
import { legShapes } from './scene-legs.ts';
import { bandShapes, lifeShapes, nameShapes, operationShapes } from './scene-rows.ts';
import { label, line, type Shape } from './shapes.ts';
import type { Story } from './story.ts';

/** What to draw for a view: shapes from the lowest to the topmost. */
export type Scene = {
  readonly shapes: readonly Shape[];
  /** One message of so many is drawn; 1 when there is room for all. */
  readonly oneLegOf: number;
};

export type SceneWish = {
  readonly positions: Float64Array;
  readonly view: View;
  readonly size: { readonly width: number; readonly height: number };
  /** The place of the event that the panels tell of. */
  readonly current: number;
};

/** The visible part of the diagram. Nothing outside the view costs a shape. */
export function buildScene(story: Story, wish: SceneWish): Scene {
  const { positions, view, size, current } = wish;
  const geometry = geometryOf(story, positions, view, size);
  // One more on each side, so that what lies half outside is still there.
  const from = Math.max(placeFrom(positions, view.from) - 1, 0);
  const to = Math.min(placeFrom(positions, view.to) + 1, positions.length);
  const visible = { from, to };
  const legs = legShapes(story, geometry, visible);
  const shapes = [
    ...bandShapes(story, geometry, visible),
    ...axisShapes(story, wish, geometry),
    ...currentShapes(geometry, current),
    ...lifeShapes(story, geometry, visible),
    ...operationShapes(story, geometry, visible),
    ...legs.shapes,
    ...glyphShapes(story, geometry, visible),
    ...wallShapes(story, geometry, visible),
    ...nameShapes(story, geometry),
  ];
  return { shapes, oneLegOf: legs.oneOf };
}

/** The labels tell virtual time in both modes, since that is what the events are about. */
function axisShapes(story: Story, wish: SceneWish, geometry: Geometry): readonly Shape[] {
  const { positions, view, size } = wish;
  const scale = size.width / (view.to - view.from);
  const last = positions.length - 1;
  return ticksOf(view, size.width).flatMap((tick) => {
    if (tick < (positions[0] ?? 0) || tick > (positions[last] ?? 0)) return [];
    const x = (tick - view.from) * scale;
    const event = story.events[placeFrom(positions, tick)];
    const text = event === undefined ? '' : `#${event.number} · ${formatMs(event.at, 1)}`;
    return [
      line([x, topMargin - 26, x, geometry.height], 'grid', 1),
      label(x + 4, topMargin - 30, text, { color: 'muted' }),
    ];
  });
}

function currentShapes(geometry: Geometry, current: number): readonly Shape[] {
  const x = geometry.x(current);
  if (x < 0 || x > geometry.width) return [];
  return [line([x, topMargin - 26, x, geometry.height], 'ink', 1.5, { dash: 'dotted' })];
}
