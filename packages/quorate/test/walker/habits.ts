import { drawFate, type Fate } from './fate.ts';
import type { Knobs } from './knobs.ts';
import type { Marks } from './marks.ts';
import { Random } from './random.ts';
import type { WalkNode } from './walk-node.ts';

/** What happens without being asked for: after each event, and where a core or a call draws. */
export interface Habits {
  /** Percent of the way from the shortest to the longest election timeout. */
  timeout(node: WalkNode): number;
  /** How many of at most `count` entries go into one append. */
  batch(count: number): number;
  /** Whether a caller never hears that its call was lost. */
  losesSilently(): boolean;
  /** What follows at once when an event was given and its actions were carried out. */
  after(node: WalkNode, hasSent: boolean): void;
}

/** What habits do to the world. */
export interface Hands {
  readonly marks: Marks;
  start(node: WalkNode): void;
  crash(node: WalkNode, fate: Fate): void;
  complete(node: WalkNode, count: number): void;
  report(node: WalkNode): void;
  apply(node: WalkNode, index: number): void;
  applyMore(node: WalkNode): void;
  restoreNext(node: WalkNode, options: { skips: boolean }): void;
}

/** The habits of a walk: all that is not the scheduler's to choose, drawn from the seed. */
export class WalkHabits implements Habits {
  readonly #seed: string;
  readonly #knobs: Knobs;
  readonly #hands: Hands;
  readonly #network: Random;
  readonly #disks: Random;
  readonly #cores: { incarnation: number; random: Random }[] = [];

  constructor(seed: string, knobs: Knobs, hands: Hands) {
    this.#seed = seed;
    this.#knobs = knobs;
    this.#hands = hands;
    this.#network = new Random(seed, 'network');
    this.#disks = new Random(seed, 'disks');
  }

  timeout({ at, incarnation }: WalkNode): number {
    let core = this.#cores[at];
    if (core?.incarnation !== incarnation) {
      core = { incarnation, random: new Random(this.#seed, `core ${at} ${incarnation}`) };
      this.#cores[at] = core;
    }
    return core.random.below(100);
  }

  batch(count: number): number {
    return Math.min(count, 1 + this.#network.below(this.#knobs.batch));
  }

  losesSilently(): boolean {
    return this.#network.chance(this.#knobs.loseSilently);
  }

  /** What follows at once in most walks: reports, quick writes, and crashes as quick. */
  after(node: WalkNode, hasSent: boolean): void {
    const { crashAfterSend, reportSentLate, completeAtOnce, applyAtOnce } = this.#knobs;
    const hands = this.#hands;
    if (node.applying > node.applied && this.#disks.chance(applyAtOnce)) {
      this.goOnApplying(node, { all: true });
      if (!node.isUp) return;
    }
    if (crashAfterSend > 0 && (hasSent || node.disk.pending.length > 0)) {
      if (this.#disks.chance(crashAfterSend)) {
        this.crash(node);
        return;
      }
    }
    if (node.unreported.length > 0) {
      if (reportSentLate === 0 || !this.#network.chance(reportSentLate)) hands.report(node);
      else hands.marks.sentReportedLate += 1;
    }
    if (!node.isUp || node.disk.pending.length === 0 || completeAtOnce === 0) return;
    if (this.#disks.chance(completeAtOnce)) hands.complete(node, node.disk.pending.length);
  }

  /** The state machine goes on: with entries, or with a snapshot that it is to take over. */
  goOnApplying(node: WalkNode, options: { all: boolean }): void {
    const [next, later] = node.restores;
    const target = next?.applying ?? node.applying;
    const behind = target - node.applied;
    if (next !== undefined && (behind <= 0 || options.all || this.#disks.chance(0.5))) {
      const skips = later !== undefined && this.#disks.chance(0.5);
      this.#hands.restoreNext(node, { skips });
    } else if (behind > 0) {
      const index = options.all ? target : node.applied + 1 + this.#disks.below(behind);
      this.#hands.apply(node, index);
    }
  }

  /** With a fate of its own, and in many walks it is soon back. */
  crash(node: WalkNode, options: { restarts: boolean } = { restarts: true }): void {
    this.#hands.crash(node, drawFate(this.#disks, node));
    if (options.restarts && this.#disks.chance(this.#knobs.restartAtOnce)) this.#hands.start(node);
  }
}
