/** Rare branches: a simulation that never meets one has not tested it. */
export const markNames = [
  'driver.lateTimer',
  'log.severalWritesAtOnce',
  'log.truncatedBeforeWritten',
  'log.readFromStore',
  'applier.readForReplacedState',
  'applier.waitsForSessions',
  'sessions.repeated',
  'sessions.forgotten',
  'sessions.expired',
  'sessions.madeRoom',
  'writes.lostWithLeadership',
  'writes.passedBySnapshot',
  'forwarding.followedHint',
  'followerReads.askedAgain',
  'peers.connectedAnew',
  'snapshotter.gaveUp',
  'snapshotter.failed',
  'receiver.cameInAnotherWay',
  'receiver.elsewhere',
  'receiver.brokeOff',
  'sender.goesOn',
  'sender.callBroke',
  'transfers.waited',
  'recovery.snapshotReplacedLog',
  'recovery.restoredSnapshot',
  'wal.tornEnd',
  'wal.segmentWithoutHead',
  'wal.readOvertaken',
  'wal.droppedSegments',
  'snapshots.resumedPart',
  'snapshots.replacedWhileRead',
  'snapshots.passedPart',
] as const;

/** Places where the code may do otherwise than it mostly would, and be as right. */
export const buggifyNames = [
  'driver.yieldFirst',
  'log.noGroup',
  'log.dropTail',
  'log.readOne',
  'applier.applyOne',
  'snapshotter.buildNow',
  'snapshotter.keepNothing',
  'receiver.breakOff',
  'sender.forgetPlace',
  'transfers.oneAtATime',
  'replicator.sendOne',
  'wal.newSegment',
  'wal.readShort',
  'wal.noReadAhead',
  'snapshots.syncNow',
  'snapshots.forgetPart',
] as const;

export type MarkName = (typeof markNames)[number];
export type BuggifyName = (typeof buggifyNames)[number];

/** What a simulator does at the sites. */
export interface SiteHooks {
  readonly mark: (name: MarkName) => void;
  readonly buggify: (name: BuggifyName) => boolean;
}

/**
 * One for the whole process, unlike all else in the library: sites lie in functions that are handed
 * nothing to carry it. Whoever installs hooks runs one simulation at a time, and takes them away.
 */
let installed: SiteHooks | undefined;

/** For simulators alone. `undefined` takes the hooks away: sites then do nothing. */
export function installSites(hooks: SiteHooks | undefined): void {
  installed = hooks;
}

/** Takes note that a rare branch was taken. */
export function mark(name: MarkName): void {
  if (installed !== undefined) installed.mark(name);
}

/** Whether to do otherwise this time. Always `false` outside a simulation. */
export function buggify(name: BuggifyName): boolean {
  return installed !== undefined && installed.buggify(name);
}
