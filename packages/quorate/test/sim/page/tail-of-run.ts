import type { TraceEvent } from '../trace.ts';
import { cutsAt, readCuts } from './browser/cuts.ts';
import type { Run } from './browser/run.ts';

/**
 * The run with at most about `most` events: the last ones, which is where the violation is, and of
 * those before only what still holds: each node's last start or end, role, log, commit and apply,
 * the links that are cut, and the sending of what arrives later.
 */
export function tailOfRun(run: Run, most: number): Run {
  const { events } = run;
  if (events.length <= most) return run;
  const from = events.length - most;
  const tail = events.slice(from);
  const answered = new Set(tail.flatMap((event) => ('message' in event ? [event.message] : [])));
  const last = new Map<string, TraceEvent>();
  const kept: TraceEvent[] = [];
  for (const event of events.slice(0, from)) {
    const key = standingKey(event);
    if (key !== undefined) last.set(key, event);
    if (event.type === 'send' && answered.has(event.message)) kept.push(event);
  }
  const cuts = cutsAt(readCuts(events.slice(0, from)), from - 1);
  const first = tail[0];
  if (cuts.length > 0 && first !== undefined) {
    const links = cuts.map((cut) => [cut.from, cut.to] as const);
    kept.push({ number: first.number - 1, at: first.at, type: 'cut', links });
  }
  const standing = [...last.values(), ...kept].sort((left, right) => left.number - right.number);
  return { ...run, events: [...standing, ...tail] };
}

/** Events of one key replace each other. */
function standingKey(event: TraceEvent): string | undefined {
  switch (event.type) {
    case 'start':
    case 'crash':
    case 'close':
      return `life ${event.node}`;
    case 'pause':
    case 'resume':
      return `pause ${event.node}`;
    case 'wipe':
    case 'role':
    case 'log':
    case 'commit':
    case 'apply':
      return `${event.type} ${event.node}`;
    default:
      return undefined;
  }
}
