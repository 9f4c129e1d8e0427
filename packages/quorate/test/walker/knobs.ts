import type { Random } from './random.ts';

/** What a walk can do next, and how likely each is before the walk's own bias. */
const baseWeights = {
  deliver: 60,
  persist: 24,
  propose: 6,
  beat: 5,
  wake: 4,
  apply: 6,
  read: 3,
  passTime: 3,
  report: 4,
  duplicate: 3,
  lose: 4,
  replay: 2,
  crash: 1,
  restart: 3,
  change: 1.5,
  partition: 1,
  snapshot: 24,
  receive: 3,
  followerRead: 2,
  transfer: 2,
  loseDisk: 0.5,
} as const;

export type Choice = keyof typeof baseWeights;

/** Where leases, reads and transfers are what matters. */
const smoothWeights: Readonly<Record<Choice, number>> = {
  ...baseWeights,
  deliver: 70,
  persist: 6,
  propose: 4,
  read: 5,
  followerRead: 4,
  passTime: 3,
  wake: 6,
  lose: 1,
  change: 2.5,
  partition: 3,
  transfer: 3,
  snapshot: 0.5,
  receive: 2,
};

const faults: ReadonlySet<Choice> = new Set([
  'duplicate',
  'lose',
  'replay',
  'crash',
  'change',
  'partition',
  'snapshot',
  'transfer',
  'loseDisk',
]);

/** How one walk is set up. All of it is drawn from the seed. */
export interface Knobs {
  readonly initialCount: number;
  readonly nodeCount: number;
  readonly stepCount: number;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: { readonly min: number; readonly max: number };
  readonly maxInflightAppends: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  /**
   * `wild`: each clock is moved at will, as far as anything but a lease may rest on. `steady`: all
   * go with one time, each at its own rate.
   */
  readonly clocks: 'wild' | 'steady';
  /** Rates and spans are such that clocks are exact: sums of whole numbers by powers of two. */
  readonly maxClockDrift: number;
  readonly delivery: 'random' | 'newest' | 'oldest';
  readonly batch: number;
  /** Chances, from 0 up to 1. */
  readonly completeAtOnce: number;
  readonly applyAtOnce: number;
  readonly crashAfterSend: number;
  readonly restartAtOnce: number;
  readonly reportSentLate: number;
  readonly loseSilently: number;
  readonly isolateLeader: number;
  /** How often a snapshot breaks off while it is received. */
  readonly brokenness: number;
  readonly crashAfterSave: number;
  /** How much of the log stays at most behind a new snapshot. */
  readonly keptEntries: number;
  readonly hasDurableStateMachine: boolean;
  /** Each choice as often as its weight says; drawing a place draws a choice. */
  readonly choices: readonly Choice[];
}

/** A third of the walks let most things succeed, so that much is led, read and handed over. */
export function drawKnobs(random: Random): Knobs {
  if (random.chance(0.3)) return { ...drawAnyKnobs(random), ...drawSmoothKnobs(random) };
  return drawAnyKnobs(random);
}

function drawSmoothKnobs(random: Random): Partial<Knobs> {
  const initialCount = random.pick([2, 3, 3, 3, 4, 5]);
  return {
    initialCount,
    nodeCount: Math.min(7, initialCount + random.below(4)),
    checkQuorum: random.chance(0.75),
    clocks: 'steady',
    batch: 64,
    completeAtOnce: 0.9,
    applyAtOnce: 1,
    crashAfterSend: 0,
    restartAtOnce: 0.9,
    reportSentLate: 0,
    loseSilently: 0.5,
    isolateLeader: 0.8,
    choices: drawChoices(random, smoothWeights),
  };
}

function drawAnyKnobs(random: Random): Knobs {
  const initialCount = random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5]);
  const min = random.pick([20, 150, 150, 400]);
  const choices = drawChoices(random, baseWeights);
  const clocks = random.pick(['wild', 'steady'] as const);
  const isCrashing = choices.includes('crash');
  return {
    initialCount,
    nodeCount: Math.min(7, initialCount + (choices.includes('change') ? 1 + random.below(3) : 0)),
    stepCount: Math.round(100 * 2 ** (random.real() * 5)),
    heartbeatMs: Math.floor(min / 3),
    electionTimeoutMs: { min, max: min * 2 },
    maxInflightAppends: 1 + random.below(8),
    preVote: random.chance(0.5),
    checkQuorum: random.chance(clocks === 'wild' ? 0.5 : 0.75),
    clocks,
    maxClockDrift: random.pick([0, 0.125, 0.25, 0.5]),
    delivery: random.pick(['random', 'random', 'newest', 'oldest']),
    batch: random.pick([1, 1, 2, 8, 64]),
    completeAtOnce: random.pick([0, 0, 0.3, 0.8]),
    applyAtOnce: random.pick([0, 0.5, 1]),
    crashAfterSend: isCrashing ? random.pick([0, 0, 0.005, 0.02]) : 0,
    restartAtOnce: random.pick([0, 0.5, 0.9]),
    reportSentLate: random.pick([0, 0, 0.5]),
    loseSilently: random.pick([0, 0.5, 1]),
    isolateLeader: random.pick([0.2, 0.8]),
    brokenness: random.pick([0, 0.2, 0.6]),
    crashAfterSave: isCrashing ? random.pick([0, 0.2, 0.5]) : 0,
    keptEntries: random.pick([0, 0, 2, 8, 64]),
    hasDurableStateMachine: random.chance(0.5),
    choices,
  };
}

/** Each kind of fault is on in half of the walks, and every weight is bent by up to four times. */
function drawChoices(random: Random, weights: Readonly<Record<Choice, number>>): Choice[] {
  const choices: Choice[] = [];
  for (const choice of Object.keys(baseWeights) as Choice[]) {
    const bend = 2 ** (random.real() * 4 - 2);
    if (faults.has(choice) && random.chance(0.5)) continue;
    if (choice === 'loseDisk' && random.chance(0.6)) continue;
    const places = Math.max(1, Math.round(weights[choice] * bend * 4));
    for (let place = 0; place < places; place += 1) choices.push(choice);
  }
  return choices;
}
