import {
  type Fault,
  leading,
  planSchedule,
  type ScheduledFault,
  type Victim,
} from '../../../quorate/test/chaos/schedule.ts';
import { Random } from '../../../quorate/test/walker/random.ts';

/** Who asks for it: the program `quorate`, a client in the runner, or HTTP. */
export type By = 'cli' | 'client' | 'http';

/** Room for some files of the log, or for none. */
export type DiskLevel = 'low' | 'full';

/** What whoever looks after a cluster does to it, or what becomes of its disks. */
export type Operation =
  /** Ended by SIGTERM, and started again: one, all in turn, or all at once. */
  | { readonly type: 'restart'; readonly victim: Victim }
  | { readonly type: 'rolling restart' }
  | { readonly type: 'full stop'; readonly forMs: number }
  /** One is killed, and its disk is lost; a new one takes its place. */
  | {
      readonly type: 'replace';
      readonly victim: Victim;
      readonly by: 'cli' | 'client';
      /** The new one runs before it is added, and so asks by itself. */
      readonly startsFirst: boolean;
    }
  /** A new one is added and gets a vote; then one leaves, which may be the same. */
  | { readonly type: 'grow and shrink'; readonly victim: Victim; readonly by: 'cli' | 'client' }
  /** The whole store is saved in a file. */
  | { readonly type: 'backup'; readonly by: By; readonly from: Victim }
  /** A second cluster is made of the newest backup, beside the first. */
  | { readonly type: 'restore'; readonly members: 1 | 3; readonly revisionBump: number }
  /** There is little room on one disk, or on those of most. */
  | {
      readonly type: 'low disk' | 'low disks';
      readonly victim: Victim;
      readonly level: DiskLevel;
      readonly lastsMs: number;
    };

export interface PlannedOperation {
  /** Milliseconds from the beginning; later, or not at all, if those before last longer. */
  readonly at: number;
  readonly operation: Operation;
}

/** Operations of one lane come one after the other, and lanes beside each other. */
export const laneNames = ['restarts', 'membership', 'backups', 'disks'] as const;
export type LaneName = (typeof laneNames)[number];

export interface KvPlan {
  readonly faults: readonly ScheduledFault[];
  readonly lanes: Readonly<Record<LaneName, readonly PlannedOperation[]>>;
  /** No operation begins later, whatever kept it from that. */
  readonly lastMs: number;
}

export interface PlanOptions {
  readonly seconds: number;
  /** The seats of the members, of which one is free at a time. */
  readonly slots: readonly string[];
}

interface Lane {
  readonly firstMs: number;
  readonly gapMs: readonly [from: number, to: number];
  /** Each occurs once in each stretch of so many. */
  readonly deck: readonly Operation['type'][];
}

const lanes: Readonly<Record<LaneName, Lane>> = {
  restarts: {
    firstMs: 1500,
    gapMs: [3000, 7000],
    deck: ['restart', 'rolling restart', 'restart', 'restart', 'full stop', 'restart'],
  },
  membership: { firstMs: 1000, gapMs: [6000, 12_000], deck: ['replace', 'grow and shrink'] },
  backups: { firstMs: 500, gapMs: [3000, 8000], deck: ['backup', 'restore', 'backup'] },
  disks: { firstMs: 3000, gapMs: [9000, 20_000], deck: ['low disk', 'low disks'] },
};

/** What takes long does not begin shortly before the end, since the end waits for it. */
const lateMs = 3000;
/** Members take longer to start than the library's nodes, so faults come at longer intervals. */
const slowness = 2;
/** Done by operations of this plan, and members take snapshots when they like. */
const isWithout: ReadonlySet<Fault['type']> = new Set(['demote', 'replace', 'snapshot']);

/** The other operations are told no more revisions than these. */
const revisionBumps = [0, 0, 1_000_000] as const;

/** What happens when, as the seed has it. */
export function planOf(seed: string, { seconds, slots }: PlanOptions): KvPlan {
  const faults = planSchedule(seed, { seconds: seconds / slowness, slots })
    .filter(({ fault }) => !isWithout.has(fault.type))
    .map((one) => ({ ...one, at: one.at * slowness }));
  const planned = laneNames.map((name) => {
    const random = new Random(seed, name);
    return [name, planLane(lanes[name], { seconds, slots, random })] as const;
  });
  const lanesPlanned = Object.fromEntries(planned) as KvPlan['lanes'];
  return { faults, lanes: lanesPlanned, lastMs: seconds * 1000 - lateMs };
}

function planLane(
  { firstMs, gapMs: [least, most], deck }: Lane,
  { seconds, slots, random }: PlanOptions & { readonly random: Random },
): readonly PlannedOperation[] {
  const plan: PlannedOperation[] = [];
  let left: Operation['type'][] = [];
  const lastMs = Math.max(firstMs, seconds * 1000 - lateMs);
  for (let at = firstMs; at <= lastMs; at += least + random.below(most - least)) {
    if (left.length === 0) left = shuffled(deck, random);
    const type = left.pop() ?? 'restart';
    plan.push({ at, operation: draw(type, slots, random) });
  }
  return plan;
}

function draw(type: Operation['type'], slots: readonly string[], random: Random): Operation {
  // Half of all troubles of one member are those of the leader.
  const victim = random.chance(0.5) ? leading : random.pick(slots);
  switch (type) {
    case 'rolling restart':
      return { type };
    case 'full stop':
      return { type, forMs: random.below(1000) };
    case 'replace': {
      const by = random.pick(['cli', 'client'] as const);
      return { type, victim, by, startsFirst: random.chance(0.5) };
    }
    case 'grow and shrink':
      return { type, victim, by: random.pick(['cli', 'client'] as const) };
    case 'backup':
      return { type, by: random.pick<By>(['cli', 'client', 'http']), from: victim };
    case 'restore': {
      const revisionBump = random.pick(revisionBumps);
      return { type, members: random.pick([1, 3] as const), revisionBump };
    }
    case 'low disk':
    case 'low disks': {
      const level = random.pick<DiskLevel>(['low', 'full']);
      return { type, victim, level, lastsMs: 2500 + random.below(3000) };
    }
    case 'restart':
      return { type, victim };
  }
}

/** How often each kind is planned. */
export function kindsIn({ faults, lanes: planned }: KvPlan): ReadonlyMap<string, number> {
  const all = laneNames.flatMap((name) => planned[name].map(({ operation }) => operation.type));
  const counts = new Map<string, number>();
  for (const kind of [...faults.map(({ fault }) => fault.type), ...all]) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as Item);
}
