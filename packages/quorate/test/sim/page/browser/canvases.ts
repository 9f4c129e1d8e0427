import type { PageElement, PageWindow, Pen } from './dom.ts';
import { make } from './dom.ts';
import { legendEntries } from './legend.ts';
import { type Palette, paint, termCss } from './paint.ts';
import type { Color, Shape } from './shapes.ts';

export type Theme = 'light' | 'dark';

/** What the person chose on the page, or else what the system says. */
export function themeOf(window: PageWindow): Theme {
  const chosen = window.document.documentElement.dataset['theme'];
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Reads the colours of the style sheet once; read again when the theme changes. */
export function readPalette(window: PageWindow): Palette {
  const theme = themeOf(window);
  const style = window.getComputedStyle(window.document.documentElement);
  const known = new Map<Color, string>();
  return (color) => {
    const css =
      known.get(color) ??
      (color.startsWith('term ')
        ? termCss(Number(color.slice(5)), theme)
        : style.getPropertyValue(`--${color}`));
    known.set(color, css);
    return css;
  };
}

/** Draws on a canvas from anew, sharp on screens with more pixels than CSS has. */
export function drawOn(
  window: PageWindow,
  canvas: PageElement,
  size: { readonly width: number; readonly height: number },
  shapes: readonly Shape[],
  palette: Palette,
): void {
  const scale = window.devicePixelRatio;
  const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
  // Setting the size empties a canvas and costs time, even when it stays the same.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen: Pen | null = canvas.getContext('2d');
  if (pen === null) throw new Error('This browser gives no 2D canvas, which the page draws on.');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, size.width, size.height);
  paint(pen, shapes, palette);
}

export function fillLegend(window: PageWindow, list: PageElement, palette: Palette): void {
  const { document } = window;
  const items = legendEntries().map(({ shapes, text }) => {
    const canvas = make(document, 'canvas', { 'aria-hidden': 'true' });
    drawOn(window, canvas, { width: 44, height: 24 }, shapes, palette);
    return make(document, 'li', {}, canvas, text);
  });
  list.replaceChildren(...items);
}
