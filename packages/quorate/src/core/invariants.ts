import { assert } from './assert.ts';
import { isMember } from './membership.ts';
import type { CoreState } from './state.ts';
import type { LogIndex, NodeId, Role, Term } from './types.ts';

/** What one check hands to the next, to compare a state with the one before it. */
export interface Remembered {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly leader: NodeId | undefined;
  readonly role: Role;
  readonly last: LogIndex;
  readonly committed: LogIndex;
  readonly applying: LogIndex;
  readonly applied: LogIndex;
  readonly persistedWrite: number;
  readonly matches: ReadonlyMap<NodeId, LogIndex>;
}

/**
 * Checks everything that must hold on one node after every step, and against the step before.
 * Tests and the simulator call it; a running node does not. Throws at the first thing that is
 * wrong.
 */
export function checkInvariants(core: Readonly<CoreState>, before?: Remembered): Remembered {
  checkLog(core);
  checkRole(core);
  if (core.leadership !== undefined) checkProgress(core);
  if (before !== undefined) checkChange(core, before);
  return remember(core);
}

function checkLog(core: Readonly<CoreState>): void {
  const { log, snapshot, committed, durable, applied, applying, verified, last } = core;
  // While a snapshot is being restored, the state machine is behind even the purged end.
  const restored = core.isRestoring ? log.purged.index : applied;
  const chain = [log.purged.index, snapshot.index, restored, applying, committed, last.index];
  assert(
    chain.every((index, at) => at === 0 || (chain[at - 1] as number) <= index),
    () => `purged <= snapshot <= applied <= applying <= committed <= last, not ${chain.join(', ')}`,
  );
  assert(applied <= applying, () => `applied ${applied} must not pass applying ${applying}`);
  assert(
    applying <= durable,
    () => `applying ${applying} must not run ahead of durable ${durable}`,
  );
  assert(durable <= last.index, () => `durable ${durable} must lie in the log up to ${last.index}`);
  assert(
    verified <= last.index,
    () => `verified ${verified} must lie in the log up to ${last.index}`,
  );
  const { all } = core.memberships;
  assert(
    all.every(({ logId }, at) => at === 0 || (all[at - 1]?.logId.index ?? 0) < logId.index),
    'memberships must be in the order of their entries',
  );
  assert(core.membership.logId.index <= last.index, 'the membership in force must be in the log');
  assert(
    last.term <= core.term,
    () => `the last entry's term ${last.term} must not pass ${core.term}`,
  );
}

function checkRole(core: Readonly<CoreState>): void {
  const { role } = core;
  assert(
    (role === 'leader') === (core.leadership !== undefined),
    'a leader, and only one, has office',
  );
  assert(
    (role === 'candidate') === (core.campaign !== undefined),
    'a candidate, and only one, campaigns',
  );
  if (role === 'leader') {
    assert(core.leader === core.id, 'a leader knows that it leads');
    assert(core.votedFor === core.id && core.isVoteDurable, 'a leader has its own vote on disk');
  }
  if (role === 'candidate') {
    assert(core.leader === undefined, 'a candidate knows no leader');
    if (core.campaign?.phase === 'vote')
      assert(core.votedFor === core.id, 'a candidate votes for itself');
  }
  if (role === 'learner') assert(!core.isVoter, 'a learner has no vote');
  if (role === 'follower') assert(core.isVoter, 'a follower is a voter');
  if (core.isQuarantined) {
    const isQuiet = role === 'follower' || role === 'learner';
    assert(isQuiet && core.electionAt === Infinity, 'a node in quarantine never campaigns');
  }
  if (role === 'learner') assert(core.electionAt === Infinity, 'a learner never campaigns');
}

function checkProgress(core: Readonly<CoreState>): void {
  const { leadership, last, membership } = core;
  assert(leadership !== undefined, 'only a leader has progress');
  const { transfer } = leadership;
  assert(
    transfer === undefined || leadership.hasBegunTransfer,
    'whoever hands over has no lease in this term',
  );
  const { progress, calls } = leadership;
  const others = Object.keys(membership.nodes).filter((id) => id !== core.id);
  assert(progress.size === others.length, 'a leader has one record for each other member');
  const inflight = new Map<string, number>();
  for (const made of calls.values()) {
    const isCounted = made.kind === 'append' && made.epoch === made.progress.epoch;
    if (isCounted) inflight.set(made.progress.id, (inflight.get(made.progress.id) ?? 0) + 1);
  }
  for (const one of progress.values()) {
    const { id, matchIndex, nextIndex, state } = one;
    assert(isMember(membership, id), () => `${id} has progress and is no member`);
    assert(
      matchIndex < nextIndex,
      () => `${id}: match ${matchIndex} must stay below next ${nextIndex}`,
    );
    assert(
      nextIndex <= last.index + 1,
      () => `${id}: next ${nextIndex} must follow last ${last.index}`,
    );
    assert(
      one.inflight === (inflight.get(id) ?? 0),
      () => `${id}: the window must count the open calls`,
    );
    assert(
      state !== 'snapshot' || nextIndex <= core.log.purged.index,
      () => `${id}: entry ${nextIndex} is in the log, and it is to get a snapshot`,
    );
    const isRecorded = one.snapshotCall === undefined || calls.has(one.snapshotCall);
    assert(isRecorded, () => `${id}: the snapshot call must be among the open ones`);
    const window = state === 'probe' ? 1 : core.options.maxInflightAppends;
    assert(one.inflight <= window, () => `${id}: ${one.inflight} calls in a window of ${window}`);
  }
  const { all } = core.memberships;
  const begun = all.filter(
    ({ logId: { index, term } }) => index > core.committed && term === core.term,
  );
  assert(begun.length <= 1, 'a leader begins one change, and the next once that is committed');
}

function checkChange(core: Readonly<CoreState>, before: Remembered): void {
  assert(core.term >= before.term, () => `term fell from ${before.term} to ${core.term}`);
  for (const name of ['committed', 'applying', 'applied', 'persistedWrite'] as const) {
    assert(core[name] >= before[name], () => `${name} fell from ${before[name]} to ${core[name]}`);
  }
  if (core.term !== before.term) return;
  assert(
    before.votedFor === undefined || core.votedFor === before.votedFor,
    () => `the vote of term ${core.term} went from ${before.votedFor} to ${core.votedFor}`,
  );
  if (core.role !== 'leader' || before.role !== 'leader') return;
  assert(core.last.index >= before.last, 'a leader only appends (section 5.3)');
  for (const { id, matchIndex } of core.leadership?.progress.values() ?? []) {
    const match = before.matches.get(id) ?? 0;
    assert(matchIndex >= match, () => `${id}: match fell from ${match} to ${matchIndex}`);
  }
}

function remember(core: Readonly<CoreState>): Remembered {
  const { term, votedFor, leader, role, committed, applying, applied, persistedWrite } = core;
  const progress = [...(core.leadership?.progress.values() ?? [])];
  const matches = new Map(progress.map(({ id, matchIndex }) => [id, matchIndex]));
  const last = core.last.index;
  return {
    term,
    votedFor,
    leader,
    role,
    last,
    committed,
    applying,
    applied,
    persistedWrite,
    matches,
  };
}
