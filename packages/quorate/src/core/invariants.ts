import { assert } from './assert.ts';
import { isMember } from './membership.ts';
import type { Leadership } from './office.ts';
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
  const purged = log.purged.index;
  assert(
    purged <= snapshot.index &&
      snapshot.index <= restored &&
      restored <= applying &&
      applying <= committed &&
      committed <= last.index,
    () =>
      'purged <= snapshot <= applied <= applying <= committed <= last, not ' +
      [purged, snapshot.index, restored, applying, committed, last.index].join(', '),
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
  for (let at = 1; at < all.length; at += 1) {
    const isLater = (all[at - 1]?.logId.index ?? 0) < (all[at]?.logId.index ?? 0);
    assert(isLater, 'memberships must be in the order of their entries');
  }
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
  const others = otherCount(membership.nodes, core.id);
  assert(progress.size === others, 'a leader has one record for each other member');
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
    let open = 0;
    for (const made of calls.values()) {
      if (made.kind !== 'append' || made.progress.id !== id) continue;
      if (made.epoch === made.progress.epoch) open += 1;
    }
    assert(one.inflight === open, () => `${id}: the window must count the open calls`);
    assert(
      state !== 'snapshot' || nextIndex <= core.log.purged.index,
      () => `${id}: entry ${nextIndex} is in the log, and it is to get a snapshot`,
    );
    const isRecorded = one.snapshotCall === undefined || calls.has(one.snapshotCall);
    assert(isRecorded, () => `${id}: the snapshot call must be among the open ones`);
    const window = state === 'probe' ? 1 : core.options.maxInflightAppends;
    assert(one.inflight <= window, () => `${id}: ${one.inflight} calls in a window of ${window}`);
  }
  let begun = 0;
  for (const { logId } of core.memberships.all) {
    if (logId.index > core.committed && logId.term === core.term) begun += 1;
  }
  assert(begun <= 1, 'a leader begins one change, and the next once that is committed');
}

/** Counted in place, since it is asked for after every step of a leader. */
function otherCount(nodes: Readonly<Record<NodeId, unknown>>, self: NodeId): number {
  let count = 0;
  for (const id in nodes) if (id !== self && Object.hasOwn(nodes, id)) count += 1;
  return count;
}

function checkChange(core: Readonly<CoreState>, before: Remembered): void {
  assert(core.term >= before.term, () => `term fell from ${before.term} to ${core.term}`);
  checkRise('committed', before.committed, core.committed);
  checkRise('applying', before.applying, core.applying);
  checkRise('applied', before.applied, core.applied);
  checkRise('persistedWrite', before.persistedWrite, core.persistedWrite);
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

function checkRise(name: string, before: number, now: number): void {
  assert(now >= before, () => `${name} fell from ${before} to ${now}`);
}

const noMatches: ReadonlyMap<NodeId, LogIndex> = new Map();

function remember(core: Readonly<CoreState>): Remembered {
  const { term, votedFor, leader, role, committed, applying, applied, persistedWrite } = core;
  const { leadership } = core;
  const matches = leadership === undefined ? noMatches : matchesOf(leadership);
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

function matchesOf({ progress }: Leadership): ReadonlyMap<NodeId, LogIndex> {
  const matches = new Map<NodeId, LogIndex>();
  for (const { id, matchIndex } of progress.values()) matches.set(id, matchIndex);
  return matches;
}
