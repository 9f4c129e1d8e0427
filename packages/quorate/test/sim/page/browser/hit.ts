import type { Shape, Target } from './shapes.ts';

/** So many pixels beside a shape still mean it. */
const reach = 6;

/** The event of what lies at or near a point: of several the most particular, then the nearest. */
export function placeAt(shapes: readonly Shape[], x: number, y: number): number | undefined {
  let best: { readonly target: Target; readonly distance: number } | undefined;
  for (const shape of shapes) {
    if (shape.type === 'label' || shape.target === undefined) continue;
    const distance = distanceTo(shape, x, y);
    if (distance > reach) continue;
    const { target } = shape;
    const isBetter =
      best === undefined ||
      target.rank < best.target.rank ||
      (target.rank === best.target.rank && distance <= best.distance);
    if (isBetter) best = { target, distance };
  }
  return best?.target.place;
}

function distanceTo(shape: Exclude<Shape, { type: 'label' }>, x: number, y: number): number {
  switch (shape.type) {
    case 'line':
      return distanceToLine([shape.x1, shape.y1, shape.x2, shape.y2], x, y);
    case 'shade': {
      const right = Math.max(shape.x - x, x - shape.x - shape.width, 0);
      return Math.hypot(right, Math.max(shape.y - y, y - shape.y - shape.height, 0));
    }
    case 'polygon': {
      const { points } = shape;
      const corners = points.length / 2;
      let [sumX, sumY] = [0, 0];
      for (let corner = 0; corner < corners; corner += 1) {
        sumX += points[2 * corner] ?? 0;
        sumY += points[2 * corner + 1] ?? 0;
      }
      // Polygons are small, so their middle does, and their size comes on top of the reach.
      const size = Math.hypot((points[0] ?? 0) - sumX / corners, (points[1] ?? 0) - sumY / corners);
      return Math.max(Math.hypot(x - sumX / corners, y - sumY / corners) - size, 0);
    }
  }
}

function distanceToLine(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  x: number,
  y: number,
): number {
  const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  const share = length === 0 ? 0 : ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length;
  const along = Math.min(Math.max(share, 0), 1);
  return Math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1));
}
