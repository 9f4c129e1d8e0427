import type { Pen } from './dom.ts';
import type { Color, Label, Line, Polygon, Shade, Shape } from './shapes.ts';

/** What the meanings of colours are at the moment: light or dark. */
export type Palette = (color: Color) => string;

/** Far apart on the wheel for terms that follow each other, and the same in every run. */
export function termHue(term: number): number {
  return Math.round((term * 137.508 + 190) % 360);
}

/** The colour of a term, readable on the ground of the theme. */
export function termCss(term: number, theme: 'light' | 'dark'): string {
  // In this colour space every hue is equally light, so that text reads equally well on each.
  const lightness = theme === 'light' ? '53%' : '76%';
  return `oklch(${lightness} 0.15 ${termHue(term)})`;
}

/**
 * Draws shapes in their order on a pen whose unit is one CSS pixel. Lines of one look that follow
 * each other are one stroke, which is many times cheaper than one for each.
 */
export function paint(pen: Pen, shapes: readonly Shape[], palette: Palette): void {
  let open: Line | undefined;
  for (const shape of shapes) {
    if (open !== undefined && !(shape.type === 'line' && looksLike(shape, open))) {
      pen.stroke();
      open = undefined;
    }
    switch (shape.type) {
      case 'line':
        if (open === undefined) beginLines(pen, shape, palette);
        open = shape;
        pen.moveTo(shape.x1, shape.y1);
        pen.lineTo(shape.x2, shape.y2);
        break;
      case 'polygon':
        paintPolygon(pen, shape, palette);
        break;
      case 'label':
        paintLabel(pen, shape, palette);
        break;
      case 'shade':
        paintShade(pen, shape, palette);
        break;
    }
  }
  if (open !== undefined) pen.stroke();
}

const dashes = { dashed: [6, 4], dotted: [2, 3] } as const;

function beginLines(pen: Pen, line: Line, palette: Palette): void {
  pen.beginPath();
  pen.setLineDash(line.dash === undefined ? [] : dashes[line.dash]);
  pen.lineWidth = line.width;
  pen.strokeStyle = palette(line.color);
}

function looksLike(line: Line, other: Line): boolean {
  return line.color === other.color && line.width === other.width && line.dash === other.dash;
}

function paintPolygon(pen: Pen, polygon: Polygon, palette: Palette): void {
  const { points, color, isFilled } = polygon;
  pen.beginPath();
  for (let at = 0; at < points.length; at += 2) pen.lineTo(points[at] ?? 0, points[at + 1] ?? 0);
  pen.closePath();
  pen.setLineDash([]);
  pen.lineWidth = 1.5;
  pen.strokeStyle = palette(color);
  pen.fillStyle = palette(isFilled ? color : 'paper');
  pen.fill();
  pen.stroke();
}

function paintLabel(pen: Pen, label: Label, palette: Palette): void {
  pen.font = `${label.isBold === true ? 'bold ' : ''}11.5px ui-sans-serif, system-ui, sans-serif`;
  pen.textAlign = label.align;
  pen.fillStyle = palette(label.color);
  // A rim in the colour of the ground keeps words readable where lines cross them.
  pen.strokeStyle = palette('paper');
  pen.lineWidth = 3;
  pen.setLineDash([]);
  pen.save();
  pen.translate(label.x, label.y);
  pen.rotate(label.angle ?? 0);
  pen.strokeText(label.text, 0, 0);
  pen.fillText(label.text, 0, 0);
  pen.restore();
}

/** So far apart are the lines of a hatch. */
const hatchStep = 9;

function paintShade(pen: Pen, shade: Shade, palette: Palette): void {
  const { x, y, width, height } = shade;
  pen.save();
  pen.globalAlpha = shade.opacity;
  pen.fillStyle = palette(shade.color);
  if (shade.hatch === 'none') {
    pen.fillRect(x, y, width, height);
    pen.restore();
    return;
  }
  pen.globalAlpha = shade.opacity * 0.4;
  pen.fillRect(x, y, width, height);
  pen.globalAlpha = shade.opacity;
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.beginPath();
  for (let at = -height; at < width; at += hatchStep) {
    if (shade.hatch !== 'upwards') {
      pen.moveTo(x + at, y);
      pen.lineTo(x + at + height, y + height);
    }
    if (shade.hatch !== 'downwards') {
      pen.moveTo(x + at, y + height);
      pen.lineTo(x + at + height, y);
    }
  }
  pen.setLineDash([]);
  pen.lineWidth = 1;
  pen.strokeStyle = palette(shade.color);
  pen.stroke();
  pen.restore();
}
