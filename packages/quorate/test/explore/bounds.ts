/** What is explored: which cluster, and how often each thing may happen in one behaviour. */
export interface Bounds {
  /** Voters at the start; the rest of the three nodes are learners. */
  readonly voters: 2 | 3;
  readonly preVote: boolean;
  /**
   * `slow`: every write takes as long as it likes, and a crash may tear it. `instant`: a write is
   * on the disk before anything else happens, so that far more of the rest can be visited.
   */
  readonly disk: 'slow' | 'instant';
  /** The most entries that one append carries. */
  readonly batch: number;
  /** The most appends under way to one follower. */
  readonly window: number;
  /**
   * What a change of voters may be. `one`: one voter more, or one less, which leaves the cluster.
   * `any`: to every set of voters at once, and those that go may stay as learners.
   */
  readonly change: 'one' | 'any';
  /** Whether what a state machine applied outlasts a crash. */
  readonly durableStateMachine: boolean;
  /** Time-outs after which a node campaigns: the terms there can be. */
  readonly elections: number;
  readonly proposals: number;
  /** Changes of the voters. */
  readonly changes: number;
  readonly crashes: number;
  /** How often a leader speaks up because time has passed. */
  readonly beats: number;
  /** Messages that arrive twice. */
  readonly duplicates: number;
  /** Calls that end without an answer, so that the caller goes on without it. */
  readonly timeouts: number;
}

/** What is counted against a bound, four bits each in one number. */
export const budgets = [
  'elections',
  'proposals',
  'changes',
  'crashes',
  'beats',
  'duplicates',
  'timeouts',
] as const;

export type Budget = (typeof budgets)[number];

const mostOfABudget = 15;

export const defaultBounds: Bounds = {
  voters: 3,
  preVote: false,
  disk: 'slow',
  batch: 8,
  window: 2,
  change: 'one',
  durableStateMachine: false,
  elections: 2,
  proposals: 1,
  changes: 0,
  crashes: 0,
  beats: 0,
  duplicates: 0,
  timeouts: 0,
};

/** Nothing has happened yet: the counts of all budgets, as one number. */
export const noneSpent = 0;

export function spent(counts: number, budget: Budget): number {
  return (counts >>> (budgets.indexOf(budget) * 4)) & mostOfABudget;
}

export function withOneMore(counts: number, budget: Budget): number {
  return counts + (1 << (budgets.indexOf(budget) * 4));
}

/** @throws {RangeError} naming the bound that cannot be. */
export function checkBounds(bounds: Bounds): void {
  for (const budget of budgets) {
    const value = bounds[budget];
    if (Number.isSafeInteger(value) && value >= 0 && value <= mostOfABudget) continue;
    throw new RangeError(`${budget} must be from 0 to ${mostOfABudget}, not ${value}.`);
  }
  for (const name of ['batch', 'window'] as const) {
    if (Number.isSafeInteger(bounds[name]) && bounds[name] > 0) continue;
    throw new RangeError(`${name} must be a whole number above 0, not ${bounds[name]}.`);
  }
  if (bounds.voters !== 2 && bounds.voters !== 3) {
    throw new RangeError(`voters must be 2 or 3, not ${String(bounds.voters)}.`);
  }
}

/** The bounds in a line, as they are read in a report. */
export function describeBounds(bounds: Bounds): string {
  const counted = budgets.map((budget) => `${bounds[budget]} ${budget}`).join(', ');
  const { voters, preVote, disk, batch, window, change, durableStateMachine } = bounds;
  return (
    `${voters} voters of 3, pre-vote ${preVote ? 'on' : 'off'}, ${disk} disk, ` +
    `window ${window}, batch ${batch}, changes to ${change}, state machine ${durableStateMachine ? 'durable' : 'volatile'}; ` +
    counted
  );
}
