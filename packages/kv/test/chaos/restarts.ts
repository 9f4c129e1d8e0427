import { leading } from '../../../quorate/test/chaos/schedule.ts';
import type { KvChaosCluster } from './cluster.ts';
import type { Signals } from './lanes.ts';
import type { Operation } from './plan.ts';
import { pause } from './workers.ts';

/** The next one is ended once this one is ready, or after so long: less, once all is calm. */
const readyMs = { usual: 5000, calm: 2000 };
const lookMs = 100;

type Restart = Extract<Operation, { readonly type: 'restart' | 'rolling restart' | 'full stop' }>;

/** The seat that is meant by a victim of a plan. */
export function seatOf({ leader, slots, seats }: KvChaosCluster, victim: string): string {
  return seats.standInFor(victim === leading ? (leader ?? slots[0] ?? '') : victim);
}

/** Ends members by SIGTERM, as whoever looks after them does it. */
export async function restart(
  cluster: KvChaosCluster,
  operation: Restart,
  signals: Signals,
): Promise<boolean> {
  const { over, halt } = signals;
  switch (operation.type) {
    case 'restart':
      return restartOne(cluster, seatOf(cluster, operation.victim), signals);
    case 'rolling restart': {
      let count = 0;
      for (const slot of cluster.taken) {
        if (!halt.aborted && (await restartOne(cluster, slot, signals))) count += 1;
      }
      return count > 1;
    }
    case 'full stop': {
      const stopped = cluster.taken;
      await cluster.standStill(async () => {
        await Promise.all(stopped.map((slot) => cluster.stop(slot)));
        await pause(operation.forMs, over);
      });
      await Promise.all(stopped.map((slot) => isReadySoon(cluster, slot, signals)));
      return true;
    }
  }
}

async function restartOne(
  cluster: KvChaosCluster,
  slot: string,
  signals: Signals,
): Promise<boolean> {
  const wasThere = cluster.processOf(slot)?.isAlive === true;
  await cluster.stop(slot);
  await cluster.start(slot);
  await isReadySoon(cluster, slot, signals);
  return wasThere;
}

async function isReadySoon(
  cluster: KvChaosCluster,
  slot: string,
  { over, halt }: Signals,
): Promise<void> {
  const startedAt = performance.now();
  const isOver = (): boolean =>
    performance.now() - startedAt > (over.aborted ? readyMs.calm : readyMs.usual);
  while (!halt.aborted && !isOver() && !(await cluster.isReady(slot))) await pause(lookMs, halt);
}
