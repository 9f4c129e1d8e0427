import type { TraceEvent } from '../../trace.ts';

/** What the way to the right means: one step for each event, or virtual milliseconds. */
export type AxisMode = 'events' | 'time';

/** The part of the axis that is drawn, in the axis' own unit. */
export type View = { readonly from: number; readonly to: number };

/** Never fewer than this many units on the screen: closer, there is nothing more to see. */
const leastSpan = 6;

/** So much of a view may lie before the first event, and as much after the last. */
const roomShare = 0.05;

/**
 * Where each event stands on the axis; never falls. Events of the same millisecond share its space
 * evenly, so that what led to what still shows.
 */
export function readPositions(events: readonly TraceEvent[], mode: AxisMode): Float64Array {
  const positions = Float64Array.from(events, (_event, place) => place);
  if (mode === 'events') return positions;
  let place = 0;
  while (place < events.length) {
    const at = events[place]?.at ?? 0;
    let end = place;
    while (end < events.length && events[end]?.at === at) end += 1;
    const space = Math.min(1, (events[end]?.at ?? at + 1) - at);
    for (let same = place; same < end; same += 1) {
      positions[same] = at + (space * (same - place)) / (end - place);
    }
    place = end;
  }
  return positions;
}

/** From the first event to the last: what views must stay near. */
export function endsOf(positions: Float64Array): View {
  const from = positions[0] ?? 0;
  return { from, to: Math.max(positions[positions.length - 1] ?? 0, from + leastSpan) };
}

/** The view that shows the whole run, with a little room on both sides. */
export function wholeView(ends: View): View {
  const room = ((ends.to - ends.from) * roomShare) / (1 - 2 * roomShare);
  return { from: ends.from - room, to: ends.to + room };
}

/** Makes the view `factor` times as wide; what lies at `around` stays where it is. */
export function zoom(view: View, factor: number, around: number, ends: View): View {
  const span = Math.max((view.to - view.from) * factor, leastSpan);
  const share = (around - view.from) / (view.to - view.from);
  const from = around - span * share;
  return keepNear({ from, to: from + span }, ends);
}

/** Moves the view by a share of its own width. */
export function pan(view: View, share: number, ends: View): View {
  const by = (view.to - view.from) * share;
  return keepNear({ from: view.from + by, to: view.to + by }, ends);
}

/** The view moved, if it must be, so that `position` stands well inside. */
export function reveal(view: View, position: number, ends: View): View {
  const span = view.to - view.from;
  const margin = span * 0.1;
  if (position >= view.from + margin && position <= view.to - margin) return view;
  const from = position - span / 2;
  return keepNear({ from, to: from + span }, ends);
}

/** The first place at or after a position; the count of events if there is none. */
export function placeFrom(positions: Float64Array, position: number): number {
  let from = 0;
  let to = positions.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((positions[middle] ?? 0) < position) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The last of some rising places that is not after `place`. */
export function lastAtOrBefore(places: readonly number[], place: number): number | undefined {
  let from = 0;
  let to = places.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((places[middle] ?? 0) <= place) from = middle + 1;
    else to = middle;
  }
  return places[from - 1];
}

/** Round steps for the labels of the axis: about one for each `room` pixels. */
export function ticksOf(view: View, width: number, room = 110): readonly number[] {
  const span = view.to - view.from;
  const rough = (span * room) / Math.max(width, room);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough) ?? power;
  const ticks: number[] = [];
  const last = Math.floor(view.to / step);
  // Counted, and not added up: sums of tenths drift. Adding 0 makes -0 an ordinary one.
  for (let count = Math.ceil(view.from / step); count <= last; count += 1) {
    ticks.push(count * step + 0);
  }
  return ticks;
}

/** Virtual time for people. */
export function formatMs(at: number, digits = 3): string {
  const rounded = (value: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
  return at >= 10_000 ? `${rounded(at / 1_000)} s` : `${rounded(at)} ms`;
}

export function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Never wider than the whole run, and never further beyond its ends than the room there. */
function keepNear(view: View, ends: View): View {
  const whole = wholeView(ends);
  const span = Math.min(view.to - view.from, whole.to - whole.from);
  const room = span * roomShare;
  const from = clamp(
    view.from,
    ends.from - room,
    Math.max(ends.to + room - span, ends.from - room),
  );
  return { from, to: from + span };
}
