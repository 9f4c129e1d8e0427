import type { MembershipChange } from '../../src/core/event.ts';
import type { Entry, NodeId, Payload } from '../../src/core/types.ts';
import type { Random } from './random.ts';
import type { WalkNode } from './walk-node.ts';
import { nodeAt } from './walk-node.ts';
import type { World } from './world.ts';

const noBytes = new Uint8Array(0);

/** Those who use the cluster: they write, read, and change who takes part. */
export class Operator {
  readonly #world: World;
  readonly #random: Random;
  #commandCount = 0;
  /** Nodes that may have left. A name is never used again. */
  #retired = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Forms the cluster, as long as nobody has anything; again if that was lost. */
  initialize(): WalkNode | undefined {
    const { nodes, knobs } = this.#world;
    const node = nodes[0];
    if (node?.isUp !== true || node.log.length > 1 || node.disk.vote.term > 0) return undefined;
    if (node.state.term > 0) return undefined;
    if (node.isQuarantined && !this.#random.chance(0.1)) return undefined;
    const voters = nodes.slice(0, knobs.initialCount).map(({ id }) => id);
    const membership = {
      cluster: 'walk',
      voters: [voters],
      nodes: Object.fromEntries(voters.map((id) => [id, {}])),
    };
    this.#world.give(node, {
      type: 'initialize',
      request: node.ask({ type: 'initialize' }),
      membership,
    });
    return node;
  }

  propose(): WalkNode | undefined {
    const node = this.#pickAsked();
    if (node === undefined) return undefined;
    const payloads: Payload[] = [];
    for (let count = 1 + this.#few(); count > 0; count -= 1) {
      this.#commandCount += 1;
      payloads.push({ type: 'command', data: { bytes: noBytes, value: this.#commandCount } });
    }
    const request = node.ask({ type: 'propose', payloads });
    this.#world.give(node, { type: 'propose', request, payloads });
    return node;
  }

  read(): WalkNode | undefined {
    const node = this.#pickAsked();
    if (node !== undefined) this.#read(node);
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
        this.#read(node);
        this.#world.deliverLateAnswer(node);
      }
    }
  }

  /** Somebody reads on a node that does not lead, which asks its leader, or another one. */
  readOnFollower(): WalkNode | undefined {
    const { nodes, history } = this.#world;
    const node = this.#random.pick(nodes);
    if (!node.isUp || node.leads) return undefined;
    const { leader } = node.state;
    const isOther = leader === undefined || this.#random.chance(0.3);
    const to = isOther ? this.pickLeader()?.at : nodeAt(leader);
    if (to === undefined || to === node.at) return undefined;
    const floor = history.lastCommitted;
    this.#world.askLeader(node, to, { floor, mode: this.#drawMode() });
    return node;
  }

  transfer(): WalkNode | undefined {
    const node = this.#pickAsked();
    if (node === undefined) return undefined;
    const request = node.ask({ type: 'transferLeadership' });
    const to = this.#random.chance(0.4) ? undefined : this.#random.pick(this.#world.nodes).id;
    this.#world.give(node, { type: 'transferLeadership', request, to });
    return node;
  }

  #read(node: WalkNode): void {
    const floor = this.#world.history.lastCommitted;
    const mode = this.#drawMode();
    const request = node.ask({ type: 'readIndex', mode, floor });
    this.#world.give(node, { type: 'readIndex', request, mode });
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
    const request = node.ask({ type: 'changeMembership' });
    const before = node.change;
    this.#world.give(node, { type: 'changeMembership', request, change });
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
