import type { EffectiveMembership, NodeId, Runtime } from 'quorate';
import { KvError } from '../../errors.ts';
import { pause } from '../../pause.ts';
import type {
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MembershipChange,
} from '../../types.ts';
import type { Leadership } from './leadership.ts';
import type { MemberCalls, MemberMethod } from './member-calls.ts';
import { formerNames, learnerData, rememberedBy } from './membership-data.ts';
import {
  checkMemberAddress,
  checkMemberName,
  movedMessage,
  noMajorityMessage,
  refused,
  unknownMember,
  usedNameMessage,
} from './membership-refusals.ts';
import type { KvRaft } from './node.ts';
import { membersOf } from './status.ts';

export interface MembershipOptions {
  readonly raft: KvRaft;
  readonly runtime: Runtime;
  readonly leadership: Leadership;
  readonly calls: MemberCalls;
  readonly scheme: 'tcp' | 'tls';
}

interface Call {
  readonly signal: AbortSignal;
}

/** Another change is over after a round trip or two; one that lasts longer is for the caller. */
const pauseMs = 50;
const mostTries = 100;

/** The methods of a change, and what each is asked with. */
interface Requests {
  readonly memberAdd: MemberAddRequest;
  readonly memberPromote: MemberPromoteRequest;
  readonly memberRemove: MemberRemoveRequest;
}

/**
 * Changes who is in the cluster. Any member takes a change, and passes it on to the leader. Each
 * can be repeated: what was done already is answered as such, and nothing is done twice.
 */
