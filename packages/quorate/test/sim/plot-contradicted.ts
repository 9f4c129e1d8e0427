import {
  cutOff,
  giveSome,
  leaderOf,
  pass,
  streamTo,
  successorOf,
  takeSnapshot,
  until,
} from './plot-moves.ts';
import { demandSite } from './sites.ts';
import type { World } from './world.ts';

/**
 * A leader that is cut off has a long end of its log to itself. The next one's snapshot tells of
 * other entries at places within that end, and the node dies when the snapshot is on its disk and
 * the log is still the old one.
 */
export async function contradicted(world: World): Promise<void> {
  const victim = leaderOf(world);
  if (victim === undefined || world.nodes.size < 3) return;
  const { store } = victim;
  const heal = cutOff(world, 'plot.contradicted', victim, 'both');
  try {
    await giveSome(world, victim, { atLeast: 15 });
    const next = await successorOf(world, victim);
    if (next === undefined) return;
    const shared = victim.state?.committed ?? 0;
    demandSite(world, 'snapshotter.keepNothing');
    takeSnapshot(world, next);
    if (!(await until(world, 1500, () => next.durable.purged.index > shared))) return;
    const covered = victim.durable.snapshot?.lastLogId.index ?? 0;
    heal();
    if (!(await until(world, 3000, () => streamTo(world, victim) !== undefined))) return;
    // The term that it follows in by now is on its disk, and all that comes is about the snapshot.
    store.holdBack(({ type, path }) => type !== 'read' && !path.includes('/snapshots'));
    const hasIt = (): boolean => (victim.durable.snapshot?.lastLogId.index ?? 0) > covered;
    if (!(await until(world, 2000, hasIt)) || !victim.isAlive) return;
    world.mark('plot: a snapshot contradicts the log');
    // What is held back ends with the process that asked for it.
    victim.crash('power');
    await pass(world, 50);
    if (!victim.isRetired) victim.start();
    await pass(world, 1000);
  } finally {
    heal();
    store.letGo();
  }
}
