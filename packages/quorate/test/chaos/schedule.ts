import { Random } from '../walker/random.ts';

/** Whom a fault strikes: a slot, or whoever leads when it begins. */
export type Victim = string;
export const leading: Victim = 'leader';

/** What a partition lets through. */
export type Cut =
  /** Nothing, in either direction. */
  | 'isolated'
  /** Its own calls and their answers, but no call to it. */
  | 'deaf'
  /** The calls to it and its answers, but no call of its own. */
  | 'mute'
  /** Every call, but no answer of its own. */
  | 'unanswering';

export type Fault =
  | { readonly type: 'kill'; readonly victim: Victim }
  | { readonly type: 'kill-all' }
  | { readonly type: 'pause'; readonly victim: Victim }
  | {
      readonly type: 'cut';
      readonly victim: Victim;
      readonly cut: Cut;
      /** Connections break, so that new ones are made; else what was sent before comes late. */
      readonly breaks: boolean;
    }
  /** Two groups that do not hear each other, but for a `bridge`, which hears both. */
  | {
      readonly type: 'split';
      readonly groups: readonly [readonly string[], readonly string[]];
      readonly bridge?: string;
      readonly breaks: boolean;
    }
  | {
      readonly type: 'slow';
      readonly victim: Victim;
      readonly delayMs: number;
      readonly bytesPerSecond: number;
    }
  /** The connections of a node break again and again. */
  | { readonly type: 'reset'; readonly victim: Victim }
  | { readonly type: 'demote'; readonly victim: Victim }
  | { readonly type: 'replace'; readonly victim: Victim }
  | { readonly type: 'transfer'; readonly to?: string }
  | { readonly type: 'snapshot'; readonly victim: Victim };

export interface ScheduledFault {
  /** Milliseconds from the beginning. */
  readonly at: number;
  readonly lastsMs: number;
  readonly fault: Fault;
}

/** How often each kind occurs among as many faults as there are entries here. */
const deck: readonly Fault['type'][] = [
  ...['kill', 'kill', 'kill', 'kill-all', 'pause', 'pause', 'cut', 'cut', 'cut', 'split'],
  ...['split', 'slow', 'slow', 'reset', 'demote', 'replace', 'transfer', 'transfer', 'snapshot'],
] as readonly Fault['type'][];

const shortestGapMs = 250;
const gapMs = 800;
/** Now and then nothing begins for a while. */
const calm = { chance: 0.12, ms: 2500 };

/** How long a fault lasts, in milliseconds; the others take as long as they take. */
const lasting: Partial<Record<Fault['type'], readonly [from: number, to: number]>> = {
  kill: [0, 2500],
  'kill-all': [0, 1000],
  pause: [200, 3000],
  cut: [300, 3500],
  split: [300, 3500],
  slow: [500, 3500],
  reset: [300, 1500],
  demote: [500, 2500],
};

/**
 * What happens when, as the seed has it. Every kind occurs in each stretch of as many faults as the
 * deck has: about a quarter of a minute.
 */
export function planSchedule(
  seed: string,
  { seconds, slots }: { readonly seconds: number; readonly slots: readonly string[] },
): readonly ScheduledFault[] {
  const random = new Random(seed, 'nemesis');
  const plan: ScheduledFault[] = [];
  let kinds: Fault['type'][] = [];
  let at = 500;
  for (;;) {
    at += shortestGapMs + random.below(gapMs) + (random.chance(calm.chance) ? calm.ms : 0);
    if (at >= seconds * 1000) return plan;
    if (kinds.length === 0) kinds = shuffled(deck, random);
    const type = kinds.pop() ?? 'kill';
    const [from, to] = lasting[type] ?? [0, 1];
    const lastsMs = from + random.below(to - from);
    plan.push({ at, lastsMs, fault: drawFault(type, slots, random) });
  }
}

function drawFault(type: Fault['type'], slots: readonly string[], random: Random): Fault {
  // Half of all troubles of one node are those of the leader.
  const victim = random.chance(0.5) ? leading : random.pick(slots);
  switch (type) {
    case 'kill-all':
      return { type };
    case 'cut': {
      const cut = random.pick<Cut>(['isolated', 'isolated', 'deaf', 'mute', 'unanswering']);
      return { type, victim, cut, breaks: random.chance(0.5) };
    }
    case 'split':
      return drawSplit(slots, random);
    case 'slow': {
      const bytesPerSecond = random.pick([Infinity, 100_000, 20_000]);
      return { type, victim, delayMs: random.pick([5, 30, 120, 400]), bytesPerSecond };
    }
    case 'transfer':
      return random.chance(0.5) ? { type } : { type, to: random.pick(slots) };
    case 'kill':
    case 'pause':
    case 'reset':
    case 'demote':
    case 'replace':
    case 'snapshot':
      return { type, victim };
  }
}

function drawSplit(slots: readonly string[], random: Random): Fault {
  const mixed = shuffled(slots, random);
  const breaks = random.chance(0.5);
  const hasBridge = slots.length > 2 && random.chance(0.4);
  const bridge = hasBridge ? mixed.pop() : undefined;
  const half = Math.floor(mixed.length / 2);
  const groups = [mixed.slice(0, half), mixed.slice(half)] as const;
  return { type: 'split', groups, breaks, ...(bridge === undefined ? {} : { bridge }) };
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as Item);
}
