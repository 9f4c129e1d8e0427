import type { KvPlan, LaneName, Operation } from './plan.ts';
import { laneNames } from './plan.ts';
import { pause } from './workers.ts';

/**
 * Carries out an operation, in a bounded time; whether it came about. The first signal says that
 * the faults are over, and so is what lasts for a while by choice; the second one, that all is.
 */
export type CarryOut = (operation: Operation, signals: Signals) => Promise<boolean>;

export interface Signals {
  readonly over: AbortSignal;
  readonly halt: AbortSignal;
}

/** Between two of a lane, at least; members have to get somewhere now and then. */
const restMs = 1500;

/** Does what is planned: in each lane one thing after the other. */
export class Lanes {
  /** How often each kind of operation came about. */
  readonly counts = new Map<string, number>();
  readonly #carryOut: CarryOut;
  readonly #note: (text: string) => void;

  constructor(carryOut: CarryOut, note: (text: string) => void) {
    this.#carryOut = carryOut;
    this.#note = note;
  }

  /** Resolves when what was begun is done. Nothing new is begun once the faults are over. */
  async run(name: LaneName, { lanes, lastMs }: KvPlan, signals: Signals): Promise<void> {
    const startedAt = performance.now();
    let restsUntil = startedAt;
    for (const { at, operation } of lanes[name]) {
      const begins = Math.max(startedAt + at, restsUntil);
      if (begins > startedAt + Math.max(at, lastMs)) return;
      await pause(begins - performance.now(), signals.over);
      if (signals.over.aborted || signals.halt.aborted) return;
      await this.#do(name, operation, signals);
      restsUntil = performance.now() + restMs;
    }
  }

  /** Makes up for each kind that was planned and did not come about. Returns those in vain. */
  async makeUp({ lanes }: KvPlan, signals: Signals): Promise<readonly string[]> {
    const inVain: string[] = [];
    for (const name of laneNames) {
      for (const { operation } of lanes[name]) {
        const { type } = operation;
        if (signals.halt.aborted) return [];
        if (this.counts.has(type) || inVain.includes(type)) continue;
        if (!(await this.#do(name, operation, signals))) inVain.push(type);
      }
    }
    return signals.halt.aborted ? [] : inVain;
  }

  async #do(name: LaneName, operation: Operation, signals: Signals): Promise<boolean> {
    const { type } = operation;
    const startedAt = performance.now();
    this.#note(`${name}: ${JSON.stringify(operation)}`);
    const isDone = await this.#carryOut(operation, signals);
    const ms = Math.round(performance.now() - startedAt);
    this.#note(`${name}: ${type} ${isDone ? 'done' : 'did not come about'} after ${ms} ms`);
    if (isDone) this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
    return isDone;
  }
}
