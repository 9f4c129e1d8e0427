import { assert, assertNever } from './assert.ts';
import type { MembershipChange } from './event.ts';
import { noLogId } from './log-shape.ts';
import type { EffectiveMembership, LogId, LogIndex, Membership, NodeId } from './types.ts';

/** The membership of a node that belongs to no cluster yet. */
export const noMembership: EffectiveMembership = {
  cluster: '',
  voters: [],
  nodes: {},
  logId: noLogId,
};

export function isVoter(membership: Membership, id: NodeId): boolean {
  return membership.voters.some((voters) => voters.includes(id));
}

export function isMember(membership: Membership, id: NodeId): boolean {
  return Object.hasOwn(membership.nodes, id);
}

/** Two voter sets at once: a change of voters is under way. */
export function isJoint(membership: Membership): boolean {
  return membership.voters.length > 1;
}

/** Every node that has a vote in any of the sets, once. */
export function allVoters(membership: Membership): NodeId[] {
  return [...new Set(membership.voters.flat())];
}

/** Returns what is wrong with a first membership formed by `self`, or `undefined`. */
export function faultOfInitial(membership: Membership, self: NodeId): string | undefined {
  const [voters, ...others] = membership.voters;
  if (voters === undefined || voters.length === 0) return 'a cluster needs at least one voter';
  if (others.length > 0) return 'a new cluster starts with one voter set, not with two';
  if (!voters.includes(self)) {
    return `${self} is asked to form a cluster that it is not a voter of (${voters.join(', ')})`;
  }
  if (voters.includes('')) return 'a node id must not be empty';
  return faultOfVoters(membership, voters);
}

/** Returns what is wrong with `change` as the next after `current`, or `undefined`. */
export function faultOfChange(current: Membership, change: MembershipChange): string | undefined {
  if (change.type === 'changeVoters') return faultOfVoters(current, change.voters);
  const { id } = change;
  if (change.type === 'addLearner') {
    if (id === '') return 'a node id must not be empty';
    return isMember(current, id)
      ? `${id} is a member already; use updateNode to change it`
      : undefined;
  }
  if (!isMember(current, id)) return `${id} is not a member (${memberList(current)})`;
  if (change.type === 'removeLearner' && isVoter(current, id)) {
    return `${id} is a voter; change the voters first`;
  }
  return undefined;
}

/** Returns the membership that `change` leads to; for a change of voters, the joint one. */
export function nextMembership(current: Membership, change: MembershipChange): Membership {
  const { cluster, voters, nodes } = current;
  switch (change.type) {
    case 'addLearner':
      return { cluster, voters, nodes: { ...nodes, [change.id]: change.info } };
    case 'updateNode': {
      const incarnation = nodes[change.id]?.incarnation;
      const info = incarnation === undefined ? change.info : { ...change.info, incarnation };
      return { cluster, voters, nodes: { ...nodes, [change.id]: info } };
    }
    case 'removeLearner':
      return { cluster, voters, nodes: without(nodes, [change.id]) };
    case 'changeVoters': {
      const before = voters[0] ?? [];
      const removed = before.filter((id) => !change.voters.includes(id));
      const joint = { cluster, voters: [before, [...change.voters]], nodes };
      return change.keepRemoved || removed.length === 0 ? joint : { ...joint, leaving: removed };
    }
    default:
      return assertNever(change);
  }
}

/** Returns the membership that ends a joint one: the new voters alone. */
export function completedMembership(joint: Membership): Membership {
  const voters = joint.voters.at(-1);
  assert(isJoint(joint) && voters !== undefined, 'only a joint membership can be completed');
  const { cluster } = joint;
  return { cluster, voters: [voters], nodes: without(joint.nodes, joint.leaving ?? []) };
}

/**
 * The memberships in a log, oldest first. The last one is in force, from the moment it is appended
 * (section 6, last rule); truncating its entry brings back the one before.
 */
export class MembershipHistory {
  #memberships: EffectiveMembership[];

  /** What a snapshot covers is committed, and a membership in force then is among `memberships`. */
  constructor(memberships: readonly EffectiveMembership[], snapshot: LogIndex = 0) {
    const first = memberships[0]?.logId.index ?? Infinity;
    assert(
      first <= snapshot || snapshot === 0,
      () => `the membership in force at ${snapshot}, where the snapshot ends, must be known`,
    );
    // A first membership that is not in a snapshot can be truncated; then none is left.
    this.#memberships = first > snapshot ? [noMembership, ...memberships] : [...memberships];
  }

  get current(): EffectiveMembership {
    return this.#memberships[this.#memberships.length - 1] as EffectiveMembership;
  }

  /**
   * Whether `id` votes in the one in force, or in the one before if that change may not be
   * committed yet. What is older is committed for certain: no leader begins a change before the
   * last one is.
   */
  isRecentVoter(id: NodeId): boolean {
    if (isVoter(this.current, id)) return true;
    const { length } = this.#memberships;
    return length > 1 && isVoter(this.#memberships[length - 2] as EffectiveMembership, id);
  }

  get all(): readonly EffectiveMembership[] {
    return this.#memberships;
  }

  append(membership: EffectiveMembership): void {
    assert(
      membership.logId.index > this.current.logId.index,
      () =>
        `the membership of entry ${membership.logId.index} must be newer than that of ${this.current.logId.index}`,
    );
    this.#memberships.push(membership);
  }

  truncate(index: LogIndex): void {
    this.#memberships = this.#memberships.filter(({ logId }) => logId.index <= index);
    assert(this.#memberships.length > 0, () => `a membership up to ${index} must remain`);
  }

  /** Begins with `first`, the membership of a snapshot; of the others those in the log stay. */
  install(first: EffectiveMembership, log: { readonly purged: LogId; readonly last: LogId }): void {
    const rest = this.#memberships.filter(
      ({ logId: { index } }) => index > log.purged.index && index <= log.last.index,
    );
    this.#memberships = [first, ...rest];
  }

  /** Forgets what can no longer come back: all but the newest of those up to `committed`. */
  commit(committed: LogIndex): void {
    const second = this.#memberships[1];
    if (second === undefined || second.logId.index > committed) return;
    const newest = this.#memberships.findLastIndex(({ logId }) => logId.index <= committed);
    this.#memberships.splice(0, newest);
  }
}

function faultOfVoters(membership: Membership, voters: readonly NodeId[]): string | undefined {
  if (voters.length === 0) return 'a cluster needs at least one voter';
  if (new Set(voters).size !== voters.length) {
    return `a voter is named twice (${voters.join(', ')})`;
  }
  const unknown = voters.filter((id) => !isMember(membership, id));
  if (unknown.length === 0) return undefined;
  const verb = unknown.length === 1 ? 'is' : 'are';
  return `${unknown.join(', ')} ${verb} not a member (${memberList(membership)}); add it as a learner first`;
}

function memberList(membership: Membership): string {
  return `the members are ${Object.keys(membership.nodes).join(', ')}`;
}

function without(nodes: Membership['nodes'], ids: readonly NodeId[]): Membership['nodes'] {
  return Object.fromEntries(Object.entries(nodes).filter(([id]) => !ids.includes(id)));
}
