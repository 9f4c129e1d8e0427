/**
 * What very many small pairs cost: three members each of etcd and of the key-value server get the
 * same load, and then: the memory of the leader's process, how long a killed member takes to be
 * back with all of them, and, of the key-value server, what is written while its members, all three
 * at once, build snapshots of them, compared with before.
 *
 *     npm run bench -- kv-memory [--keys 1000000] [--bytes 256] [--restarts 3] [--snapshots 3]
 *                                [--part memory] [--part snapshot]
 *
 * Only when it is asked for: what it gives that the engine counts buffers together with its heap,
 * as `quorate serve` has it. Clusters that do so and clusters that do not take turns; each begins
 * anew, gets all keys, and is measured while they are overwritten.
 *
 *     npm run bench -- kv-memory --part collector [--turns 3] [--turn-seconds 20]
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { KvClient } from '../packages/kv/src/client.ts';
import { type LoopRound, writeCount, writeFor, writeWhile } from './lib/closed-loop.ts';
import type { Contestant } from './lib/contestant.ts';
import { disposing } from './lib/disposing.ts';
import { EtcdContestant } from './lib/etcd/etcd-contestant.ts';
import { findEtcd, NoEtcdError } from './lib/etcd/etcd-program.ts';
import { nothingToCompareExitCode } from './lib/exit-codes.ts';
import { fileSystemOf, withFolder } from './lib/folder.ts';
import { KvCluster } from './lib/kv-cluster.ts';
import { KvContestant } from './lib/kv-contestant.ts';
import { median } from './lib/percentile.ts';
import { memoryOf, type ProcessMemory } from './lib/process-memory.ts';
import { type Row, report } from './lib/report.ts';

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true, default: ['memory', 'snapshot'] },
    keys: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '256' },
    writers: { type: 'string', default: '512' },
    restarts: { type: 'string', default: '3' },
    snapshots: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    turns: { type: 'string', default: '3' },
    'turn-seconds': { type: 'string', default: '20' },
    /** After the load, before anybody looks. */
    'settle-ms': { type: 'string', default: '5000' },
    install: { type: 'boolean', default: true },
    folder: { type: 'string' },
  },
  allowNegative: true,
});
const keys = Number(values.keys);
const writers = Number(values.writers);
const value = new Uint8Array(Number(values.bytes)).fill(7);
const timeoutMs = 60_000;

interface Loaded {
  readonly name: string;
  readonly perSecond: number;
  readonly memory: ProcessMemory;
  readonly restartMs: number;
}

type WithProcess = Contestant & { leaderPid(): Promise<number> };

const parts: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  memory: compareMemory,
  snapshot: compareSnapshots,
  collector: compareCollectors,
};

for (const part of values.part) {
  const run = parts[part];
  if (run === undefined) {
    const known = Object.keys(parts).join(', ');
    throw new RangeError(`--part must be one of ${known}; it is "${part}".`);
  }
  await withFolder(`kv-memory-${part}`, values.folder, run);
}

async function compareMemory(folder: string): Promise<void> {
  const program = await etcdOrNothing();
  if (program === undefined) return;
  const versions: Record<string, string> = {};
  const loaded: Loaded[] = [];
  for (const contestant of [new EtcdContestant(program), new KvContestant()]) {
    try {
      await contestant.start(path.join(folder, contestant.name));
      versions[contestant.name] = contestant.version;
      loaded.push(await measure(contestant));
    } finally {
      await contestant.close();
    }
  }
  const about = { ...versions, fileSystem: await fileSystemOf(folder) };
  const [etcd] = loaded;
  report(
    'kv-memory',
    loaded.map((one) => rowOf(one, etcd ?? one)),
    { about },
  );
}

async function compareSnapshots(folder: string): Promise<void> {
  const start = { folder: path.join(folder, 'members'), snapshotsOnDemand: true };
  const row = await disposing(KvCluster.start(start), measureSnapshots);
  report('kv-memory-snapshot', [row], { about: { fileSystem: await fileSystemOf(folder) } });
}

async function compareCollectors(folder: string): Promise<void> {
  // The engine of an older Node does not know the option, so there is nothing to compare.
  if (Number.parseInt(process.versions.node, 10) < 24) {
    console.error(`The part collector needs Node 24 or newer; this is ${process.versions.node}.`);
    return;
  }
  const turns: CollectorTurn[] = [];
  for (let at = 0; at < Number(values.turns); at += 1) {
    const measured = async (countsBuffersApart: boolean): Promise<CollectorRound> => {
      const name = `turn-${at}-${countsBuffersApart ? 'apart' : 'together'}`;
      const start = { folder: path.join(folder, name), countsBuffersApart };
      const round = await disposing(KvCluster.start(start), measureOverwriting);
      await rm(start.folder, { recursive: true });
      return round;
    };
    turns.push({ apart: await measured(true), together: await measured(false) });
  }
  const about = { fileSystem: await fileSystemOf(folder) };
  const rows = [collectorRow('apart', turns), collectorRow('together', turns)];
  report('kv-memory-collector', rows, { about });
}

async function etcdOrNothing(): Promise<string | undefined> {
  try {
    return await findEtcd({ mayInstall: values.install });
  } catch (error) {
    if (!(error instanceof NoEtcdError)) throw error;
    console.error(error.message);
    process.exitCode = nothingToCompareExitCode;
    return undefined;
  }
}

