/** A colour by what it means; the painter knows what that is in light and in dark. */
export type Color =
  | 'ink'
  | 'muted'
  | 'grid'
  | 'good'
  | 'bad'
  | 'warn'
  | 'cut'
  | 'client'
  | 'paper'
  | `term ${number}`;

/** The event that a pointer over a shape means. Of two under the pointer the lower rank wins. */
export type Target = { readonly place: number; readonly rank: 0 | 1 | 2 | 3 };

export type Line = {
  readonly type: 'line';
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly color: Color;
  readonly width: number;
  readonly dash?: 'dashed' | 'dotted';
  readonly target?: Target | undefined;
};

export type Polygon = {
  readonly type: 'polygon';
  /** x and y by turns. */
  readonly points: readonly number[];
  readonly color: Color;
  readonly isFilled: boolean;
  readonly target?: Target | undefined;
};

export type Label = {
  readonly type: 'label';
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly color: Color;
  readonly align: 'left' | 'center' | 'right';
  readonly isBold?: boolean;
  /** In radians, around its own point. */
  readonly angle?: number;
};

/** A shaded rectangle. A hatch that leans one way only means one direction only. */
export type Shade = {
  readonly type: 'shade';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly color: Color;
  readonly opacity: number;
  readonly hatch: 'none' | 'both' | 'downwards' | 'upwards';
  readonly target?: Target | undefined;
};

export type Shape = Line | Polygon | Label | Shade;

export function line(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  color: Color,
  width: number,
  more: Pick<Line, 'dash' | 'target'> = {},
): Line {
  return { type: 'line', x1, y1, x2, y2, color, width, ...more };
}

/** Two strokes through a point: what was lost, or who fell. */
export function cross(x: number, y: number, size: number, target?: Target): readonly Shape[] {
  return [
    line([x - size, y - size, x + size, y + size], 'bad', 2, { target }),
    line([x - size, y + size, x + size, y - size], 'bad', 2, { target }),
  ];
}

/** The head of an arrow that comes from `x1, y1` and ends at `x2, y2`. */
export function arrowHead(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  color: Color,
  target?: Target,
): Shape {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const corner = (turn: number): readonly [number, number] => [
    x2 - 8 * Math.cos(angle + turn),
    y2 - 8 * Math.sin(angle + turn),
  ];
  const points = [x2, y2, ...corner(0.4), ...corner(-0.4)];
  return { type: 'polygon', points, color, isFilled: true, target };
}

/** A polygon with `corners` on a circle, the first one at `turn`; many corners make a circle. */
export function ring(
  [x, y, radius]: readonly [number, number, number],
  corners: number,
  color: Color,
  more: { readonly turn?: number; readonly isFilled?: boolean; readonly target?: Target } = {},
): Shape {
  const points: number[] = [];
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = (more.turn ?? 0) + (corner * 2 * Math.PI) / corners;
    points.push(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  const { isFilled = false, target } = more;
  return { type: 'polygon', points, color, isFilled, target };
}

export function label(
  x: number,
  y: number,
  text: string,
  more: Partial<Omit<Label, 'type' | 'x' | 'y' | 'text'>> = {},
): Label {
  return { type: 'label', x, y, text, color: 'ink', align: 'left', ...more };
}
