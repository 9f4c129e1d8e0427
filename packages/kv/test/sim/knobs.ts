import type { RaftConfig } from 'quorate';
import { between, type Choices, pick } from '../../../quorate/test/sim/choices.ts';
import type { CompactionPolicy } from '../../src/server/member.ts';

/** The classes of faults; each is on in about half of the runs. */
export const faultKinds = [
  'net.loss',
  'net.tail',
  'net.reset',
  'net.clog',
  'net.narrow',
  'net.partition',
  'net.isolate',
  'disk.slow',
  'disk.stall',
  'disk.damage',
  'disk.misread',
  'state.differs',
  'process.crash',
  'process.crashAll',
  'process.pause',
  'process.slow',
  'process.close',
  'clock.rate',
  'clock.change',
  'operation.transfer',
  'operation.snapshot',
  'operation.replace',
  'operation.members',
  'client.crash',
  'client.pause',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/**
 * Leases that end while the leadership is handed over, or are renewed at who leads no more; disks
 * that go bad; members that come and go.
 */
export type Focus = 'all' | 'leasesHandedOver' | 'leasesAtOldLeaders' | 'disks' | 'members';

const foci: readonly Focus[] = [
  ...Array.from({ length: 5 }, () => 'all' as const),
  'leasesHandedOver',
  'leasesAtOldLeaders',
  'disks',
  'members',
];

/** What may go wrong by chance in a run about leases. */
const besideLeases: readonly FaultKind[] = [
  'net.reset',
  'net.tail',
  'disk.slow',
  'process.slow',
  'clock.rate',
  'client.pause',
];

const beside: Readonly<Record<Exclude<Focus, 'all'>, readonly FaultKind[]>> = {
  leasesHandedOver: besideLeases,
  leasesAtOldLeaders: besideLeases,
  disks: [
    ...besideLeases,
    'net.isolate',
    'process.crash',
    'process.close',
    'operation.transfer',
    'operation.snapshot',
    'disk.misread',
  ],
  members: [
    ...besideLeases,
    'net.loss',
    'net.clog',
    'net.isolate',
    'disk.stall',
    'process.crash',
    'process.pause',
    'operation.transfer',
    'operation.snapshot',
  ],
};

/** What is on in every run about it. */
const always: Readonly<Record<Focus, readonly FaultKind[]>> = {
  all: [],
  leasesHandedOver: [],
  leasesAtOldLeaders: [],
  disks: ['disk.damage', 'process.crash'],
  members: ['operation.members', 'operation.replace'],
};

/** Whether first members may leave for good. */
export function membersLeave({ faults }: Pick<KvKnobs, 'faults'>): boolean {
  return leaving.some((kind) => faults[kind]);
}

const leaving: readonly FaultKind[] = [
  'operation.replace',
  'operation.members',
  'disk.damage',
  'state.differs',
];

/** In these there are few workers, so they may last. */
const isLong: readonly Focus[] = ['leasesHandedOver', 'leasesAtOldLeaders'];

/** What is drawn for a whole run. */
export interface KvKnobs {
  readonly memberCount: number;
  readonly clientCount: number;
  readonly faults: Readonly<Record<FaultKind, boolean>>;
  /**
   * What the run is about. Little goes wrong by chance if it is about leases: much does at the very
   * moment at which one is to end, or is renewed.
   */
  readonly focus: Focus;
  /** How long anything goes, in milliseconds of the world. */
  readonly chaosMs: number;
  /** How often the nemesis acts, on average. */
  readonly nemesisMs: number;
  /** How long a worker rests between two calls, on average. */
  readonly restMs: number;
  readonly net: {
    readonly delayMs: number;
    readonly lossPerMille: number;
    /** The machine of a member that is down refuses connections; if not, it is silent. */
    readonly refuses: boolean;
  };
  readonly disk: {
    readonly delayMs: number;
    readonly segmentBytes: number;
    readonly preallocate: boolean;
  };
  /** How long a process takes for one event, if it is slow. */
  readonly slowMs: number;
  /** The slowest and the fastest clock, as shares of the world's time. */
  readonly clock: { readonly slowest: number; readonly fastest: number };
  /** How long calls of clients are tried. */
  readonly timeoutMs: number;
  readonly compaction: CompactionPolicy;
  readonly hashCheckMs: number;
  readonly config: Partial<RaftConfig>;
}

export function drawKnobs(choices: Choices): KvKnobs {
  const choose = <Item>(name: string, items: readonly Item[]): Item =>
    pick(choices, `knobs.${name}`, items);
  const faults = Object.fromEntries(
    faultKinds.map((kind) => [kind, choose(`fault.${kind}`, [false, true])]),
  ) as Record<FaultKind, boolean>;
  const focus = choose('focus', foci);
  if (focus !== 'all') {
    for (const kind of faultKinds) faults[kind] &&= beside[focus].includes(kind);
  }
  for (const kind of always[focus]) faults[kind] = true;
  if (faults['state.differs']) faults['operation.snapshot'] = false;
  const clock = drawClock(choices, faults['clock.rate'] || faults['clock.change']);
  const drawn = drawConfig(choose, clock);
  const config = { ...drawn, ...forOldFiles({ faults, focus }, drawn) };
  return {
    memberCount: choose('memberCount', [3, 3, 3, 5]),
    clientCount: choose('clientCount', [3, 2, 4, 6]),
    faults,
    focus,
    chaosMs: isLong.includes(focus) ? 9000 : choose('chaosMs', [4000, 3000, 6000, 9000]),
    nemesisMs: choose('nemesisMs', [700, 300, 150]),
    restMs: choose('restMs', [60, 30, 150]),
    net: {
      delayMs: choose('delayMs', [1, 1, 5, 15]),
      lossPerMille: choose('loss', [10, 30, 100]),
      refuses: choose('refuses', [true, false]),
    },
    disk: {
      delayMs: choose('diskMs', [0.5, 0.1, 3, 10]),
      segmentBytes: faults['disk.damage'] ? 4096 : choose('segmentBytes', [65_536, 16_384, 8192]),
      preallocate: choose('preallocate', [true, false]),
    },
    slowMs: choose('slowMs', [1, 3]),
    clock,
    timeoutMs: choose('timeoutMs', [5000, 1500, 400]),
    compaction: choose<CompactionPolicy>('compaction', [
      'off',
      { mode: 'revisions', keep: 200 },
      { mode: 'revisions', keep: 30 },
      { mode: 'time', keepMs: 1000 },
    ]),
    hashCheckMs: choose('hashCheckMs', [500, 200, 2000]),
    config,
  };
}

/**
 * Damage at the very end of a log looks like a power cut, so there have to be old files to damage.
 * A leader whose state is wrong would give it to others in a snapshot, which nobody can tell.
 */
function forOldFiles(
  { faults, focus }: Pick<KvKnobs, 'faults' | 'focus'>,
  { snapshotAfterEntries = 0 }: Partial<RaftConfig>,
): Partial<RaftConfig> {
  if (faults['state.differs']) return { snapshotAfterEntries: 1_000_000 };
  if (focus === 'disks') return { snapshotAfterEntries: 40 };
  const isRare = faults['disk.damage'] && snapshotAfterEntries > 1000;
  return isRare ? { snapshotAfterEntries: 100 } : {};
}

/** Leases are sure for nine tenths of their time, so clocks must not differ by more than that. */
function drawClock(choices: Choices, isOn: boolean): KvKnobs['clock'] {
  if (!isOn) return { slowest: 1, fastest: 1 };
  return {
    slowest: Math.max(0.95, between(choices, 'knobs.clockSlowest', 1, 0.9)),
    fastest: Math.min(1.05, between(choices, 'knobs.clockFastest', 1, 1.1)),
  };
}

function drawConfig(
  choose: <Item>(name: string, items: readonly Item[]) => Item,
  { slowest, fastest }: KvKnobs['clock'],
): Partial<RaftConfig> {
  const min = choose('electionMs', [300, 250, 600]);
  return {
    heartbeatMs: min * choose('heartbeatShare', [0.3, 0.2]),
    electionTimeoutMs: { min, max: min * choose('electionSpread', [2, 1.5]) },
    // The bound that is promised is the one that is kept, with nothing to spare.
    maxClockDrift: Math.max(0.01, 1 - slowest / fastest + 1e-6),
    callTimeoutMs: choose('callTimeoutMs', [1000, 300]),
    readTimeoutMs: choose('readTimeoutMs', [3000, 800]),
    maxSessions: choose('maxSessions', [1000, 1000, 1000, 4, 2]),
    snapshotAfterEntries: choose('snapshotAfterEntries', [1_000_000, 1_000_000, 150, 40]),
    keepBytes: choose('keepBytes', [1_048_576, 0, 2000]),
    tailCacheBytes: choose('tailCache', [1_048_576, 1]),
  };
}
