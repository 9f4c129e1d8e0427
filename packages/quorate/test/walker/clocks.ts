import type { Random } from './random.ts';
import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

/**
 * Moves the nodes' clocks. Nothing but a lease may rest on how they go together, so in half of the
 * walks they go as they like. In the others one time passes for all, and each clock goes at its own
 * rate, no further apart than the cores are told; who is not woken or gets no message is stalled.
 */
export class Clocks {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    const { maxClockDrift } = world.knobs;
    if (!this.#isSteady) return;
    for (const node of world.nodes) {
      node.rate = random.pick([1, 1 - maxClockDrift, 1 - maxClockDrift / 2]);
    }
  }

  /** A timer fires, on time or late, or early by mistake. */
  wakeAny(): WalkNode | undefined {
    const node = this.#pickToWake();
    if (node?.isUp !== true) return undefined;
    if (this.#random.chance(0.1)) {
      this.#pass(node, this.#random.below(this.#isSteady ? 3 : 20));
      this.#world.give(node, { type: 'wake' });
      return node;
    }
    return this.wake(node);
  }

  wake(node: WalkNode): WalkNode {
    const { wakeAt } = node.core;
    const ms = Math.max(0, wakeAt - node.clock);
    if (ms !== Infinity && this.#isSteady) this.#pass(node, Math.ceil(ms / node.rate));
    else if (ms !== Infinity) node.clock += ms;
    const { min } = this.#world.knobs.electionTimeoutMs;
    if (this.#random.chance(0.2)) this.#pass(node, this.#random.below(this.#isSteady ? min : 2000));
    this.#world.give(node, { type: 'wake' });
    return node;
  }

  /** Clocks move and nobody is woken: the next event finds a later time. */
  passTime(): WalkNode | undefined {
    const { nodes, knobs } = this.#world;
    const isShort = this.#isSteady && this.#random.chance(0.8);
    const span = this.#random.below(isShort ? knobs.heartbeatMs : knobs.electionTimeoutMs.max);
    if (!this.#isSteady && this.#random.chance(0.3)) this.#random.pick(nodes).clock += span;
    else this.#passForAll(span);
    return nodes[0];
  }

  get #isSteady(): boolean {
    return this.#world.knobs.clocks === 'steady';
  }

  /** Mostly the one whose turn it is, or leases would hardly ever be held when time is one. */
  #pickToWake(): WalkNode | undefined {
    const { nodes } = this.#world;
    if (!this.#isSteady || this.#random.chance(0.4)) return this.#random.pick(nodes);
    let next: WalkNode | undefined;
    let shortest = Infinity;
    for (const node of nodes) {
      const ms = node.isUp ? (node.core.wakeAt - node.clock) / node.rate : Infinity;
      if (ms < shortest) {
        shortest = ms;
        next = node;
      }
    }
    return next;
  }

  #pass(node: WalkNode, span: number): void {
    if (this.#isSteady) this.#passForAll(span);
    else node.clock += span;
  }

  #passForAll(span: number): void {
    for (const node of this.#world.nodes) node.clock += span * node.rate;
  }
}
