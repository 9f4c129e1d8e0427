import { allVoters, faultOfChange, isJoint } from '../core/membership.ts';
import { majority } from '../core/quorum.ts';
import type { CoreState } from '../core/state.ts';
import type { EffectiveMembership, NodeId } from '../core/types.ts';
import { ChangeInProgressError, InvalidMembershipError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { awaitVoters, changeMembership } from './membership-calls.ts';
import { waitWithin } from './wait-within.ts';

export interface VoterChange {
  readonly voters: readonly NodeId[];
  readonly keepRemoved: boolean;
  /** Ask neither whether the new voters have caught up nor whether enough of them live. */
  readonly force: boolean;
  /** The membership that `voters` were derived from, if they were: it must still be in force. */
  readonly basedOn?: EffectiveMembership;
  readonly signal: AbortSignal | undefined;
}

/** Makes `voters` the voters, unless the cluster would be worse off with them. */
export async function changeVoters(
  engine: Engine,
  { voters, keepRemoved, force, basedOn, signal }: VoterChange,
): Promise<EffectiveMembership> {
  const change = { type: 'changeVoters', voters: [...voters], keepRemoved } as const;
  // What is wrong with the change itself is for the core to say, and at once.
  const prepare = (): Promise<void> | undefined =>
    !force && isPossible(engine.state, voters)
      ? awaitReady(engine, voters, signal).then(() => demandSame(engine, basedOn))
      : demandSame(engine, basedOn);
  const logId = await changeMembership(engine, change, signal, prepare);
  return awaitVoters(engine, logId, signal);
}

/** @throws {ChangeInProgressError} if the voters are no longer those that the change began from. */
function demandSame({ state }: Engine, basedOn: EffectiveMembership | undefined): undefined {
  const { logId, voters } = state.membership;
  if (basedOn === undefined || JSON.stringify(voters) === JSON.stringify(basedOn.voters)) return;
  const message = 'Another change of the voters came first. Try again.';
  throw new ChangeInProgressError(message, { logId });
}

/** `true` if `id` answers, and lacks few enough entries to be made a voter now. */
export function isReady(engine: Engine, id: NodeId): boolean {
  return isHeard(engine, id) && lagOf(engine, id) <= engine.config.catchUpEntries;
}

/**
 * Waits until the voters that come in have caught up, so that the cluster does not wait for them
 * with every write from then on (thesis 4.2.1), and until a majority of the new voters answers.
 *
 * @throws {InvalidMembershipError} if they do not get there in time.
 */
async function awaitReady(
  engine: Engine,
  voters: readonly NodeId[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { catchUpTimeoutMs, electionTimeoutMs } = engine.config;
  const isLost = (): boolean => engine.state.leadership === undefined;
  const added = voters.filter((id) => !allVoters(engine.state.membership).includes(id));
  const areReady = (): boolean => isLost() || added.every((id) => isReady(engine, id));
  if (!(await waitWithin(engine, catchUpTimeoutMs, signal, areReady))) {
    throw new InvalidMembershipError(whyNotReady(engine, added));
  }
  const isMajority = (): boolean => countHeard(engine, voters) >= majority(voters.length);
  const live = (): boolean => isLost() || isMajority();
  if (await waitWithin(engine, electionTimeoutMs.max, signal, live)) return;
  throw new InvalidMembershipError(
    `Of the new voters ${voters.join(', ')} only ${countHeard(engine, voters)} answered within the last ${electionTimeoutMs.max} ms, and they need ${majority(voters.length)} to commit anything. Bring them back first; with \`force\` the change is made all the same.`,
  );
}

function isPossible(state: Readonly<CoreState>, voters: readonly NodeId[]): boolean {
  const { leadership, membership, committed, hasCommittedInTerm } = state;
  const isFree = !isJoint(membership) && membership.logId.index <= committed && hasCommittedInTerm;
  if (leadership === undefined || !isFree) return false;
  const change = { type: 'changeVoters', voters, keepRemoved: false } as const;
  return faultOfChange(membership, change) === undefined;
}

function countHeard(engine: Engine, voters: readonly NodeId[]): number {
  return voters.filter((id) => isHeard(engine, id)).length;
}

/** `true` if the node answered this leader within the longest election timeout. */
function isHeard({ id: self, state, runtime, config }: Engine, id: NodeId): boolean {
  if (id === self) return true;
  const answeredAt = state.leadership?.progress.get(id)?.lastAckAt ?? -Infinity;
  return runtime.now() - answeredAt <= config.electionTimeoutMs.max;
}

/** How many entries of the leader's log it lacks. */
function lagOf({ id: self, state }: Engine, id: NodeId): number {
  if (id === self) return 0;
  return state.last.index - (state.leadership?.progress.get(id)?.matchIndex ?? 0);
}

function whyNotReady(engine: Engine, added: readonly NodeId[]): string {
  const { catchUpEntries, catchUpTimeoutMs, electionTimeoutMs } = engine.config;
  const late = added.filter((id) => !isReady(engine, id));
  const reasons = late.map((id) =>
    isHeard(engine, id)
      ? `${id} lacks ${lagOf(engine, id)} entries, and may lack ${catchUpEntries}`
      : `${id} did not answer within the last ${electionTimeoutMs.max} ms`,
  );
  return `Nodes that are not ready cannot be made voters: ${reasons.join('; ')}. This was waited for ${catchUpTimeoutMs} ms. Try again later; with \`force\` the change is made all the same.`;
}
