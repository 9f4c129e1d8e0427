import type { KvChaosCluster } from './cluster.ts';
import type { Journal } from './journal.ts';
import type { Signals } from './lanes.ts';
import type { Operation } from './plan.ts';
import { seatOf } from './restarts.ts';
import { pause } from './workers.ts';

type LowDisk = Extract<Operation, { readonly type: 'low disk' | 'low disks' }>;

/** By then it shows, even if other faults go on. */
const showsWithinMs = 12_000;
const lookMs = 100;

/**
 * Leaves little room on the disk of one member, or of most, until it shows: members say so, and
 * with most of them writes are refused. Then there is room again.
 */
export async function lowDisk(
  { cluster, journal }: { readonly cluster: KvChaosCluster; readonly journal: Journal },
  { type, victim, level, lastsMs }: LowDisk,
  { over, halt }: Signals,
): Promise<boolean> {
  const { taken } = cluster;
  const first = taken.indexOf(seatOf(cluster, victim));
  const count = type === 'low disk' ? 1 : Math.floor(taken.length / 2) + 1;
  const low = [...taken.slice(first), ...taken].slice(0, count);
  const codes = type === 'low disk' ? ['disk-low', 'disk-full'] : ['writes-refused'];
  const shows = (): boolean =>
    cluster.taken.some((slot) =>
      cluster.seats.at(slot).status?.alerts.some(({ code }) => codes.includes(code)),
    );
  journal.tightness.begin();
  try {
    await Promise.all(low.map((slot) => cluster.setRoom(slot, level)));
    const until = performance.now() + showsWithinMs;
    while (!shows() && !halt.aborted && performance.now() < until) await pause(lookMs, halt);
    const hasShown = shows();
    await pause(lastsMs, AbortSignal.any([over, halt]));
    return hasShown;
  } finally {
    await Promise.all(low.map((slot) => cluster.setRoom(slot)));
    journal.tightness.end();
  }
}
