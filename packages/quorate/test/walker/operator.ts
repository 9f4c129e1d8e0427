import type { MembershipChange } from '../../src/core/event.ts';
import type { Entry, NodeId } from '../../src/core/types.ts';
import type { Random } from './random.ts';
import { Users } from './users.ts';
import type { WalkNode } from './walk-node.ts';
import { nodeAt } from './walk-node.ts';
import type { World } from './world.ts';

/** Chooses what the users of the cluster do. */
export class Operator {
  readonly #world: World;
  readonly #random: Random;
  readonly #users: Users;
  /** Nodes that may have left. A name is never used again. */
  #retired = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#users = new Users(world);
  }

  /** Forms the cluster, as long as nobody has anything; again if that was lost. */
  initialize(): WalkNode | undefined {
    const node = this.#world.nodes[0];
    if (node === undefined || !this.#users.canInitialize(node)) return undefined;
    if (node.isQuarantined && !this.#random.chance(0.1)) return undefined;
    this.#users.initialize(node);
    return node;
  }

  propose(): WalkNode | undefined {
    const node = this.#pickAsked();
    if (node !== undefined) this.#users.propose(node, 1 + this.#few());
    return node;
  }

  read(): WalkNode | undefined {
    const node = this.#pickAsked();
    if (node !== undefined) this.#users.read(node, this.#drawMode());
    return node;
  }

  /**
   * Somebody else was just elected: that is when an older leader must no longer answer by itself,
   * and when one whose lease is counted too long still would.
   */
  readOnOlderLeaders(): void {
    for (const node of this.#world.nodes) {
      if (node.leads && node.state.term < this.#world.history.leaders.length - 1) {
        this.#world.history.marks.readsOnOlderLeaders += 1;
        this.#users.read(node, this.#drawMode());
        this.#deliverLateAnswer(node);
      }
    }
  }

  /** Somebody reads on a node that does not lead, which asks its leader, or another one. */
  readOnFollower(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    if (!node.isUp || node.leads) return undefined;
    const { leader } = node.state;
    const isOther = leader === undefined || this.#random.chance(0.3);
    const to = isOther ? this.pickLeader()?.at : nodeAt(leader);
    if (to === undefined || to === node.at) return undefined;
    this.#users.ask(node, to, this.#drawMode());
    return node;
  }

  transfer(): WalkNode | undefined {
    const node = this.#pickAsked();
    if (node === undefined) return undefined;
    const isAnybody = this.#random.chance(0.4);
    this.#users.transfer(node, isAnybody ? undefined : this.#random.pick(this.#world.nodes).id);
    return node;
  }

  /** What a follower said a while ago arrives now: it must not count for what came since. */
  #deliverLateAnswer(node: WalkNode): void {
    // The step before may have been its last.
    if (!node.isUp || !this.#random.chance(0.8)) return;
    const calls = node.state.leadership?.calls;
    const late = this.#world.wire.takeFirst(
      ({ type, from, call }) => type === 'appendAnswered' && from === node.at && calls?.has(call),
    );
    if (late !== undefined) this.#world.deliver(late);
  }

  /** Leases are for clocks that go together. */
  #drawMode(): 'lease' | 'quorum' {
    const isSteady = this.#world.knobs.clocks === 'steady';
    return isSteady && this.#random.chance(0.7) ? 'lease' : 'quorum';
  }

  change(): WalkNode | undefined {
    const node = this.#pickAsked();
    if (node === undefined) return undefined;
    const change = this.#drawChange(node);
    if (change === undefined) return undefined;
    const before = node.change;
    this.#users.change(node, change);
    if (node.change !== before) this.#retire(node.change, change);
    return node;
  }

  /** Somebody who believes that it leads; there may be several. */
  pickLeader(): WalkNode | undefined {
    const { nodes } = this.#world;
    const first = this.#random.below(nodes.length);
    for (let offset = 0; offset < nodes.length; offset += 1) {
      const node = nodes[(first + offset) % nodes.length] as WalkNode;
      if (node.leads) return node;
    }
    return undefined;
  }

  /** Whom a user asks: a leader, and now and then somebody else. */
  #pickAsked(): WalkNode | undefined {
    if (!this.#random.chance(0.03)) return this.pickLeader();
    const node = this.#random.pick(this.#world.nodes);
    return node.isUp ? node : undefined;
  }

  #drawChange(node: WalkNode): MembershipChange | undefined {
    const { membership } = node.state;
    const members = Object.keys(membership.nodes);
    const voters = membership.voters.at(-1) ?? [];
    const kind = this.#random.below(10);
    if (kind < 3) {
      const free = this.#world.nodes.filter(
        ({ id, bit }) => !members.includes(id) && (this.#retired & bit) === 0,
      );
      if (free.length === 0) return undefined;
      return { type: 'addLearner', id: this.#random.pick(free).id, info: {} };
    }
    if (members.length === 0) return undefined;
    if (kind === 3) return { type: 'removeLearner', id: this.#random.pick(members) };
    if (kind === 4) {
      return { type: 'updateNode', id: this.#random.pick(members), info: { address: 'new' } };
    }
    const next = kind < 8 ? this.#oneMoreOrLess(members, voters) : this.#anyOf(members);
    return { type: 'changeVoters', voters: next, keepRemoved: this.#random.chance(0.75) };
  }

  #oneMoreOrLess(members: readonly NodeId[], voters: readonly NodeId[]): NodeId[] {
    const id = this.#random.pick(members);
    if (!voters.includes(id)) return [...voters, id];
    return voters.length === 1 ? [id] : voters.filter((voter) => voter !== id);
  }

  #anyOf(members: readonly NodeId[]): NodeId[] {
    const chosen = members.filter(() => this.#random.chance(0.5));
    return chosen.length > 0 ? chosen : [this.#random.pick(members)];
  }

  #retire(entry: Entry | undefined, change: MembershipChange): void {
    if (entry?.payload.type !== 'membership') return;
    const { leaving = [] } = entry.payload.membership;
    if (change.type === 'removeLearner') this.#retired |= 1 << nodeAt(change.id);
    for (const id of leaving) this.#retired |= 1 << nodeAt(id);
  }

  /** Mostly none, at times many. */
  #few(): number {
    if (this.#random.chance(0.6)) return 0;
    return this.#random.chance(0.9) ? this.#random.below(4) : this.#random.below(30);
  }
}
