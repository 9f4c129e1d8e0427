import { lastAtOrBefore } from './axis.ts';
import type { Life } from './lives.ts';
import type { TermRun } from './run.ts';
import type { Story } from './story.ts';

/** What the trace has told of one node up to an event. */
export type NodeState = {
  readonly node: string;
  readonly life: Life | undefined;
  /** Undefined as long as the trace has not told. */
  readonly committed: number | undefined;
  readonly applied: number | undefined;
  readonly log: KnownLog | undefined;
};

export type KnownLog = {
  /** The first index that is not purged. */
  readonly first: number;
  readonly terms: readonly TermRun[];
};

/** All nodes as they are right after the event at `place`. */
export function nodeStatesAt(story: Story, place: number): readonly NodeState[] {
  return story.nodes.map((node) => {
    const tellings = story.tellings.get(node);
    const began = lastAtOrBefore(tellings?.beginnings ?? [], place) ?? -1;
    const wiped = lastAtOrBefore(tellings?.wipes ?? [], place) ?? -1;
    return {
      node,
      life: lifeAt(story, node, place),
      committed: indexAt(story, lastAtOrBefore(tellings?.commits ?? [], place), began),
      applied: indexAt(story, lastAtOrBefore(tellings?.applies ?? [], place), began),
      log: logAt(story, lastAtOrBefore(tellings?.logs ?? [], place), wiped),
    };
  });
}

/** The last index of a log; one less than `first` when it has no entry. */
export function lastIndexOf(log: KnownLog): number {
  return log.terms.reduce((index, [, count]) => index + count, log.first - 1);
}

/** The term of the entry at `index`, or undefined where the log has none. */
export function termAt(log: KnownLog, index: number): number | undefined {
  if (index < log.first) return undefined;
  let next = log.first;
  for (const [term, count] of log.terms) {
    next += count;
    if (index < next) return term;
  }
  return undefined;
}

export function lifeAt(story: Story, node: string, place: number): Life | undefined {
  const lives = story.lives.get(node) ?? [];
  let from = 0;
  let to = lives.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((lives[middle]?.start ?? 0) <= place) from = middle + 1;
    else to = middle;
  }
  return lives[from - 1];
}

function indexAt(story: Story, place: number | undefined, began: number): number | undefined {
  const event = place === undefined || place < began ? undefined : story.events[place];
  return event?.type === 'commit' || event?.type === 'apply' ? event.index : undefined;
}

function logAt(story: Story, place: number | undefined, wiped: number): KnownLog | undefined {
  const event = place === undefined || place < wiped ? undefined : story.events[place];
  return event?.type === 'log' ? { first: event.first, terms: event.terms } : undefined;
}
