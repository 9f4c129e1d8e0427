import { KvError, type KvErrorCode, RecipeError } from '../../src/client.ts';
import type { Outcome } from '../checks/exactly-once.ts';
import type { FaultKind, KvKnobs } from './knobs.ts';

/** What may become of any call while members come and go. */
const usual: ReadonlySet<KvErrorCode> = new Set([
  'KV_NO_LEADER',
  'KV_MAYBE',
  'KV_TIMEOUT',
  'KV_OVERLOADED',
  'KV_STOPPING',
]);

/** After these a member may say that it is not to be asked any more. */
const outOfService: readonly FaultKind[] = ['disk.damage', 'disk.misread', 'state.differs'];

/** Whether a call may fail so; anything else is a failure of the run. */
export function isAllowed(
  error: unknown,
  { config, faults }: Pick<KvKnobs, 'config' | 'faults'>,
  expected: readonly KvErrorCode[] = [],
): boolean {
  if (error instanceof RecipeError) return error.code === 'KV_CONFLICT';
  if (!(error instanceof KvError)) return false;
  if (error.code === 'KV_SESSION_EXPIRED') return (config.maxSessions ?? Infinity) < 100;
  if (error.code === 'KV_UNHEALTHY') return outOfService.some((kind) => faults[kind]);
  return usual.has(error.code) || expected.includes(error.code);
}

/** What became of a write that failed so. */
export function outcomeOf(error: unknown): Exclude<Outcome, 'done'> {
  return error instanceof KvError && error.maybeApplied ? 'unknown' : 'refused';
}
