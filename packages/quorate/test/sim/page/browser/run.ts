import type { RunFile, TraceEvent } from '../../trace.ts';

/** What the page needs of a run's file: all but the choices, which only a replay reads. */
export type Run = Pick<RunFile, 'version' | 'seed' | 'knobs' | 'nodes' | 'events'>;

export type EventType = TraceEvent['type'];

/** A connection in one direction. */
export type Link = Extract<TraceEvent, { readonly type: 'cut' | 'heal' }>['links'][number];

/** As many entries of one term as follow each other in a log. */
export type TermRun = Extract<TraceEvent, { readonly type: 'log' }>['terms'][number];
