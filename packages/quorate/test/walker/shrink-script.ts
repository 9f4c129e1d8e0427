import { Budget, type Limits } from '../shrink/budget.ts';
import { reduce, reducePairs } from '../shrink/reduce.ts';
import type { Deed, Verb } from './deed.ts';
import { play } from './player.ts';
import type { AtOnce, Script, Setup } from './script.ts';
import type { Violation } from './violation.ts';
import type { CoreModule } from './world.ts';

/** Above this many deeds, trying all pairs takes too long for what it finds. */
const maxForPairs = 80;

/**
 * Looks for a shorter course of events that violates the same: a simpler setup, fewer deeds, and
 * smaller ones. Returns `undefined` if `script` does not show the violation.
 */
export async function shrinkScript(
  module: CoreModule,
  script: Script,
  options: ShrinkOptions,
): Promise<Script | undefined> {
  const search = new Search(module, script, options);
  if (!search.try(script)) return undefined;
  let cost = Infinity;
  while (search.cost < cost && !search.budget.isOver) {
    cost = search.cost;
    search.simplifySetup();
    await search.removeDeeds();
    search.simplifyDeeds();
  }
  return search.current;
}

export interface ShrinkOptions {
  readonly violation: Violation;
  readonly limits: Limits;
  /** The core without the planted bug, which must do all of it and violate nothing. */
  readonly sound?: CoreModule | undefined;
}

/** Whether both are the same bug, as far as one can see. An assertion is known by its words. */
export function isSame(one: Violation, other: Violation): boolean {
  if (one.code !== other.code) return false;
  if (one.code !== 'S26' && one.code !== 'crash') return true;
  return words(one.message) === words(other.message);
}

function words(message: string): string {
  return message.replaceAll(/\d+/g, '');
}

class Search {
  current: Script;
  readonly budget: Budget;
  readonly #module: CoreModule;
  readonly #violation: Violation;
  readonly #sound: CoreModule | undefined;

  constructor(module: CoreModule, script: Script, options: ShrinkOptions) {
    this.#module = module;
    this.current = script;
    this.#violation = options.violation;
    this.#sound = options.sound;
    this.budget = new Budget(options.limits);
  }

  /** Deeds first, then what has to be said of each and of the setup. */
  get cost(): number {
    const { setup, deeds } = this.current;
    let details = setupCost(setup);
    for (const { details: more, timeouts, batches } of deeds) {
      for (const value of Object.values(more)) if (value !== undefined) details += 1;
      details += timeouts.length + batches.length;
    }
    return deeds.length + details / 10_000;
  }

