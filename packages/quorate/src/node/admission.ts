import type { JoinRequest, LeaveRequest, MembersResponse } from '../contract/network.ts';
import { allVoters, isMember, isVoter } from '../core/membership.ts';
import { InvalidMembershipError } from '../errors.ts';
import { agrees, checkMember, infoAfter, infoOf } from './check-arguments.ts';
import type { Engine } from './engine.ts';
import { changeMembership } from './membership-calls.ts';
import { notLeader } from './refusal.ts';
import { changeVoters, isReady } from './voter-changes.ts';

/**
 * Gives a node a place in the cluster, one step at a time: it is added as a learner, and made a
 * voter by a later call, once it has caught up. A member that has moved has its new info replicated
 * first: nobody reaches it before. Repeating a call does no harm.
 *
 * @throws {NotLeaderError | ChangeInProgressError} if it is to be tried again, there or later.
 * @throws {InvalidMembershipError} if the name belongs to another disk.
 */
export async function admit(
  engine: Engine,
  { id, info, incarnation, voter }: JoinRequest,
  signal: AbortSignal | undefined,
): Promise<MembersResponse> {
  checkMember(id, info);
  demandLeading(engine);
  const { membership } = engine.state;
  const known = membership.nodes[id];
  if (known === undefined) {
    const member = { ...infoOf(info), incarnation };
    await changeMembership(engine, { type: 'addLearner', id, info: member }, signal);
  } else if (known.incarnation !== undefined && known.incarnation !== incarnation) {
    throw new InvalidMembershipError(
      `The name ${id} belongs to a node with disk ${known.incarnation}, and disk ${incarnation} asks to join by it. A name is never used again: start the node under a new one, and remove ${id}.`,
    );
  } else if (!agrees(known, info)) {
    const moved = infoAfter({ ...known, incarnation }, info);
    await changeMembership(engine, { type: 'updateNode', id, info: moved }, signal);
  } else if (voter && !isVoter(membership, id) && isReady(engine, id)) {
    const voters = [...allVoters(membership), id];
    await changeVoters(engine, {
      voters,
      keepRemoved: false,
      force: false,
      basedOn: membership,
      signal,
    });
  }
  return answer(engine);
}

/**
 * Removes a node that asks for it.
 *
 * @throws {NotLeaderError | ChangeInProgressError} if it is to be tried again, there or later.
 * @throws {InvalidMembershipError} if the others could not go on without it.
 */
export async function dismiss(
  engine: Engine,
  { id }: LeaveRequest,
  signal: AbortSignal | undefined,
): Promise<MembersResponse> {
  demandLeading(engine);
  const { membership } = engine.state;
  if (isVoter(membership, id)) {
    const voters = allVoters(membership).filter((one) => one !== id);
    if (voters.length === 0) {
      throw new InvalidMembershipError(
        `${id} is the only voter, and a cluster needs one. Make another node a voter first, or close ${id} for good.`,
      );
    }
    await changeVoters(engine, {
      voters,
      keepRemoved: false,
      force: false,
      basedOn: membership,
      signal,
    });
  } else if (isMember(membership, id)) {
    await changeMembership(engine, { type: 'removeLearner', id }, signal);
  }
  return answer(engine);
}

function demandLeading({ id, state }: Engine): void {
  if (state.leadership === undefined) throw notLeader(id, state.leader, state.membership);
}

function answer({ members, state }: Engine): MembersResponse {
  return { membership: members.committed ?? state.membership };
}
