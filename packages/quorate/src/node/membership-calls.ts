import { assert } from '../core/assert.ts';
import type { MembershipChange } from '../core/event.ts';
import { isMember } from '../core/membership.ts';
import type { EffectiveMembership, LogId, LogIndex, NodeId } from '../core/types.ts';
import { ChangeInProgressError, InvalidMembershipError, LeadershipLostError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { withSignal } from './signal.ts';
import { waitWithin } from './wait-within.ts';

/** A learner that is busy with its snapshot is asked again after so many heartbeats at most. */
const longestPauseBeats = 16;

/**
 * Makes a change and waits until it is committed. A change that nobody asked for goes first, and so
 * does the first entry of a new leader, without which no change may begin.
 */
export async function changeMembership(
  engine: Engine,
  change: MembershipChange,
  signal: AbortSignal | undefined,
  prepare: () => Promise<void> | undefined = () => undefined,
): Promise<LogId> {
  for (;;) {
    // Before each try: what was true before a wait need not be true after it.
    const prepared = prepare();
    if (prepared !== undefined) await prepared;
    try {
      return await commitChange(engine, change, signal);
    } catch (error) {
      if (!(error instanceof ChangeInProgressError)) throw error;
      const { changing } = engine.members.incarnations;
      if (changing !== undefined) await withSignal(changing, signal);
      else if (isNewInOffice(engine)) {
        await engine.observers.waitFor(() => !isNewInOffice(engine), signal);
      } else throw error;
    }
  }
}

/** This node leads, and has committed nothing in its term yet. */
function isNewInOffice({ state }: Engine): boolean {
  return state.leadership !== undefined && !state.hasCommittedInTerm;
}

/** Makes a change and waits until it is committed. */
export async function commitChange(
  engine: Engine,
  change: MembershipChange,
  signal: AbortSignal | undefined,
): Promise<LogId> {
  const answer = await engine.ask(
    (request) => ({ type: 'changeMembership', request, change }),
    signal,
  );
  assert(answer.type === 'accepted', () => `a change cannot be answered by ${answer.type}`);
  await awaitCommit(engine, answer.first, signal);
  return answer.first;
}

/** Waits until the entry is committed, whoever leads by then. */
export async function awaitCommit(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<void> {
  await awaitOrLose(engine, logId, signal, () => isCommitted(engine, logId) || undefined);
}

/**
 * Waits until learner `id` has all that the leader has now, and has applied what of it is committed
 * now: an answer to a snapshot says that the learner has it, and not yet that it has restored it.
 *
 * @throws {InvalidMembershipError} if the learner is removed before that.
 */
export async function awaitCatchUp(
  engine: Engine,
  id: NodeId,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { last, committed } = engine.state;
  await awaitOrLose(engine, logId, signal, () => {
    demandLearner(engine, id);
    const matchIndex = engine.state.leadership?.progress.get(id)?.matchIndex ?? 0;
    return matchIndex >= last.index || undefined;
  });
  // The protocol does not tell the leader how far others have applied, so it asks.
  const { heartbeatMs } = engine.config;
  let pauseMs = heartbeatMs;
  while (!(await hasApplied(engine, id, committed, signal))) {
    await findOrLose(engine, { logId, ms: pauseMs, signal }, () => demandLearner(engine, id));
    pauseMs = Math.min(2 * pauseMs, longestPauseBeats * heartbeatMs);
  }
}

/** @throws {InvalidMembershipError} if this node leads, and `id` is no member any more. */
function demandLearner({ state }: Engine, id: NodeId): undefined {
  if (state.leadership === undefined || isMember(state.membership, id)) return;
  throw new InvalidMembershipError(`Learner ${id} was removed before it had caught up.`);
}

/** Asks `id`. One that does not say how far it has come is taken for as far as its log is. */
async function hasApplied(
  engine: Engine,
  id: NodeId,
  index: LogIndex,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const info = engine.state.membership.nodes[id];
  if (info === undefined) return false;
  try {
    const { applied } = await withSignal(engine.members.identify({ id, info }), signal);
    return applied === undefined || applied >= index;
  } catch {
    signal?.throwIfAborted();
    engine.demandRunning({ isLogged: true });
    return false; // Out of reach for now.
  }
}

/** Waits until the joint membership of entry `logId` has given way to the new voters alone. */
export function awaitVoters(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
): Promise<EffectiveMembership> {
  return awaitOrLose(engine, logId, signal, () => {
    if (!isCommitted(engine, logId)) return undefined;
    const { memberships, committed } = engine.state;
    // The next change may have begun already; what it appended is not committed yet.
    const newest = memberships.all.findLast((one) => one.logId.index <= committed);
    return newest !== undefined && newest.logId.index > logId.index ? newest : undefined;
  });
}

/** A change ends when there is something to `find`, or with the leadership that began it. */
async function awaitOrLose<Found extends object | true>(
  engine: Engine,
  logId: LogId,
  signal: AbortSignal | undefined,
  find: () => Found | undefined,
): Promise<Found> {
  const found = await findOrLose(engine, { logId, ms: undefined, signal }, find);
  assert(found !== undefined, 'without a bound it is found, or thrown what came in between');
  return found;
}

interface Wait {
  readonly logId: LogId;
  /** `undefined` is as long as it takes. */
  readonly ms: number | undefined;
  readonly signal: AbortSignal | undefined;
}

async function findOrLose<Found extends object | true>(
  engine: Engine,
  { logId, ms, signal }: Wait,
  find: () => Found | undefined,
): Promise<Found | undefined> {
  let found: Found | undefined;
  const isOver = (): boolean => {
    // Kept, since it may be gone again when the caller gets its turn.
    found = find();
    return found !== undefined || engine.state.leadership === undefined;
  };
  try {
    if (ms === undefined) await engine.observers.waitFor(isOver, signal);
    else if (!(await waitWithin(engine, ms, signal, isOver))) return undefined;
  } catch (reason) {
    // A node that stops cannot take back what is in its log.
    if (signal?.aborted !== true) engine.demandRunning({ isLogged: true });
    throw reason;
  }
  if (found !== undefined) return found;
  throw new LeadershipLostError(
    `Leadership was lost before the membership change of entry ${logId.index} of term ${logId.term} was complete; another leader may complete it.`,
    { logId, maybeApplied: true },
  );
}

function isCommitted(engine: Engine, { term, index }: LogId): boolean {
  const { committed, log } = engine.state;
  return committed >= index && log.termAt(index) === term;
}
