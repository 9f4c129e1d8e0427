import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosCluster } from './cluster.ts';
import type { Effect } from './link-table.ts';
import { freeWay, type Manner } from './links.ts';
import type { NodeProcess } from './node-process.ts';
import type { Operator } from './operator.ts';
import { type Cut, type Fault, leading, type ScheduledFault, type Victim } from './schedule.ts';

const held: Manner = { ...freeWay, isHeld: true };
const resetEveryMs = 100;

/** What faults need of a cluster. */
export interface FaultyCluster
  extends Pick<ChaosCluster, 'slots' | 'links' | 'leader' | 'nameOf' | 'start' | 'kill' | 'order'> {
  processOf(slot: string): Pick<NodeProcess, 'pause' | 'resume'> | undefined;
  /** Who is struck in place of a slot that nobody has. Without it, somebody has each. */
  standInFor?(slot: string): string;
}

/** Who changes the membership. */
type Changing = Pick<Operator, 'demote' | 'replace' | 'idle'>;

/** Does to the cluster what the schedule says, and undoes it. */
export class Faults {
  readonly #cluster: FaultyCluster;
  readonly #operator: Changing | undefined;
  readonly #note: (text: string) => void;
  readonly #underWay = new Set<Promise<void>>();
  readonly counts = new Map<string, number>();

  /** Without an operator the membership stays as it is. */
  constructor(
    cluster: FaultyCluster,
    operator: Changing | undefined,
    note: (text: string) => void,
  ) {
    this.#cluster = cluster;
    this.#operator = operator;
    this.#note = note;
  }

  /** Goes through the schedule until it ends or `signal` aborts; faults may be under way then. */
  async run(schedule: readonly ScheduledFault[], signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    for (const { at, lastsMs, fault } of schedule) {
      await pause(startedAt + at - performance.now(), signal);
      if (signal.aborted) break;
      const done: Promise<void> = this.#strike(fault, lastsMs, signal).finally(() =>
        this.#underWay.delete(done),
      );
      this.#underWay.add(done);
    }
  }

  /** Ends what is under way; afterwards all nodes run and reach each other. */
  async repair(): Promise<void> {
    const { slots, links } = this.#cluster;
    links.clear();
    for (const slot of slots) this.#cluster.processOf(slot)?.resume();
    await Promise.all(slots.map((slot) => this.#cluster.start(slot)));
    // A node that was to be out for longer is not waited for; it runs already.
    await Promise.all(this.#underWay);
    await this.#operator?.idle();
    await Promise.all(slots.map((slot) => this.#cluster.start(slot)));
  }

  async #strike(fault: Fault, lastsMs: number, signal: AbortSignal): Promise<void> {
    const victim = 'victim' in fault ? this.#find(fault.victim) : undefined;
    this.#count(nameOf(fault));
    this.#note(describe(fault, victim, lastsMs));
    switch (fault.type) {
      case 'kill-all':
        return this.#killAll(lastsMs, signal);
      case 'split':
        return this.#cut(splitBy(fault), { lastsMs, breaks: fault.breaks, signal });
      case 'transfer':
        return this.#transfer(fault.to);
      default:
        if (victim !== undefined) await this.#strikeOne(fault, victim, lastsMs, signal);
    }
  }

  async #strikeOne(
    fault: Extract<Fault, { victim: Victim }>,
    victim: string,
    lastsMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    switch (fault.type) {
      case 'kill':
        await this.#cluster.kill(victim);
        await pause(lastsMs, signal);
        return this.#cluster.start(victim);
      case 'pause': {
        const process = this.#cluster.processOf(victim);
        process?.pause();
        await pause(lastsMs, signal);
        process?.resume();
        return undefined;
      }
      case 'cut': {
        const { breaks, cut } = fault;
        return this.#cut(cutOf(victim, cut), { lastsMs, breaks, signal });
      }
      case 'slow': {
        const { delayMs, bytesPerSecond } = fault;
        const manner = { isHeld: false, delayMs, bytesPerSecond };
        const effect: Effect = (from, to) =>
          from === victim || to === victim ? { requests: manner, answers: manner } : undefined;
        return this.#cut(effect, { lastsMs, breaks: false, signal });
      }
      case 'reset': {
        const until = performance.now() + lastsMs;
        while (performance.now() < until && !signal.aborted) {
          this.#cluster.links.reset((from, to) => from === victim || to === victim);
          await pause(resetEveryMs, signal);
        }
        return undefined;
      }
      case 'demote':
        return this.#operator?.demote(victim, lastsMs, signal);
      case 'replace':
        return this.#operator?.replace(victim, signal);
      case 'snapshot': {
        const { done } = await this.#cluster.order(victim, { type: 'snapshot' });
        if (done) this.#count('snapshot made on demand');
        return undefined;
      }
    }
  }

  async #killAll(lastsMs: number, signal: AbortSignal): Promise<void> {
    const { slots } = this.#cluster;
    await Promise.all(slots.map((slot) => this.#cluster.kill(slot)));
    await pause(lastsMs, signal);
    await Promise.all(slots.map((slot) => this.#cluster.start(slot)));
  }

  async #cut(
    effect: Effect,
    { lastsMs, breaks, signal }: { lastsMs: number; breaks: boolean; signal: AbortSignal },
  ): Promise<void> {
    const isMeant = (from: string, to: string): boolean => effect(from, to) !== undefined;
    const { links } = this.#cluster;
    const undo = links.add(effect);
    await pause(lastsMs, signal);
    // What was held goes on its way late, or is lost with its connection.
    if (breaks) links.reset(isMeant);
    undo();
  }

  async #transfer(to: string | undefined): Promise<void> {
    const { leader } = this.#cluster;
    if (leader === undefined || to === leader) return;
    const target = to === undefined ? {} : { to: this.#cluster.nameOf(to) };
    const { done } = await this.#cluster.order(leader, { type: 'transfer', ...target });
    if (done) this.#count('transfer done');
  }

  #find(victim: Victim): string {
    const { leader, slots } = this.#cluster;
    // While nobody leads, the first one will do as well.
    const found = victim === leading ? (leader ?? slots[0] ?? '') : victim;
    return this.#cluster.standInFor?.(found) ?? found;
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** How a partition of one node concerns a link. */
function cutOf(victim: string, cut: Cut): Effect {
  const both = { requests: held, answers: held };
  return (from, to) => {
    switch (cut) {
      case 'isolated':
        return from === victim || to === victim ? both : undefined;
      case 'deaf':
        return to === victim ? both : undefined;
      case 'mute':
        return from === victim ? both : undefined;
      case 'unanswering':
        return to === victim ? { answers: held } : undefined;
    }
  };
}

function splitBy({ groups }: Extract<Fault, { type: 'split' }>): Effect {
  const [one, other] = groups;
  return (from, to) => {
    const isAcross =
      (one.includes(from) && other.includes(to)) || (other.includes(from) && one.includes(to));
    return isAcross ? { requests: held, answers: held } : undefined;
  };
}

function nameOf(fault: Fault): string {
  if (fault.type === 'cut') return `cut (${fault.cut})`;
  if (fault.type === 'split' && fault.bridge !== undefined) return 'split (bridge)';
  return fault.type;
}

function describe(fault: Fault, victim: string | undefined, lastsMs: number): string {
  const { type: _, ...rest } = fault;
  const struck = victim === undefined ? rest : { ...rest, victim };
  return `${nameOf(fault)} ${JSON.stringify(struck)} for ${lastsMs} ms`;
}

/** Ends early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
