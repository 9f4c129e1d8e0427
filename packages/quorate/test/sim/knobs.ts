import type { RaftConfig } from '../../src/node/options.ts';
import { between, type Choices, pick } from './choices.ts';

/** The classes of faults; each is on in about half of the runs. */
export const faultKinds = [
  'net.tail',
  'net.loss',
  'net.duplicate',
  'net.replay',
  'net.reset',
  'net.clog',
  'net.swizzle',
  'net.bandwidth',
  'net.halfOpen',
  'net.reconnect',
  'net.slowKind',
  'net.partition',
  'net.isolate',
  'disk.slow',
  'disk.stall',
  'disk.error',
  'disk.full',
  'disk.damage',
  'disk.misread',
  'process.crash',
  'process.crashAt',
  'process.crashAll',
  'process.pause',
  'process.slow',
  'process.close',
  'clock.rate',
  'clock.change',
  'clock.frozen',
  'member.change',
  'member.replace',
  'member.wipe',
  'member.oldDisk',
  'member.address',
  'operation.transfer',
  'operation.snapshot',
  'load.burst',
  'load.large',
  'plot.leapfrog',
  'plot.behind',
  'plot.held',
  'plot.older',
  'plot.wiped',
  'plot.contradicted',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** What is drawn for a whole run. Plain data, so that it can be written down. */
export interface Knobs {
  readonly nodeCount: number;
  /** How many names may exist in all, those that left and those that joined included. */
  readonly maxNames: number;
  readonly faults: Readonly<Record<FaultKind, boolean>>;
  /** How long anything goes, in milliseconds. */
  readonly chaosMs: number;
  /** How often the nemesis acts, on average, in milliseconds. */
  readonly nemesisMs: number;
  readonly net: {
    /** Calls to one node arrive in the order they were made. */
    readonly ordered: boolean;
    /** Entries travel as bytes and are decoded anew on each node. */
    readonly encoded: boolean;
    /** `calls`: requests are handed over whole. `tcp`: by `quorate/network/tcp`, as bytes. */
    readonly wire: 'calls' | 'tcp';
    readonly delayMs: number;
    readonly lossPerMille: number;
    readonly duplicatePerMille: number;
    /** A node that is down refuses calls; if not, it is silent. */
    readonly refuses: boolean;
  };
  readonly disk: {
    readonly delayMs: number;
    readonly segmentBytes: number;
    readonly preallocate: boolean;
  };
  readonly process: {
    /** Milliseconds that a node's processor takes for one event, if it is slow. */
    readonly slowMs: number;
    readonly applyMs: number;
    readonly chunkBytes: number;
    /** Snapshots are read in pieces of at most so many bytes. */
    readonly pieceBytes: number;
    /** How long it takes to put a snapshot in the place of the state. */
    readonly restoreMs: number;
  };
  /** The slowest and the fastest clock, as shares of the world's time. */
  readonly clock: { readonly slowest: number; readonly fastest: number };
  /** Reads may rest on leases: clocks then keep to `config.maxClockDrift`. */
  readonly leases: boolean;
  readonly config: Partial<RaftConfig>;
}

/** How many nodes a cluster begins with, as often as each is here. */
export const nodeCounts: readonly number[] = [3, 3, 3, 5, 3, 5, 4, 2, 1, 3, 5, 7];

/** Draws the knobs of a run. */
export function drawKnobs(choices: Choices): Knobs {
  const choose = <Item>(name: string, items: readonly Item[]): Item =>
    pick(choices, `knobs.${name}`, items);
  const faults = Object.fromEntries(
    faultKinds.map((kind) => [kind, choose(`fault.${kind}`, [false, true])]),
  ) as Record<FaultKind, boolean>;
  const hasPlot = faultKinds.some((kind) => kind.startsWith('plot.') && faults[kind]);
  // A plot takes its time, and most of what else goes wrong would end it early.
  const isPlotAlone = choose('plotAlone', [false, true]) && hasPlot;
  if (isPlotAlone) for (const kind of faultKinds) faults[kind] &&= kind.startsWith('plot.');
  // Where a node and its leader are to be a minority, it takes five.
  const nodeCount = faults['plot.held']
    ? choose('plotNodeCount', [5, 3, 5])
    : choose('nodeCount', nodeCounts);
  const clock = drawClock(choices, faults['clock.rate'] || faults['clock.change']);
  return {
    nodeCount,
    maxNames: nodeCount + 6,
    faults,
    chaosMs: choose('chaosMs', [3000, 2000, 5000, 10_000]) * (isPlotAlone ? 2 : 1),
    nemesisMs: choose('nemesisMs', [1000, 400, 150]),
    net: {
      ordered: choose('ordered', [true, true, false]),
      encoded: choose('encoded', [false, false, true]),
      wire: choose('wire', ['calls', 'tcp'] as const),
      delayMs: choose('delayMs', [1, 1, 5, 20]),
      lossPerMille: choose('loss', [10, 50, 150, 300]),
      duplicatePerMille: choose('duplicate', [10, 50, 300]),
      refuses: choose('refuses', [true, false]),
    },
    disk: {
      delayMs: choose('diskMs', [0.5, 0.1, 3, 12]),
      segmentBytes: choose('segmentBytes', [16_384, 4096, 8192]),
      preallocate: choose('preallocate', [true, false]),
    },
    process: {
      slowMs: choose('slowMs', [1, 5, 20]),
      applyMs: choose('applyMs', [0, 0, 0, 2, 20]),
      chunkBytes: choose('chunkBytes', [65_536, 512, 40, 1]),
      pieceBytes: choose('pieceBytes', [65_536, 1000, 200]),
      restoreMs: choose('restoreMs', [0, 0, 0, 50, 400]),
    },
    clock,
    leases: choose('leases', [false, true]),
    config: {
      ...drawConfig(choose, clock),
      ...drawPlotConfig(choose, faults),
    },
  };
}

/** What plots are about must be met soon. */
function drawPlotConfig(
  choose: <Item>(name: string, items: readonly Item[]) => Item,
  faults: Knobs['faults'],
): Partial<RaftConfig> {
  // What a node that is left behind would need is purged; what is read is not in memory.
  const isBehind = faults['plot.behind'] || faults['plot.older'] || faults['plot.contradicted'];
  return {
    ...(isBehind ? { keepBytes: choose('plotKeepBytes', [0, 300]) } : {}),
    // Snapshots that nobody asked for would be newer than those that a plot asks for.
    ...((faults['plot.older'] || faults['plot.held']) &&
    choose('plotSnapshots', [true, true, false])
      ? { snapshotAfterBytes: 67_108_864, snapshotAfterEntries: 1_000_000 }
      : {}),
    ...(faults['plot.held']
      ? {
          tailCacheBytes: choose('plotTailCache', [1, 500]),
          ...(isBehind ? {} : { keepBytes: choose('plotKeepBytes', [1_048_576, 300]) }),
          maxInflightAppends: choose('plotInflight', [8, 3]),
        }
      : {}),
  };
}

function drawClock(choices: Choices, isOn: boolean): Knobs['clock'] {
  if (!isOn) return { slowest: 1, fastest: 1 };
  return {
    slowest: between(choices, 'knobs.clockSlowest', 1, 0.5),
    fastest: between(choices, 'knobs.clockFastest', 1, 2),
  };
}

function drawConfig(
  choose: <Item>(name: string, items: readonly Item[]) => Item,
  { slowest, fastest }: Knobs['clock'],
): Partial<RaftConfig> {
  const min = choose('electionMs', [300, 250, 500, 1000]);
  return {
    // Some delay and drift must be no reason for another leader.
    heartbeatMs: min * choose('heartbeatShare', [0.3, 0.4, 0.2, 0.4, 0.1]),
    electionTimeoutMs: { min, max: min * choose('electionSpread', [2, 1.2, 4]) },
    // The bound that is promised is the one that is kept, with nothing to spare.
    maxClockDrift: Math.min(0.99, Math.max(0.01, 1 - slowest / fastest + 1e-6)),
    forwardWrites: choose('forwardWrites', [true, true, true, false]),
    callTimeoutMs: choose('callTimeoutMs', [1000, 300, 3000]),
    maxInflightAppends: choose('inflight', [8, 1, 2, 3]),
    maxAppendBytes: choose('appendBytes', [1_048_576, 400, 1, 1_048_576, 100]),
    readTimeoutMs: choose('readTimeoutMs', [3000, 800, 10_000]),
    maxSessions: choose('maxSessions', [1000, 1000, 4]),
    maxSessionBytes: choose('maxSessionBytes', [1_048_576, 1_048_576, 600]),
    sessionWindow: choose('sessionWindow', [64, 4, 2]),
    catchUpEntries: choose('catchUpEntries', [1000, 1, 10]),
    catchUpTimeoutMs: choose('catchUpTimeoutMs', [5000, 1000]),
    tailCacheBytes: choose('tailCache', [1_048_576, 1, 500]),
    snapshotAfterBytes: choose('snapshotAfterBytes', [67_108_864, 67_108_864, 4000, 600]),
    snapshotAfterEntries: choose('snapshotAfterEntries', [1_000_000, 1_000_000, 200, 50, 12, 3]),
    keepBytes: choose('keepBytes', [1_048_576, 0, 300]),
    maxSnapshotTransfers: choose('transfers', [2, 1]),
    snapshotBytesPerSecond: choose('sendPace', [Infinity, Infinity, 20_000]),
    snapshotBuildBytesPerSecond: choose('buildPace', [67_108_864, 20_000]),
    snapshotStallMs: choose('stallMs', [2000, 500]),
  };
}
