/**
 * What the log takes on the disk while more and more is written, beside what it may take. Files
 * are as large as they are made, the zeroes at their end included. Between two points the size is
 * looked at all the time, and the highest is the one that counts.
 *
 *     npm run bench -- log-bound [--entries 5000000] [--nodes 1] [--snapshot-after-mib 64]
 *
 * The log may take, in bytes:
 *
 *     keepBytes                        behind the newest snapshot, and a sixteenth of it, since the
 *                                      place of an entry is known that well
 *   + max(snapshotAfterBytes, size)    since the newest snapshot of that size, until one is built
 *   + what is written during a build
 *   + 3 segments                       the first has purged entries too, the last is not full, and
 *                                      the next is made ready
 *
 * An entry counts as its command and 64 bytes. On the disk it is smaller, but for empty commands
 * that are written one by one: those take up to a quarter more.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { walStorage } from 'quorate/storage/wal';
import { type BenchCluster, type BenchNode, startCluster } from './lib/cluster.ts';
import { disposing } from './lib/disposing.ts';
import { type Row, report } from './lib/report.ts';
import { SlotState } from './lib/slot-state.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '5000000' },
    'entry-bytes': { type: 'string', default: '100' },
    slots: { type: 'string', default: '100000' },
    nodes: { type: 'string', default: '1' },
    writers: { type: 'string', default: '512' },
    points: { type: 'string', default: '40' },
    'snapshot-after-mib': { type: 'string', default: '64' },
    'keep-mib': { type: 'string', default: '64' },
  },
});
const mebibyte = 1024 * 1024;
const snapshotAfterBytes = Number(values['snapshot-after-mib']) * mebibyte;
const keepBytes = Number(values['keep-mib']) * mebibyte;
const segmentBytes = 16 * mebibyte;
const entries = Number(values.entries);
const entryBytes = Number(values['entry-bytes']);
const lookMs = 10;

interface Point {
  readonly entries: number;
  readonly highestLogBytes: number;
  readonly logBytes: number;
  readonly snapshotBytes: number;
}

const folder = await mkdtemp(path.join(tmpdir(), 'quorate-log-bound-'));
const leaderFolder = path.join(folder, 'node-1');
const leaderState = new SlotState(Number(values.slots), entryBytes);
try {
  await run();
} finally {
  await rm(folder, { recursive: true });
}

async function run(): Promise<void> {
  const started = startCluster(Number(values.nodes), {
    stateMachine: (id) =>
      id === 'node-1' ? leaderState : new SlotState(Number(values.slots), entryBytes),
    storage: (id) => walStorage(path.join(folder, id), { segmentBytes }),
    config: { snapshotAfterBytes, keepBytes },
  });
  await disposing(started, writeAndReport);
}

async function writeAndReport(cluster: BenchCluster): Promise<void> {
  const builds = watchBuilds(cluster.leader);
  const points = await writeAll(cluster);
  const stateBytes = Number(values.slots) * entryBytes;
  const boundBytes =
    keepBytes * (17 / 16) +
    Math.max(snapshotAfterBytes, stateBytes) +
    builds.mostDuringBuild +
    3 * segmentBytes;
  report(
    'log-bound',
    points.map((point) => rowOf(point, boundBytes)),
  );
  const isBelow = points.every(({ highestLogBytes }) => highestLogBytes <= boundBytes);
  console.log(
    `\n${isBelow ? 'Every point is' : 'NOT every point is'} under ${toMiB(boundBytes)} MiB: ${toMiB(keepBytes)} kept and a sixteenth, ${toMiB(Math.max(snapshotAfterBytes, stateBytes))} until the next snapshot, ${toMiB(builds.mostDuringBuild)} written during one of ${builds.count} builds, 3 segments of ${toMiB(segmentBytes)}.`,
  );
  if (!isBelow) process.exitCode = 1;
}

/** What was applied from the moment that a snapshot froze to the one when it was there, at most. */
function watchBuilds(leader: BenchNode): { count: number; mostDuringBuild: number } {
  const builds = { count: 0, mostDuringBuild: 0 };
  const watch = async (): Promise<void> => {
    let index = 0;
    for await (const { snapshot } of leader.watch()) {
      if (snapshot.index === index) continue;
      index = snapshot.index;
      builds.count += 1;
      const since = leaderState.appliedBytes - leaderState.frozenAtBytes;
      builds.mostDuringBuild = Math.max(builds.mostDuringBuild, since);
    }
  };
  void watch();
  return builds;
}

async function writeAll({ leader }: BenchCluster): Promise<Point[]> {
  const count = Number(values.points);
  const points: Point[] = [];
  const log = watchLog();
  const command = new Uint8Array(entryBytes).fill(7);
  let written = 0;
  for (let at = 1; at <= count; at += 1) {
    const to = Math.round((entries * at) / count);
    const writeOn = async (): Promise<void> => {
      while (written < to) {
        written += 1;
        await leader.write(command);
      }
    };
    await Promise.all(Array.from({ length: Number(values.writers) }, writeOn));
    const logBytes = await sizeOf(path.join(leaderFolder, 'log'));
    points.push({
      entries: to,
      highestLogBytes: Math.max(logBytes, log.takeHighest()),
      logBytes,
      snapshotBytes: await sizeOf(path.join(leaderFolder, 'snapshots')),
    });
  }
  await log.end();
  return points;
}

function watchLog(): { takeHighest: () => number; end: () => Promise<void> } {
  let highest = 0;
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      highest = Math.max(highest, await sizeOf(path.join(leaderFolder, 'log')));
      await pause(lookMs);
    }
  };
  const watching = watch();
  return {
    takeHighest() {
      const taken = highest;
      highest = 0;
      return taken;
    },
    async end() {
      over.abort();
      await watching;
    },
  };
}

async function sizeOf(directory: string): Promise<number> {
  const names = await readdir(directory);
  const sizes = names.map(async (name) => {
    try {
      return (await stat(path.join(directory, name))).size;
    } catch {
      return 0; // It was removed or renamed since the names were read.
    }
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function rowOf(point: Point, boundBytes: number): Row {
  return {
    entries: point.entries,
    'log MiB': toMiB(point.logBytes),
    'highest log MiB': toMiB(point.highestLogBytes),
    'bound MiB': toMiB(boundBytes),
    'under it': point.highestLogBytes <= boundBytes ? 'yes' : 'NO',
    'snapshots MiB': toMiB(point.snapshotBytes),
  };
}

function toMiB(bytes: number): number {
  return Number((bytes / mebibyte).toFixed(1));
}
