import type { TraceEvent } from '../../trace.ts';
import type { Link } from './run.ts';

/** A link in one direction while nothing passes on it, as places. */
export type Cut = {
  readonly from: string;
  readonly to: string;
  readonly start: number;
  readonly end: number;
};

/**
 * A stretch of the space between two neighbouring rows. A share is how many of the links that cross
 * the space in that direction are cut, from 0 to 1: between the two sides of a partition it is 1.
 */
export type Band = {
  /** The space below this row. */
  readonly row: number;
  readonly start: number;
  readonly end: number;
  readonly downwards: number;
  readonly upwards: number;
};

/** Every link while it is cut. A cut that no one heals lasts to the end. */
export function readCuts(events: readonly TraceEvent[]): readonly Cut[] {
  const cuts: Cut[] = [];
  const open = new Map<string, { link: Link; start: number }>();
  const end = (key: string, place: number): void => {
    const cut = open.get(key);
    if (cut === undefined) return;
    open.delete(key);
    cuts.push({ from: cut.link[0], to: cut.link[1], start: cut.start, end: place });
  };
  for (const [place, event] of events.entries()) {
    if (event.type !== 'cut' && event.type !== 'heal') continue;
    for (const link of event.links) {
      const key = JSON.stringify(link);
      if (event.type === 'heal') end(key, place);
      else if (!open.has(key)) open.set(key, { link, start: place });
    }
  }
  for (const key of [...open.keys()]) end(key, events.length);
  return cuts.sort((left, right) => left.start - right.start);
}

export function cutsAt(cuts: readonly Cut[], place: number): readonly Cut[] {
  return cuts.filter((cut) => cut.start <= place && place < cut.end);
}

/** What to shade between the rows, in the order of time. */
export function readBands(cuts: readonly Cut[], nodes: readonly string[]): readonly Band[] {
  const rowOf = new Map(nodes.map((node, row) => [node, row]));
  const edges = [...new Set(cuts.flatMap((cut) => [cut.start, cut.end]))];
  edges.sort((left, right) => left - right);
  const bands: Band[] = [];
  for (const [at, start] of edges.entries()) {
    const end = edges[at + 1];
    if (end === undefined) break;
    const links = cutsAt(cuts, start).map(
      (cut) => [rowOf.get(cut.from), rowOf.get(cut.to)] as const,
    );
    for (let row = 0; row + 1 < nodes.length; row += 1) {
      const crossing = (row + 1) * (nodes.length - row - 1);
      const downwards = links.filter(
        ([from, to]) => from !== undefined && from <= row && below(to, row),
      );
      const upwards = links.filter(
        ([from, to]) => to !== undefined && to <= row && below(from, row),
      );
      if (downwards.length + upwards.length === 0) continue;
      bands.push({
        row,
        start,
        end,
        downwards: downwards.length / crossing,
        upwards: upwards.length / crossing,
      });
    }
  }
  return bands;
}

function below(node: number | undefined, row: number): boolean {
  return node !== undefined && node > row;
}
