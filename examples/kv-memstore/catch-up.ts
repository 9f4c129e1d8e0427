import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CatchUpCluster } from './catch-up-cluster.ts';
import { type CatchUpOptions, catchUpUsage, parseCatchUpArguments } from './catch-up-options.ts';
import { eventually } from './test-support/eventually.ts';
import type { WireDigest } from './wire-output.ts';

/** A write is tried again for so long: on a busy machine the leader may change. */
const maxTries = 100;
const retryMs = 200;
const progressMs = 10_000;

const options = parseCatchUpArguments(process.argv.slice(2));
switch (options.type) {
  case 'help':
    console.log(catchUpUsage);
    break;
  case 'error':
    console.error(`${options.message} Try --help.`);
    process.exitCode = 2;
    break;
  case 'run':
    process.exit(await runWithin(options));
}

/** Leaves neither processes nor files behind; returns the exit code. */
async function runWithin(run: CatchUpOptions): Promise<number> {
  const ended = endRequested();
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-catch-up-'));
  const { network, snapshotAfterBytes, keepBytes } = run;
  const others = [
    '--network',
    network,
    '--snapshot-after-bytes',
    `${snapshotAfterBytes}`,
    '--keep-bytes',
    `${keepBytes}`,
  ];
  const cluster = new CatchUpCluster(folder, others);
  console.log(`Starting 3 nodes in ${folder}...`);
  try {
    await Promise.race([story(cluster, run), ended]);
    console.log('PASS');
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.log('FAIL');
    return 1;
  } finally {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function story(cluster: CatchUpCluster, run: CatchUpOptions): Promise<void> {
  const { entries, writers } = run;
  const withinMs = run.waitSeconds * 1000;
  await cluster.form();
  const half = Math.floor(entries / 2);
  await write(cluster, { from: 0, to: half, writers });

  const leader = await cluster.leader();
  const away = cluster.ids.find((id) => id !== leader.id) ?? leader.id;
  const last = await killCaughtUp(cluster, away, withinMs);
  console.log(`Node ${away} was killed; its log ends at entry ${count(last)}.`);

  await write(cluster, { from: half, to: entries, writers });
  const others = cluster.ids.filter((id) => id !== away);
  for (const id of others) await awaitPurgedBeyond(cluster, { id, last, withinMs });

  await catchUp(cluster, { id: away, last, withinMs });
  await compareStates(cluster, entries);
  await showSizes(cluster);
}

/** A node, what its log ended with when another one was killed, and how long it may take. */
interface Away {
  readonly id: number;
  readonly last: number;
  readonly withinMs: number;
}

/** Each writer goes on with the next key as soon as its last one was acknowledged. */
async function write(
  cluster: CatchUpCluster,
  { from, to, writers }: { from: number; to: number; writers: number },
): Promise<void> {
  const { id } = await cluster.leader();
  const start = performance.now();
  let next = from;
  const writeOn = async (): Promise<void> => {
    const client = cluster.client(id);
    while (next < to) {
      const at = next++;
      await setOnce(() => client.set(`key-${at}`, `value of key ${at}`));
    }
  };
  const progress = setInterval(() => {
    console.log(`... ${count(next - from)} of ${count(to - from)}`);
  }, progressMs);
  try {
    await Promise.all(Array.from({ length: writers }, writeOn));
  } finally {
    clearInterval(progress);
  }
  const seconds = (performance.now() - start) / 1000;
  const perSecond = count(Math.round((to - from) / seconds));
  console.log(`${count(to - from)} entries written in ${seconds.toFixed(1)} s, ${perSecond}/s.`);
}

/** To write the same value under the same key twice does no harm. */
async function setOnce(set: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await set();
      return;
    } catch (error) {
      if (tries === maxTries) throw error;
      await pause(retryMs);
    }
  }
}

/** Kills a node that has all there is; returns the last entry of its log. */
async function killCaughtUp(
  cluster: CatchUpCluster,
  id: number,
  withinMs: number,
): Promise<number> {
  const last = (await cluster.metrics((await cluster.leader()).id)).last_log_index ?? 0;
  await awaitApplied(cluster, { id, index: last, withinMs });
  const own = (await cluster.metrics(id)).last_log_index ?? 0;
  await cluster.kill(id);
  return own;
}