export class MembershipCalls {
  readonly #options: MembershipOptions;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  async add(request: MemberAddRequest, call: Call): Promise<MembershipChange> {
    checkMemberName('The name of a new member', request.id);
    checkMemberAddress(request.address);
    return this.#atLeader('memberAdd', request, call);
  }

  async promote(request: MemberPromoteRequest, call: Call): Promise<MembershipChange> {
    const { id, insteadOf } = request;
    checkMemberName('The name of a member', id);
    if (insteadOf === id) {
      throw new KvError('KV_INVALID', `${id} cannot take its own place. Name another member.`);
    }
    return this.#atLeader('memberPromote', request, call);
  }

  async remove(request: MemberRemoveRequest, call: Call): Promise<MembershipChange> {
    checkMemberName('The name of a member', request.id);
    return this.#atLeader('memberRemove', request, call);
  }

  /** On the leader, as are the next two. */
  addHere(request: MemberAddRequest, call: Call): Promise<MembershipChange> {
    return this.#afterOthers(() => this.#add(request, call), call);
  }

  promoteHere(request: MemberPromoteRequest, call: Call): Promise<MembershipChange> {
    return this.#afterOthers(() => this.#promote(request, call), call);
  }

  removeHere(request: MemberRemoveRequest, call: Call): Promise<MembershipChange> {
    return this.#afterOthers(() => this.#remove(request, call), call);
  }

  /**
   * One change at a time: another one, as of a member that says anew where it is, is waited for.
   * What was decided before it is decided anew.
   */
  async #afterOthers(
    change: () => Promise<MembershipChange>,
    { signal }: Call,
  ): Promise<MembershipChange> {
    const { runtime } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        return await change();
      } catch (error) {
        signal.throwIfAborted();
        if (!isOtherChange(error) || tries === mostTries) throw error;
      }
      await pause(runtime, pauseMs, signal);
    }
  }

  async #add(request: MemberAddRequest, { signal }: Call): Promise<MembershipChange> {
    const { id, address, voter = false } = request;
    const { nodes } = await this.#membership(signal);
    if (Object.hasOwn(nodes, id)) {
      const known = nodes[id]?.address ?? '';
      if (known === address) return this.#unchanged();
      throw refused(movedMessage(id, known));
    }
    if (formerNames({ nodes }).includes(id)) throw refused(usedNameMessage(id));
    const [other] = Object.entries(nodes).find(([, info]) => info.address === address) ?? [];
    if (other !== undefined) {
      throw refused(`${address} is the address of member ${other}. Give ${id} one of its own.`);
    }
    const info = voter ? { address } : { address, data: learnerData() };
    // It is to be started after this, perhaps; `promote` is what waits for it.
    await this.#options.raft.addLearner(id, info, { signal, wait: false });
    return this.#changed();
  }

  async #promote(request: MemberPromoteRequest, { signal }: Call): Promise<MembershipChange> {
    const { id, insteadOf } = request;
    const { raft } = this.#options;
    const membership = await this.#membership(signal);
    if (!Object.hasOwn(membership.nodes, id)) throw unknownMember(id, membership);
    const voters = votersOf(membership);
    if (insteadOf !== undefined) demandPlace(insteadOf, membership);
    const isLeaving = insteadOf !== undefined && voters.includes(insteadOf);
    if (voters.includes(id) && !isLeaving) return this.#unchanged();
    if (isLeaving) {
      if (insteadOf === raft.id) {
        await this.#handOver(signal);
        return this.#pass('memberPromote', request, signal);
      }
      await this.#demandMajority(voters, { leaving: insteadOf, coming: id, signal });
      await this.#remember(insteadOf, signal);
    } else if (raft.metrics.progress?.get(id)?.lastAckAt !== undefined) {
      // One that has never answered is waited for by the node, and none that has ended since.
      await this.#demandMajority(voters, { coming: id, signal });
    }
    const next = new Set([...voters.filter((one) => one !== insteadOf), id]);
    await raft.changeVoters([...next], { signal, basedOn: membership });
    return this.#changed();
  }

  async #remove(request: MemberRemoveRequest, { signal }: Call): Promise<MembershipChange> {
    const { id, force = false } = request;
    const { raft } = this.#options;
    const membership = await this.#membership(signal);
    if (!Object.hasOwn(membership.nodes, id)) {
      if (formerNames(membership).includes(id)) return this.#unchanged();
      throw unknownMember(id, membership);
    }
    const voters = votersOf(membership);
    if (!voters.includes(id)) {
      await this.#remember(id, signal);
      await raft.removeLearner(id, { signal });
      return this.#changed();
    }
    if (voters.length === 1) {
      const message = `${id} is the only voter, and a cluster needs one. Promote another member first; to end the cluster, stop ${id}.`;
      throw refused(message);
    }
    if (id === raft.id && (await this.#handsOver(signal, { force }))) {
      return this.#pass('memberRemove', request, signal);
    }
    if (!force) await this.#demandMajority(voters, { leaving: id, signal });
    await this.#remember(id, signal);
    const rest = voters.filter((one) => one !== id);
    await raft.changeVoters(rest, { signal, force, basedOn: membership });
    return this.#changed();
  }

  async #atLeader<Method extends keyof Requests>(
    method: Method & MemberMethod,
    request: Requests[Method],
    { signal }: Call,
  ): Promise<MembershipChange> {
    const { leadership } = this.#options;
    const leads = leadership.look();
    const { leader } = leadership.picture;
    if (!leads && leader !== undefined) return this.#ask(leader, method, request, signal);
    switch (method) {
      case 'memberAdd':
        return this.addHere(request as MemberAddRequest, { signal });
      case 'memberPromote':
        return this.promoteHere(request, { signal });
      default:
        return this.removeHere(request, { signal });
    }
  }

  async #ask(
    leader: NodeId,
    method: MemberMethod,
    request: object,
    signal: AbortSignal,
  ): Promise<MembershipChange> {
    return (await this.#options.calls.ask(leader, method, request, signal)) as MembershipChange;
  }

  /** To whoever leads after this member. */
  async #pass(
    method: MemberMethod,
    request: object,
    signal: AbortSignal,
  ): Promise<MembershipChange> {
    const { raft } = this.#options;
    const { leader = '' } = await raft.waitFor(
      (picture) => picture.leader !== undefined && picture.leader !== raft.id,
      { signal },
    );
    return this.#ask(leader, method, request, signal);
  }

  /**
   * The members as they are now, by a leader that has just made sure that it is one.
   *
   * @throws {KvError} `KV_NO_LEADER`
   */
  async #membership(signal: AbortSignal): Promise<EffectiveMembership> {
    const { raft } = this.#options;
    await raft.readBarrier({ signal });
    const { role, membership } = raft.metrics;
    if (role === 'leader') return membership;
    throw new KvError('KV_NO_LEADER', 'This member does not lead any more. Nothing was changed.');
  }

  async #handOver(signal: AbortSignal): Promise<void> {
    await this.#options.raft.transferLeadership(undefined, { signal });
  }

  /**
   * The node goes by who has answered lately, and one that died just now has. Once the change is
   * begun, nothing is written until the new voters agree, so they are asked now.
   *
   * @throws {KvError} `KV_MEMBERSHIP` if no majority of those that are left answers.
   */
  async #demandMajority(
    voters: readonly NodeId[],
    { leaving, coming, signal }: { leaving?: NodeId; coming?: NodeId; signal: AbortSignal },
  ): Promise<void> {
    const { raft, calls } = this.#options;
    const stay = voters.filter((id) => id !== leaving);
    const next = [...new Set([...stay, ...(coming === undefined ? [] : [coming])])];
    const silent: NodeId[] = [];
    const asked = next.map(async (id) => {
      if (id === raft.id) return;
      try {
        await calls.ask(id, 'hashAt', { index: 0 }, signal);
      } catch {
        silent.push(id);
      }
    });
    await Promise.all(asked);
    signal.throwIfAborted();
    if (2 * (next.length - silent.length) <= next.length) {
      throw refused(noMajorityMessage({ leaving, coming }, { next, silent }));
    }
  }

  /** By force the leader removes itself if nobody can take over. */
  async #handsOver(signal: AbortSignal, { force }: { readonly force: boolean }): Promise<boolean> {
    try {
      await this.#handOver(signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (force && this.#options.raft.metrics.role === 'leader') return false;
      const reason = error instanceof Error ? error.message : String(error);
      throw refused(`The leadership could not be handed over first: ${reason}`);
    }
  }

  /**
   * Has it logged, before it leaves, that its name was used. Harmless if it then stays. It goes by
   * the membership of this moment: others may have left while somebody was asked.
   */
  async #remember(leaving: NodeId, signal: AbortSignal): Promise<void> {
    const { raft } = this.#options;
    const { membership } = raft.metrics;
    const stays = (id: NodeId): boolean => id !== leaving;
    const carrier = [raft.id, ...Object.keys(membership.nodes)].find(stays);
    if (carrier === undefined) return;
    const info = rememberedBy(membership, { carrier, leaving });
    if (info !== undefined) await raft.updateNode(carrier, info, { signal });
  }

  #changed(): MembershipChange {
    return { changed: true, members: this.#members() };
  }

  #unchanged(): MembershipChange {
    return { changed: false, members: this.#members() };
  }

  #members(): MembershipChange['members'] {
    const { raft, scheme } = this.#options;
    return membersOf(raft.metrics.membership, scheme);
  }
}

function isOtherChange(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'RAFT_CHANGE_IN_PROGRESS';
}

function votersOf({ voters }: EffectiveMembership): readonly NodeId[] {
  return [...new Set(voters.flat())];
}

/** @throws {KvError} if it has no place that another could take, and never had one. */
function demandPlace(id: NodeId, membership: EffectiveMembership): void {
  if (votersOf(membership).includes(id)) return;
  if (Object.hasOwn(membership.nodes, id)) {
    throw refused(`${id} is a learner, which has no vote to be taken over. Remove it.`);
  }
  if (!formerNames(membership).includes(id)) throw unknownMember(id, membership);
}