async function measure(contestant: WithProcess): Promise<Loaded> {
  const { perSecond } = await fill((key) => contestant.put(key, value));
  await new Promise((resolve) => setTimeout(resolve, Number(values['settle-ms'])));
  const memory = await memoryOf(await contestant.leaderPid());
  const restarts: number[] = [];
  for (let at = 0; at < Number(values.restarts); at += 1) {
    await contestant.killLeader();
    const began = performance.now();
    await contestant.revive();
    restarts.push(performance.now() - began);
  }
  return { name: contestant.name, perSecond, memory, restartMs: median(restarts) };
}

/** Every key once. */
function fill(put: (key: string) => Promise<unknown>): Promise<LoopRound> {
  let next = 0;
  return writeCount(keys, writers, () => {
    next += 1;
    return put(keyOf(next - 1));
  });
}

function keyOf(number: number): string {
  return `key-${String(number).padStart(8, '0')}`;
}

function rowOf({ name, perSecond, memory, restartMs }: Loaded, etcd: Loaded): Row {
  const { residentMiB, anonymousMiB, highestMiB } = memory;
  const contentMiB = (keys * (value.length + keyOf(0).length)) / 2 ** 20;
  return {
    server: name,
    keys,
    'content MiB': Math.round(contentMiB),
    'puts/s': Math.round(perSecond),
    'leader MiB': residentMiB,
    'without files MiB': anonymousMiB,
    'highest MiB': highestMiB,
    'bytes a pair': Math.round((residentMiB * 2 ** 20) / keys),
    'of etcd': Number((residentMiB / etcd.memory.residentMiB).toFixed(2)),
    'back after ms': Math.round(restartMs),
    'back, of etcd': Number((restartMs / etcd.restartMs).toFixed(2)),
  };
}

interface SnapshotRound {
  readonly before: LoopRound;
  readonly during: LoopRound;
  readonly buildMs: number;
}

async function measureSnapshots(cluster: KvCluster): Promise<Row> {
  const client = new KvClient({ servers: cluster.servers, timeoutMs });
  try {
    await fill((key) => client.put(key, value));
    const rounds: SnapshotRound[] = [];
    for (let at = 0; at <= Number(values.snapshots); at += 1) {
      const round = await snapshotRound(cluster, client);
      if (at > 0) rounds.push(round); // The first warms up.
    }
    const middle = (pick: (round: SnapshotRound) => number, digits = 0): number =>
      Number(median(rounds.map(pick)).toFixed(digits));
    return {
      keys,
      writers,
      'before/s': middle(({ before }) => before.perSecond),
      'while building/s': middle(({ during }) => during.perSecond),
      ratio: middle(({ before, during }) => during.perSecond / before.perSecond, 2),
      'before p99 ms': middle(({ before }) => before.p99Ms, 1),
      'building p99 ms': middle(({ during }) => during.p99Ms, 1),
      'longest ms': middle(({ during }) => during.maxMs, 1),
      'build ms': middle(({ buildMs }) => buildMs),
    };
  } finally {
    await client.close();
  }
}

/** Overwrites pairs here and there. */
function overwriter(client: KvClient): () => Promise<unknown> {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return client.put(keyOf(state % keys), value);
  };
}

/** Overwrites without and while snapshots are built. */
async function snapshotRound({ members }: KvCluster, client: KvClient): Promise<SnapshotRound> {
  const write = overwriter(client);
  const before = await writeFor(Number(values.seconds), writers, write);
  const began = performance.now();
  let buildMs = 0;
  const built = Promise.all(members.map((member) => member.takeSnapshot())).then(() => {
    buildMs = performance.now() - began;
  });
  const during = await writeWhile(writers, write, () => buildMs === 0);
  await built;
  return { before, during, buildMs };
}

interface CollectorRound {
  readonly load: LoopRound;
  readonly highestMiB: number;
}

interface CollectorTurn {
  readonly apart: CollectorRound;
  readonly together: CollectorRound;
}

async function measureOverwriting(cluster: KvCluster): Promise<CollectorRound> {
  const client = new KvClient({ servers: cluster.servers, timeoutMs });
  try {
    await fill((key) => client.put(key, value));
    const load = await writeFor(Number(values['turn-seconds']), writers, overwriter(client));
    const { highestMiB } = await (await cluster.leader()).picture();
    return { load, highestMiB };
  } finally {
    await client.close();
  }
}

/** Medians; what is compared with `apart` is so within a turn. */
function collectorRow(buffers: keyof CollectorTurn, turns: readonly CollectorTurn[]): Row {
  const middle = (pick: (round: CollectorRound) => number, digits = 0): number =>
    Number(median(turns.map((turn) => pick(turn[buffers]))).toFixed(digits));
  const ofApart = (pick: (round: CollectorRound) => number): number =>
    Number(median(turns.map((turn) => pick(turn[buffers]) / pick(turn.apart))).toFixed(2));
  return {
    'buffers and heap': buffers,
    keys,
    writers,
    'puts/s': middle(({ load }) => load.perSecond),
    'of apart': ofApart(({ load }) => load.perSecond),
    'p50 ms': middle(({ load }) => load.p50Ms, 1),
    'p99 ms': middle(({ load }) => load.p99Ms, 1),
    'p99 of apart': ofApart(({ load }) => load.p99Ms),
    'longest ms': middle(({ load }) => load.maxMs, 1),
    'highest MiB': middle(({ highestMiB }) => highestMiB),
    'MiB of apart': ofApart(({ highestMiB }) => highestMiB),
  };
}
