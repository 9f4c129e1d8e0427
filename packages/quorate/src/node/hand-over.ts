import { allVoters } from '../core/membership.ts';
import type { Engine } from './engine.ts';

/**
 * Hands the leadership over, before the node ends or since its disk hangs, to whichever voter is
 * furthest; or waits for the hand-over that is under way. Resolves when this node leads no more or
 * cannot hand over, within the longest election timeout. Returns `undefined` if there is nothing to
 * hand over, or nobody.
 */
export function handOver(engine: Engine): Promise<void> | undefined {
  const { leadership, membership } = engine.state;
  if (leadership === undefined || allVoters(membership).length < 2) return undefined;
  const ended =
    leadership.transfer === undefined
      ? engine.ask((request) => ({ type: 'transferLeadership', request }))
      : engine.observers.waitFor(
          () => leadership.transfer === undefined || !leads(engine),
          undefined,
        );
  // Whether it came about makes no difference: the node ends, or goes on without having to.
  return ended.then(
    () => undefined,
    () => undefined,
  );
}

function leads(engine: Engine): boolean {
  return engine.state.leadership !== undefined;
}