  /** Takes the script if it shows the same, without what did nothing in it. */
  try(script: Script): boolean {
    if (!this.budget.spend()) return false;
    const { done, violation } = play(this.#module, script, { isLenient: true });
    if (violation === undefined || !isSame(violation, this.#violation)) return false;
    const next = { setup: script.setup, deeds: done };
    if (this.#sound !== undefined && play(this.#sound, next).violation !== undefined) return false;
    this.current = next;
    return true;
  }

  simplifySetup(): void {
    for (const simpler of simplerSetups) {
      const { setup, deeds } = this.current;
      const change = simpler(setup);
      if (change === undefined) continue;
      // Leases are for clocks that go together.
      if (change.clocks === 'wild' && deeds.some(isByLease)) continue;
      const next = { ...setup, ...change };
      this.#tryCheaper({ setup: next, deeds: withoutVerbs(deeds, next.atOnce) });
    }
  }

  async removeDeeds(): Promise<void> {
    const attempt = (deeds: readonly Deed[]): readonly Deed[] | undefined =>
      this.try({ setup: this.current.setup, deeds }) ? this.current.deeds : undefined;
    await reduce(this.current.deeds, attempt, this.budget);
    if (this.current.deeds.length > maxForPairs) return;
    await reducePairs(this.current.deeds, attempt, this.budget);
  }

  simplifyDeeds(): void {
    for (let place = this.current.deeds.length - 1; place >= 0; place -= 1) {
      for (const simpler of simplerDeeds(this.current.deeds[place])) {
        const { setup, deeds } = this.current;
        if (place < deeds.length) this.#tryCheaper({ setup, deeds: deeds.with(place, simpler) });
      }
    }
  }

  /** A change that makes the rest longer is none. */
  #tryCheaper(script: Script): void {
    const before = this.current;
    const { cost } = this;
    if (this.try(script) && this.cost > cost) this.current = before;
  }
}

function isByLease({ details }: Deed): boolean {
  return details['mode'] === 'lease';
}

const verbOf: Readonly<Record<AtOnce, Verb>> = { persist: 'persist', apply: 'apply', sent: 'sent' };

function withoutVerbs(deeds: readonly Deed[], atOnce: readonly AtOnce[]): readonly Deed[] {
  const verbs = new Set(atOnce.map((one) => verbOf[one]));
  return deeds.filter(({ verb }) => !verbs.has(verb));
}

type Simpler = (setup: Setup) => Partial<Setup> | undefined;

const simplerSetups: readonly Simpler[] = [
  ...(['sent', 'apply', 'persist'] as const).map(
    (one): Simpler =>
      ({ atOnce }) =>
        atOnce.includes(one) ? undefined : { atOnce: [...atOnce, one] },
  ),
  ({ preVote }) => (preVote ? { preVote: false } : undefined),
  ({ checkQuorum }) => (checkQuorum ? { checkQuorum: false } : undefined),
  ({ hasDurableStateMachine: has }) => (has ? { hasDurableStateMachine: false } : undefined),
  ({ clocks }) => (clocks === 'steady' ? { clocks: 'wild', rates: [] } : undefined),
  ({ rates }) => (rates.length > 0 ? { rates: [] } : undefined),
  ({ maxClockDrift: drift, rates }) =>
    drift > 0 && rates.length === 0 ? { maxClockDrift: 0 } : undefined,
  ({ batch }) => (batch === 64 ? undefined : { batch: 64 }),
  ({ timeouts }) => (timeouts.length > 0 ? { timeouts: [] } : undefined),
  ({ maxInflightAppends }) => (maxInflightAppends === 8 ? undefined : { maxInflightAppends: 8 }),
  ({ heartbeatMs }) =>
    heartbeatMs === 50 ? undefined : { heartbeatMs: 50, electionTimeoutMs: { min: 150, max: 300 } },
  ({ initialCount: count }) => (count > 1 ? { initialCount: 1 } : undefined),
  ({ initialCount: count }) => (count > 2 ? { initialCount: 2 } : undefined),
  ({ initialCount: count }) => (count > 3 ? { initialCount: 3 } : undefined),
  ({ initialCount: count }) => (count > 4 ? { initialCount: 4 } : undefined),
  ...[0, 1, 2, 3].map(
    (more): Simpler =>
      ({ initialCount, nodeCount }) =>
        initialCount + more < nodeCount ? { nodeCount: initialCount + more } : undefined,
  ),
];

/** What has to be said of a setup that is not the plainest one. */
function setupCost(setup: Setup): number {
  let cost = setup.initialCount + setup.nodeCount - setup.atOnce.length + setup.timeouts.length;
  for (const simpler of simplerSetups) if (simpler(setup) !== undefined) cost += 1;
  return cost;
}

/** The same with less: without what it drew, without a detail, or with a lower number. */
function* simplerDeeds(deed: Deed | undefined): Iterable<Deed> {
  if (deed === undefined) return;
  if (deed.timeouts.length > 0) yield { ...deed, timeouts: [] };
  if (deed.batches.length > 0) yield { ...deed, batches: [] };
  const { details, message } = deed;
  if (message?.includes(' #') === true) {
    yield { ...deed, message: message.replaceAll(/ #\d+/g, '') };
  }
  for (const [name, value] of Object.entries(details)) {
    if (value === undefined || required.has(`${deed.verb} ${name}`)) continue;
    yield { ...deed, details: { ...details, [name]: undefined } };
    const number = Number(value);
    if (!Number.isSafeInteger(number)) continue;
    for (const lower of [1, number >> 1, number - 1]) {
      if (lower > 0 && lower < number) {
        yield { ...deed, details: { ...details, [name]: lower } };
      }
    }
  }
}

/** Without these the deed would be another one, and not a simpler one. */
const required: ReadonlySet<string> = new Set([
  'change add',
  'change remove',
  'change update',
  'change voters',
  'ask to',
  'send-snapshot to',
  'pass ms',
  'lose last',
  'break stored',
]);