/** Once it is, this node cannot send what another lacks after `last` but in a snapshot. */
async function awaitPurgedBeyond(cluster: CatchUpCluster, away: Away): Promise<void> {
  const { id, last, withinMs } = away;
  const { snapshot, purged } = await eventually(
    `node ${id} builds a snapshot and purges its log beyond entry ${last}; if it never does, take more entries, or a smaller --snapshot-after-bytes and --keep-bytes`,
    () => cluster.metrics(id),
    (metrics) => (metrics.purged?.index ?? 0) > last,
    { withinMs },
  );
  const covered = `its newest snapshot ends at entry ${count(snapshot?.index ?? 0)}`;
  console.log(`Node ${id} has purged its log up to ${count(purged?.index ?? 0)}; ${covered}.`);
}

async function catchUp(cluster: CatchUpCluster, { id, last, withinMs }: Away): Promise<void> {
  const leader = await cluster.leader();
  const { committed } = await cluster.metrics(leader.id);
  const start = performance.now();
  await cluster.restart(id);
  console.log(`Node ${id} listens again after ${since(start)}.`);
  await awaitApplied(cluster, { id, index: committed?.index ?? 0, withinMs });
  console.log(`It has applied entry ${count(committed?.index ?? 0)} after ${since(start)}.`);

  // Nobody had these entries any more, so a log that begins beyond them came with a snapshot.
  const { snapshot, purged } = await cluster.metrics(id);
  const [snapshotIndex, purgedIndex] = [snapshot?.index ?? 0, purged?.index ?? 0];
  if (purgedIndex <= last || snapshotIndex < purgedIndex) {
    const found = `its snapshot ends at ${snapshotIndex}, and its log begins after ${purgedIndex}`;
    throw new Error(`Wanted node ${id} to go on from a snapshot beyond entry ${last}; ${found}.`);
  }
  console.log(
    `It caught up by a snapshot: its log ended at ${count(last)} and begins after ${count(purgedIndex)} now.`,
  );
}

async function awaitApplied(
  cluster: CatchUpCluster,
  { id, index, withinMs }: { id: number; index: number; withinMs: number },
): Promise<void> {
  await eventually(
    `node ${id} applies entry ${index}`,
    () => cluster.metrics(id),
    ({ last_applied: applied }) => (applied?.index ?? 0) >= index,
    { withinMs },
  );
}

/** @throws if not all of them have the same, and as many keys as were written. */
async function compareStates(cluster: CatchUpCluster, entries: number): Promise<void> {
  const digests: WireDigest[] = [];
  for (const id of cluster.ids) digests.push(await cluster.client(id).digest());
  for (const { entries: found, sha256 } of digests) {
    if (found === entries && sha256 === digests[0]?.sha256) continue;
    throw new Error(`Wanted ${entries} equal keys everywhere; got ${JSON.stringify(digests)}.`);
  }
  console.log(`All three nodes have the same ${count(entries)} keys and values.`);
}

/** What the directories take on the disk, as `du` counts it. */
async function showSizes(cluster: CatchUpCluster): Promise<void> {
  console.log(`${'node'.padEnd(8)}${'log MiB'.padStart(12)}${'snapshots MiB'.padStart(16)}`);
  for (const id of cluster.ids) {
    const [log, snapshots] = [
      await sizeOf(path.join(cluster.dataOf(id), 'log')),
      await sizeOf(path.join(cluster.dataOf(id), 'snapshots')),
    ];
    console.log(`${`node-${id}`.padEnd(8)}${log.padStart(12)}${snapshots.padStart(16)}`);
  }
}

async function sizeOf(directory: string): Promise<string> {
  let bytes = 0;
  for (const name of await readdir(directory)) {
    bytes += (await stat(path.join(directory, name))).blocks * 512;
  }
  return (bytes / 2 ** 20).toFixed(1);
}

function since(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/** Rejects when this process is asked to end. */
function endRequested(): Promise<never> {
  const ended = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => reject(new Error(`Ended by ${signal}.`)));
    }
  });
  ended.catch(() => undefined); // It may come when nobody waits for it yet, or any more.
  return ended;
}
