import type { TraceEvent } from '../../trace.ts';
import { type Band, type Cut, readBands, readCuts } from './cuts.ts';
import { type Leg, readLegs } from './legs.ts';
import { type Life, readLives } from './lives.ts';
import type { Run } from './run.ts';

/** A call of a client, from the place of the call to that of its return. */
export type Operation = {
  readonly client: string;
  readonly start: number;
  /** One past the last event when it never returned. */
  readonly end: number;
  readonly isReturned: boolean;
  readonly text: string;
};

/** The places, in rising order, of the events of one node that tell what it holds. */
export type Tellings = {
  readonly logs: readonly number[];
  readonly commits: readonly number[];
  readonly applies: readonly number[];
  /** Starts and wipes: what was committed and applied before counts no more. */
  readonly beginnings: readonly number[];
  readonly wipes: readonly number[];
};

type Send = Extract<TraceEvent, { readonly type: 'send' }>;

/** A run, arranged for drawing: what lasts is a stretch, and rows have names. */
export type Story = {
  readonly run: Run;
  readonly events: readonly TraceEvent[];
  readonly nodes: readonly string[];
  readonly clients: readonly string[];
  readonly legs: readonly Leg[];
  readonly lives: ReadonlyMap<string, readonly Life[]>;
  readonly cuts: readonly Cut[];
  readonly bands: readonly Band[];
  readonly operations: readonly Operation[];
  readonly tellings: ReadonlyMap<string, Tellings>;
  /** How each message was sent, since its later events name only its number. */
  readonly sends: ReadonlyMap<number, Send>;
};

export function readStory(run: Run): Story {
  const { events } = run;
  const { nodes, clients } = readNames(run);
  const cuts = readCuts(events);
  return {
    run,
    events,
    nodes,
    clients,
    legs: readLegs(events),
    lives: readLives(events, nodes),
    cuts,
    bands: readBands(cuts, nodes),
    operations: readOperations(events),
    tellings: readTellings(events, nodes),
    sends: readSends(events),
  };
}

/** The row of the diagram on which an event stands, or undefined if it concerns them all. */
export function rowOfEvent(story: Story, event: TraceEvent): string | undefined {
  if ('client' in event) return event.client;
  if ('node' in event) return event.node;
  if (!('message' in event)) return undefined;
  const sent = story.sends.get(event.message);
  return event.type === 'deliver' || event.type === 'lose' ? sent?.to : sent?.from;
}

/** The nodes of the file, then those that only events name; a trace cut short must still open. */
function readNames(run: Run): {
  readonly nodes: readonly string[];
  readonly clients: readonly string[];
} {
  const nodes = new Set(run.nodes);
  const clients = new Set<string>();
  for (const event of run.events) if ('client' in event) clients.add(event.client);
  const add = (name: string): void => {
    if (!clients.has(name)) nodes.add(name);
  };
  for (const event of run.events) {
    if ('links' in event) for (const name of event.links.flat()) add(name);
    else if (event.type === 'send') [event.from, event.to].forEach(add);
    else if ('node' in event && !('client' in event)) add(event.node);
  }
  return { nodes: [...nodes], clients: [...clients].sort(byNumber) };
}

/** As people count: c2 comes before c10. */
function byNumber(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

function readOperations(events: readonly TraceEvent[]): readonly Operation[] {
  const operations: Operation[] = [];
  const open = new Map<string, Omit<Operation, 'end' | 'isReturned'>>();
  for (const [start, event] of events.entries()) {
    if (event.type !== 'call' && event.type !== 'return') continue;
    const key = JSON.stringify([event.client, event.operation]);
    const { client, text } = event;
    const call = open.get(key);
    if (event.type === 'call') open.set(key, { client, start, text });
    if (event.type === 'call' || call === undefined) continue;
    open.delete(key);
    operations.push({ ...call, end: start, isReturned: true, text: `${call.text} → ${text}` });
  }
  for (const call of open.values()) {
    operations.push({ ...call, end: events.length, isReturned: false });
  }
  return operations.sort((left, right) => left.start - right.start);
}

function readTellings(
  events: readonly TraceEvent[],
  nodes: readonly string[],
): ReadonlyMap<string, Tellings> {
  const empty = (): Record<keyof Tellings, number[]> => ({
    logs: [],
    commits: [],
    applies: [],
    beginnings: [],
    wipes: [],
  });
  const tellings = new Map(nodes.map((node) => [node, empty()]));
  for (const [place, event] of events.entries()) {
    const of = 'node' in event ? tellings.get(event.node) : undefined;
    if (of === undefined) continue;
    if (event.type === 'log') of.logs.push(place);
    if (event.type === 'commit') of.commits.push(place);
    if (event.type === 'apply') of.applies.push(place);
    if (event.type === 'start' || event.type === 'wipe') of.beginnings.push(place);
    if (event.type === 'wipe') of.wipes.push(place);
  }
  return tellings;
}

function readSends(events: readonly TraceEvent[]): ReadonlyMap<number, Send> {
  const sends = new Map<number, Send>();
  for (const event of events) if (event.type === 'send') sends.set(event.message, event);
  return sends;
}
