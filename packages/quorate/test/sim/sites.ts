import {
  type BuggifyName,
  buggifyNames,
  type MarkName,
  type SiteHooks,
} from '../../src/platform/sites.ts';
import type { World } from './world.ts';

/** A site is on in one run of so many, and then does what it may in one case of so many. */
const oneIn = 4;
/** After so many times in a run it shows little that is new, and does it more seldom. */
const oftenTimes = 32;
const seldomOneIn = 32;

/** What plots want done: so many times is the site asked before it does it, once. */
const demands = new WeakMap<World, Map<BuggifyName, number>>();

/** Has a site do what it may: the next time it is asked, or `skip` times later. */
export function demandSite(world: World, name: BuggifyName, skip = 0): void {
  const all = demands.get(world) ?? new Map<BuggifyName, number>();
  demands.set(world, all.set(name, skip));
}

/** The sites of the library in a run: rare branches are counted, and some taken on purpose. */
export class Sites implements SiteHooks {
  readonly #world: World;
  readonly #counts = new Map<BuggifyName, number>();
  /** Those that are on, with the labels of their choices. */
  readonly #active: ReadonlyMap<BuggifyName, string>;

  constructor(world: World) {
    this.#world = world;
    const isOn = (name: string): boolean => isLast(world, `knobs.buggify.${name}`);
    const active = buggifyNames.filter(isOn);
    this.#active = new Map(active.map((name) => [name, `buggify.${name}`]));
  }

  /** What looks at the disks when all is over runs the library's code too, and is no node. */
  readonly mark = (name: MarkName): void => {
    if (this.#world.phase.name !== 'end') this.#world.mark(name);
  };

  readonly buggify = (name: BuggifyName): boolean => {
    // What goes wrong again and again would keep the last phase from its end.
    if (this.#world.phase.name !== 'chaos') return false;
    const label = this.#active.get(name);
    const isMeant = this.#isDemanded(name);
    if (!isMeant && (label === undefined || !this.#isDrawn(name, label))) return false;
    this.#world.countFault(`buggify ${name}`);
    return true;
  };

  #isDrawn(name: BuggifyName, label: string): boolean {
    const count = this.#counts.get(name) ?? 0;
    const isDrawn = isLast(this.#world, label, count < oftenTimes ? oneIn : seldomOneIn);
    if (isDrawn) this.#counts.set(name, count + 1);
    return isDrawn;
  }

  #isDemanded(name: BuggifyName): boolean {
    const all = demands.get(this.#world);
    const skip = all?.get(name);
    if (all === undefined || skip === undefined) return false;
    if (skip > 0) all.set(name, skip - 1);
    else all.delete(name);
    return skip === 0;
  }
}

function isLast({ choices }: World, label: string, count = oneIn): boolean {
  return choices.choose(label, count) === count - 1;
}
