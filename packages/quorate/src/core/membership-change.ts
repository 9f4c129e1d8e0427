import type { MembershipChange, RequestId } from './event.ts';
import { proposeMembership } from './leader.ts';
import { faultOfChange, isJoint, nextMembership } from './membership.ts';
import type { CoreState } from './state.ts';
import { isRefusedByTransfer } from './transfer.ts';

/**
 * Begins a change of membership (section 6). One at a time, and none before this leader has
 * committed an entry of its own term: without that, changes of two terms that start from one
 * membership can lead to quorums that do not meet (Ongaro, raft-dev, July 2015).
 */
export function changeMembership(
  core: CoreState,
  request: RequestId,
  change: MembershipChange,
): void {
  if (core.leadership === undefined) {
    core.refuse(request, { type: 'notLeader', leader: core.leader });
    return;
  }
  if (isRefusedByTransfer(core, request)) return;
  const { membership, committed } = core;
  const reason = faultOfChange(membership, change);
  if (reason !== undefined) {
    core.refuse(request, { type: 'invalidMembership', reason });
    return;
  }
  const isUnderWay = isJoint(membership) || membership.logId.index > committed;
  if (isUnderWay || !core.hasCommittedInTerm) {
    const logId = isUnderWay ? membership.logId : core.last;
    core.refuse(request, { type: 'changeInProgress', logId });
    return;
  }
  const first = { term: core.term, index: core.last.index + 1 };
  core.reply(request, { type: 'accepted', first, count: 1 });
  proposeMembership(core, nextMembership(membership, change));
}
