import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

/**
 * Moves the nodes' clocks. Nothing but a lease may rest on how they go together, so in half of the
 * walks they go as they like. In the others one time passes for all, and each clock goes at its own
 * rate, no further apart than the cores are told.
 */
export class Time {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  get isSteady(): boolean {
    return this.#world.knobs.clocks === 'steady';
  }

  /** A timer fires so many milliseconds late. */
  wake(node: WalkNode, late: number): void {
    this.#world.recorder?.note('wake', node.id, late === 0 ? {} : { late });
    const ms = Math.max(0, node.core.wakeAt - node.clock);
    if (ms !== Infinity) this.#pass(this.isSteady ? Math.ceil(ms / node.rate) : ms, node);
    this.#pass(late, node);
    this.#world.give(node, { type: 'wake' });
  }

  /** A timer fires by mistake, or long after it should have. */
  wakeEarly(node: WalkNode): void {
    this.#world.recorder?.note('wake-early', node.id);
    this.#world.give(node, { type: 'wake' });
  }

  /** Clocks move and nobody is woken: the next event finds a later time. `node`: only its own. */
  pass(ms: number, node?: WalkNode): void {
    if (ms === 0) return;
    this.#world.recorder?.note('pass', node?.id, { ms });
    this.#pass(ms, node);
  }

  #pass(ms: number, node: WalkNode | undefined): void {
    if (node !== undefined && !this.isSteady) node.clock += ms;
    else for (const one of this.#world.nodes) one.clock += ms * one.rate;
  }
}
