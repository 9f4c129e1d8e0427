import {
  type BuggifyName,
  buggifyNames,
  type MarkName,
  type SiteHooks,
} from '../../src/platform/sites.ts';
import type { World } from './world.ts';

/** A site is on in one run of so many, and then does what it may in one case of so many. */
const oneIn = 4;

/** The sites of the library in a run: rare branches are counted, and some taken on purpose. */
export class Sites implements SiteHooks {
  readonly #world: World;
  readonly #active: ReadonlySet<BuggifyName>;

  constructor(world: World) {
    this.#world = world;
    const isOn = (name: string): boolean => isLast(world, `knobs.buggify.${name}`);
    this.#active = new Set(buggifyNames.filter(isOn));
  }

  readonly mark = (name: MarkName): void => this.#world.mark(name);

  readonly buggify = (name: BuggifyName): boolean => {
    // What goes wrong again and again would keep the last phase from its end.
    if (!this.#active.has(name) || this.#world.phase.name === 'calm') return false;
    if (!isLast(this.#world, `buggify.${name}`)) return false;
    this.#world.countFault(`buggify ${name}`);
    return true;
  };
}

function isLast({ choices }: World, label: string): boolean {
  return choices.choose(label, oneIn) === oneIn - 1;
}
