import type { EventType } from './run.ts';
import { type Color, cross, line, ring, type Shape, type Target } from './shapes.ts';

/**
 * The mark of an event on its row, around `x, y`. A loss is drawn between the rows, and what
 * concerns every row is a line through them all, so those have none.
 */
export function glyphOf(
  type: EventType,
  [x, y]: readonly [number, number],
  color: Color,
  target: Target,
): readonly Shape[] {
  const triangle = { turn: 0, isFilled: true, target };
  switch (type) {
    case 'start':
      return [ring([x, y, 8], 3, 'good', triangle)];
    case 'resume':
      return [ring([x, y, 7], 3, 'warn', triangle)];
    case 'crash':
      return cross(x, y, 7, target);
    case 'close':
      return [ring([x, y, 7], 4, 'muted', { turn: Math.PI / 4, target })];
    case 'pause':
      return [
        line([x - 3, y - 8, x - 3, y + 8], 'warn', 3, { target }),
        line([x + 3, y - 8, x + 3, y + 8], 'warn', 3, { target }),
      ];
    case 'wipe':
      return [
        ring([x, y, 7], 16, 'bad', { target }),
        line([x - 5, y + 5, x + 5, y - 5], 'bad', 2, { target }),
      ];
    case 'role':
      return [ring([x, y, 5], 12, color, { isFilled: true, target })];
    case 'log':
      return [line([x - 3, y + 6, x + 3, y + 6], color, 3, { target })];
    case 'commit':
      return [line([x, y - 12, x, y - 4], 'good', 2, { target })];
    case 'apply':
      return [line([x, y + 4, x, y + 11], 'muted', 2, { target })];
    case 'disk':
      return [ring([x, y, 6], 4, 'warn', { turn: 0, isFilled: true, target })];
    case 'clock':
      return [
        ring([x, y, 6], 16, 'warn', { target }),
        line([x, y, x, y - 5], 'warn', 1.5, { target }),
        line([x, y, x + 4, y], 'warn', 1.5, { target }),
      ];
    case 'send':
    case 'deliver':
    case 'answer':
      return [ring([x, y, 2], 8, color, { isFilled: true, target })];
    case 'call':
      return [line([x, y - 6, x, y + 6], 'client', 2, { target })];
    case 'return':
      return [ring([x, y, 3.5], 12, 'client', { isFilled: true, target })];
    case 'lose':
    case 'loseAnswer':
    case 'cut':
    case 'heal':
    case 'phase':
    case 'violation':
      return [];
  }
}
