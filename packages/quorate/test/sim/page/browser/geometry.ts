import type { View } from './axis.ts';
import type { Story } from './story.ts';

/** Where rows and events lie on the drawing, in pixels. */
export type Geometry = {
  readonly width: number;
  readonly height: number;
  /** From the left, for an event; an end one past the last event lies a little after it. */
  x(place: number): number;
  /** From the top, for a node or a client; undefined for a name without a row. */
  y(name: string): number | undefined;
};

/** Room for the axis and the names of phases. */
export const topMargin = 44;
const bottomMargin = 16;
const clientHeight = 22;
const leastNodeHeight = 46;

/** The rows keep their distance: with many of them the drawing gets higher, and scrolls. */
export function heightFor(story: Story, wanted: number): number {
  const nodes = story.nodes.length * leastNodeHeight;
  return Math.max(wanted, topMargin + nodes + clientsHeight(story) + bottomMargin);
}

export function geometryOf(
  story: Story,
  positions: Float64Array,
  view: View,
  size: { readonly width: number; readonly height: number },
): Geometry {
  const { width, height } = size;
  const scale = width / (view.to - view.from);
  const last = positions.length - 1;
  const forNodes = height - topMargin - bottomMargin - clientsHeight(story);
  const nodeHeight = forNodes / Math.max(story.nodes.length, 1);
  const rows = new Map<string, number>();
  for (const [row, node] of story.nodes.entries()) {
    rows.set(node, topMargin + (row + 0.5) * nodeHeight);
  }
  for (const [row, client] of story.clients.entries()) {
    rows.set(client, topMargin + forNodes + (row + 0.5) * clientHeight);
  }
  return {
    width,
    height,
    x: (place) => {
      const position = positions[Math.min(place, last)] ?? 0;
      return (position - view.from) * scale + (place > last ? 14 : 0);
    },
    y: (name) => rows.get(name),
  };
}

function clientsHeight(story: Story): number {
  return story.clients.length * clientHeight;
}
