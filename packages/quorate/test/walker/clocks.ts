import type { Random } from './random.ts';
import { Time } from './time.ts';
import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

/**
 * Chooses when which clock moves, and who is woken; who is not, or gets no message, is stalled.
 */
export class Clocks {
  readonly #world: World;
  readonly #random: Random;
  readonly #time: Time;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    const { maxClockDrift } = world.knobs;
    this.#time = new Time(world);
    if (!this.#time.isSteady) return;
    for (const node of world.nodes) {
      node.rate = random.pick([1, 1 - maxClockDrift, 1 - maxClockDrift / 2]);
    }
  }

  /** A timer fires, on time or late, or early by mistake. */
  wakeAny(): WalkNode | undefined {
    const node = this.#pickToWake();
    if (node?.isUp !== true) return undefined;
    if (this.#random.chance(0.1)) {
      this.#time.pass(this.#random.below(this.#time.isSteady ? 3 : 20), node);
      this.#time.wakeEarly(node);
      return node;
    }
    return this.wake(node);
  }

  wake(node: WalkNode): WalkNode {
    const { min } = this.#world.knobs.electionTimeoutMs;
    const isLate = this.#random.chance(0.2);
    const late = isLate ? this.#random.below(this.#time.isSteady ? min : 2000) : 0;
    this.#time.wake(node, late);
    return node;
  }

  /** Clocks move and nobody is woken: the next event finds a later time. */
  passTime(): WalkNode | undefined {
    const { nodes, knobs } = this.#world;
    const isShort = this.#time.isSteady && this.#random.chance(0.8);
    const span = this.#random.below(isShort ? knobs.heartbeatMs : knobs.electionTimeoutMs.max);
    const isAlone = !this.#time.isSteady && this.#random.chance(0.3);
    this.#time.pass(span, isAlone ? this.#random.pick(nodes) : undefined);
    return nodes[0];
  }

  /** Mostly the one whose turn it is, or leases would hardly ever be held when time is one. */
  #pickToWake(): WalkNode | undefined {
    const { nodes } = this.#world;
    if (!this.#time.isSteady || this.#random.chance(0.4)) return this.#random.pick(nodes);
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
}
