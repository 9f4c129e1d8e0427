import { happens } from './choices.ts';
import { exponential } from './delays.ts';
import type { FaultKind } from './knobs.ts';
import { diskActions } from './nemesis-disks.ts';
import { linkActions } from './nemesis-links.ts';
import { loadActions } from './nemesis-load.ts';
import { memberActions } from './nemesis-members.ts';
import { netActions } from './nemesis-net.ts';
import { nodeActions } from './nemesis-nodes.ts';
import { plotActions } from './nemesis-plots.ts';
import type { World } from './world.ts';

/** Does one thing of its kind; it sees to the end of it by itself. */
export type NemesisAction = (world: World) => void;

const actions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  ...netActions,
  ...linkActions,
  ...diskActions,
  ...loadActions,
  ...nodeActions,
  ...memberActions,
  ...plotActions,
};

/** Puts in the faults that this run has, one after the other. */
export class Nemesis {
  readonly #world: World;
  readonly #kinds: readonly FaultKind[];
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    const { faults } = world.knobs;
    this.#kinds = (Object.keys(faults) as FaultKind[]).filter(
      (kind) => faults[kind] && actions[kind] !== undefined,
    );
  }

  start(): void {
    const { knobs, links } = this.#world;
    const { faults, net } = knobs;
    if (faults['net.duplicate']) links.faults.duplicatePerMille = net.duplicatePerMille;
    if (faults['net.tail']) links.faults.tailPerMille = 1;
    this.#next();
  }

  stop(): void {
    this.#isOver = true;
  }

  #next(): void {
    const { choices, knobs } = this.#world;
    if (this.#kinds.length === 0) return;
    const ms = knobs.nemesisMs * exponential(choices, 'nemesis.when');
    this.#world.queue.after(ms, () => {
      if (this.#isOver) return;
      this.#act();
      this.#next();
    });
  }

  /** The benign answer is to do nothing. */
  #act(): void {
    const { choices } = this.#world;
    if (!happens(choices, 'nemesis.acts', 950)) return;
    const kind = this.#kinds[choices.choose('nemesis.kind', this.#kinds.length)] as FaultKind;
    actions[kind]?.(this.#world);
  }
}
