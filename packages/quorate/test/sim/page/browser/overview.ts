import type { View } from './axis.ts';
import { geometryOf } from './geometry.ts';
import { termColor } from './scene-rows.ts';
import { line, type Shape } from './shapes.ts';
import type { Story } from './story.ts';

export const overviewHeight = 56;

/**
 * The whole run in a strip: a line for each node, cuts below, what broke, and the part that the
 * diagram shows. Stretches narrower than a pixel are left out.
 */
export function buildOverview(
  story: Story,
  positions: Float64Array,
  view: View,
  sight: { readonly whole: View; readonly width: number; readonly current: number },
): readonly Shape[] {
  const { whole, width, current } = sight;
  const geometry = geometryOf(story, positions, whole, { width, height: overviewHeight });
  const step = (overviewHeight - 8) / (story.nodes.length + 1);
  const shapes: Shape[] = [];
  for (const [row, node] of story.nodes.entries()) {
    const y = 4 + (row + 0.5) * step;
    let drawnTo = -Infinity;
    for (const life of story.lives.get(node) ?? []) {
      const [x1, x2] = [geometry.x(life.start), geometry.x(life.end)];
      if (life.state === 'down' || x2 < drawnTo + 0.7) continue;
      drawnTo = x2;
      const thickness = life.role === 'leader' ? Math.min(step, 7) : Math.min(step / 3, 2);
      shapes.push(line([x1, y, x2, y], termColor(life.term), thickness));
    }
  }
  const ground = overviewHeight - 4 - step / 2;
  for (const band of story.bands) {
    shapes.push(line([geometry.x(band.start), ground, geometry.x(band.end), ground], 'cut', 3));
  }
  const at = geometry.x(current);
  shapes.push(line([at, 0, at, overviewHeight], 'ink', 1.5, { dash: 'dotted' }));
  shapes.push(...frameOf(view, whole, width));
  for (const [place, event] of story.events.entries()) {
    if (event.type !== 'violation' && event.type !== 'phase') continue;
    const x = geometry.x(place);
    const isBad = event.type === 'violation';
    shapes.push(line([x, 0, x, overviewHeight], isBad ? 'bad' : 'ink', isBad ? 3 : 1));
  }
  return shapes;
}

/** What lies outside the view is veiled, and its borders are drawn. */
function frameOf(view: View, whole: View, width: number): readonly Shape[] {
  const scale = width / (whole.to - whole.from);
  const from = (view.from - whole.from) * scale;
  const to = Math.max((view.to - whole.from) * scale, from + 3);
  const veil = (x: number, wide: number): Shape => ({
    type: 'shade',
    x,
    y: 0,
    width: wide,
    height: overviewHeight,
    color: 'paper',
    opacity: 0.55,
    hatch: 'none',
  });
  return [
    veil(0, from),
    veil(to, width - to),
    line([from, 0, from, overviewHeight], 'ink', 2),
    line([to, 0, to, overviewHeight], 'ink', 2),
  ];
}
