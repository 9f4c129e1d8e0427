import type { TraceEvent } from '../../trace.ts';

/** A stretch of a node's line on which nothing of it changes: whether it runs, role and term. */
export type Life = {
  readonly node: string;
  /** The place of the event that began it. */
  readonly start: number;
  /** The place of the event that ended it, or one past the last event. */
  readonly end: number;
  readonly state: 'up' | 'paused' | 'down';
  readonly role: string;
  readonly term: number;
  readonly leader: string | undefined;
};

type Condition = Omit<Life, 'node' | 'start' | 'end'>;

const notYetStarted: Condition = { state: 'down', role: 'none', term: 0, leader: undefined };

/** The line of each node as stretches without a gap, from place 0 to the end. */
export function readLives(
  events: readonly TraceEvent[],
  nodes: readonly string[],
): ReadonlyMap<string, readonly Life[]> {
  const lives = new Map<string, Life[]>(nodes.map((node) => [node, []]));
  const now = new Map<string, { start: number; condition: Condition }>();
  const close = (node: string, end: number): void => {
    const last = now.get(node) ?? { start: 0, condition: notYetStarted };
    if (end > last.start)
      lives.get(node)?.push({ node, ...last.condition, start: last.start, end });
  };
  for (const [place, event] of events.entries()) {
    if (!('node' in event)) continue;
    const before = now.get(event.node)?.condition ?? notYetStarted;
    const condition = conditionAfter(before, event);
    if (condition === before) continue;
    close(event.node, place);
    now.set(event.node, { start: place, condition });
  }
  for (const node of nodes) close(node, events.length);
  return lives;
}

function conditionAfter(before: Condition, event: TraceEvent): Condition {
  switch (event.type) {
    case 'start':
      return { state: 'up', role: 'started', term: before.term, leader: undefined };
    case 'crash':
    case 'close':
      return { state: 'down', role: 'none', term: before.term, leader: undefined };
    case 'pause':
      return { ...before, state: 'paused' };
    case 'resume':
      return { ...before, state: 'up' };
    case 'wipe':
      return { ...before, term: 0 };
    case 'role': {
      const { role, term, leader } = event;
      // A node whose start lies before the trace shows by its role that it runs.
      return { state: before.state === 'down' ? 'up' : before.state, role, term, leader };
    }
    default:
      return before;
  }
}
