import type { TraceEvent } from '../../trace.ts';
import { describe } from './describe.ts';
import type { EventType } from './run.ts';
import { rowOfEvent, type Story } from './story.ts';

/** Which events the steps stop at. */
export type StepFilter = {
  readonly group: keyof typeof groups;
  /** Only what concerns this node or client; empty for all. */
  readonly name: string;
  /** Only events whose words contain this; empty for all. Letter case does not matter. */
  readonly text: string;
};

const life = ['start', 'crash', 'close', 'pause', 'resume', 'wipe'] as const;
const links = ['cut', 'heal', 'phase', 'violation'] as const;
const messages = ['send', 'deliver', 'lose', 'answer', 'loseAnswer'] as const;

/** Undefined means every type. */
const groups = {
  'all events': undefined,
  'roles and faults': types('role', ...life, ...links, 'disk', 'clock'),
  messages: types(...messages, 'violation'),
  'logs and commits': types('log', 'commit', 'apply', 'violation'),
  clients: types('call', 'return', 'violation'),
} as const;

export const stepGroups = Object.keys(groups) as readonly (keyof typeof groups)[];

export function passes(story: Story, event: TraceEvent, filter: StepFilter): boolean {
  const group = groups[filter.group];
  if (group !== undefined && !group.has(event.type)) return false;
  if (filter.name !== '' && !concerns(story, event, filter.name)) return false;
  if (filter.text === '') return true;
  return describe(story, event).title.toLowerCase().includes(filter.text.toLowerCase());
}

/** The next place in a direction at which the filter stops, or undefined at the end. */
export function stepFrom(
  story: Story,
  place: number,
  direction: 1 | -1,
  filter: StepFilter,
): number | undefined {
  for (let at = place + direction; at >= 0 && at < story.events.length; at += direction) {
    const event = story.events[at];
    if (event !== undefined && passes(story, event, filter)) return at;
  }
  return undefined;
}

/** Up to `count` places before and after one that pass the filter, and that one itself. */
export function placesAround(
  story: Story,
  place: number,
  count: number,
  filter: StepFilter,
): readonly number[] {
  const around = (direction: 1 | -1): number[] => {
    const found: number[] = [];
    let at = stepFrom(story, place, direction, filter);
    while (at !== undefined && found.length < count) {
      found.push(at);
      at = stepFrom(story, at, direction, filter);
    }
    return found;
  };
  return [...around(-1).toReversed(), place, ...around(1)];
}

/** The place of an event by its number; the next one if that is not in the trace. */
export function placeOfNumber(story: Story, number: number): number {
  const place = story.events.findIndex((event) => event.number >= number);
  return place === -1 ? story.events.length - 1 : place;
}

/** Where the page opens: at the violation, or at the beginning. */
export function firstPlace(story: Story): number {
  return Math.max(
    story.events.findIndex((event) => event.type === 'violation'),
    0,
  );
}

function concerns(story: Story, event: TraceEvent, name: string): boolean {
  if (event.type === 'violation' || event.type === 'phase') return true;
  if ('links' in event) return event.links.some((link) => link.includes(name));
  if ('message' in event) {
    const sent = story.sends.get(event.message);
    return sent?.from === name || sent?.to === name;
  }
  return rowOfEvent(story, event) === name || event.node === name;
}

function types(...list: readonly EventType[]): ReadonlySet<EventType> {
  return new Set(list);
}
