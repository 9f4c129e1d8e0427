/**
 * Half of full load for a long time: three key-value servers with durable logs, and clients over
 * the same wire in a process of their own. What the clients reach with nothing held back is full
 * load. Each minute the load rests for a moment, everything is answered, and the processes are
 * looked at, after a full collection. Fails if memory, descriptors or timers have grown from the
 * middle third of the time to the last. Slow calls are assigned to what held up the leader, the
 * clients or all followers meanwhile: garbage collection, the disk, the event loop.
 *
 *     npm run bench -- soak [--minutes 30] [--share 0.5] [--clients 256] [--slow-ms 20] [--plot]
 */
import { parseArgs } from 'node:util';
import { writeFor } from './lib/closed-loop.ts';
import { fileSystemOf, withFolder } from './lib/folder.ts';
import { findGrowth, type Holding } from './lib/growth.ts';
import { NodeObserver, type Observation } from './lib/node-observer.ts';
import { callAtPace, type PacedRound } from './lib/paced-load.ts';
import { QuorateContestant } from './lib/quorate-contestant.ts';
import { type Row, report } from './lib/report.ts';
import { causesOf, type Stalls } from './lib/tail-causes.ts';
import { tryAgain } from './lib/try-again.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    share: { type: 'string', default: '0.5' },
    clients: { type: 'string', default: '256' },
    keys: { type: 'string', default: '10000' },
    /** How long full load is measured, after as long to warm up. */
    seconds: { type: 'string', default: '10' },
    'slow-ms': { type: 'string', default: '20' },
    folder: { type: 'string' },
    plot: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const keys = Number(values.keys);
/** A sample for each minute; a short run has a few all the same. */
const sampleCount = Math.max(6, Math.round(minutes));
const sampleSeconds = (minutes * 60) / sampleCount;
/** Before that, caches and logs fill up. */
const shortestJudgedMinutes = 10;
const slack = { 'RSS MiB': 48, 'heap MiB': 8, 'external MiB': 24, descriptors: 4, resources: 4 };
const value = new Uint8Array(256).fill(7);

interface Sample {
  readonly round: PacedRound;
  readonly stalls: Stalls;
  /** Of each server, and at last of this process with its clients. */
  readonly observations: readonly Observation[];
}

await withFolder('soak', values.folder, async (folder) => {
  const own = new NodeObserver();
  const contestant = new QuorateContestant({ isObserved: true });
  try {
    await contestant.start(folder);
    const { perSecond: full } = await tryAgain(() => fullLoad(contestant));
    const samples: Sample[] = [];
    for (let at = 0; at < sampleCount; at += 1) {
      samples.push(await sample(contestant, own, full * Number(values.share)));
    }
    const about = {
      'full load': `${Math.round(full)}/s with ${values.clients} clients`,
      'slow calls': `${values['slow-ms']} ms or more`,
      fileSystem: await fileSystemOf(folder),
    };
    report('soak', samples.map(rowOf), { about, plot: values.plot });
    judge(samples);
  } finally {
    await contestant.close();
  }
});

async function fullLoad(contestant: QuorateContestant): Promise<{ perSecond: number }> {
  const [seconds, clients] = [Number(values.seconds), Number(values.clients)];
  const call = mixed(contestant);
  await writeFor(seconds, clients, call);
  return writeFor(seconds, clients, call);
}

/** Nine puts, and then a get. */
function mixed(contestant: QuorateContestant): () => Promise<unknown> {
  let count = 0;
  return () => {
    count += 1;
    const key = `key-${(count * 7919) % keys}`;
    return count % 10 === 0 ? contestant.get(key) : contestant.put(key, value);
  };
}

async function sample(
  contestant: QuorateContestant,
  own: NodeObserver,
  perSecond: number,
): Promise<Sample> {
  const pace = { perSecond, seconds: sampleSeconds, slowMs: Number(values['slow-ms']) };
  const round = await callAtPace(pace, mixed(contestant));
  const leader = await contestant.cluster.leader();
  const servers = new Map<string, Observation>();
  for (const { id, program } of contestant.cluster.nodes) {
    servers.set(id, (await program.ask('observe')) as Observation);
  }
  const clients = own.take();
  const followers = [...servers].filter(([id]) => id !== leader.id).map(([, { stalls }]) => stalls);
  const stalls = {
    leader: servers.get(leader.id)?.stalls ?? [],
    clients: clients.stalls,
    followers,
  };
  return { round, stalls, observations: [...servers.values(), clients] };
}

function rowOf({ round, stalls, observations }: Sample, at: number): Row {
  const causes = causesOf(round.slow, stalls);
  const each = (pick: (one: Observation) => number, digits = 0): string =>
    observations.map((one) => pick(one).toFixed(digits)).join(' ');
  const longest = (pick: (one: Observation) => number): number =>
    Number(Math.max(...observations.map(pick)).toFixed(1));
  return {
    minute: Number(((at + 1) * (sampleSeconds / 60)).toFixed(2)),
    'calls/s': Math.round(round.perSecond),
    'p50 ms': Number(round.p50Ms.toFixed(2)),
    'p99 ms': Number(round.p99Ms.toFixed(2)),
    'max ms': Number(round.maxMs.toFixed(1)),
    failed: round.failed,
    slow: round.slow.length,
    'by gc': causes.gc,
    'by disk': causes.disk,
    'by loop': causes.loop,
    'by other': causes.other,
    'longest gc ms': longest(({ longestGcMs }) => longestGcMs),
    'longest disk ms': longest(({ longestDiskMs }) => longestDiskMs),
    'longest loop ms': longest(({ longestLoopMs }) => longestLoopMs),
    'RSS MiB': each(({ rssMiB }) => rssMiB),
    'heap MiB': each(({ heapMiB }) => heapMiB, 1),
    descriptors: each(({ descriptors }) => descriptors),
    resources: each(resourceCount),
  };
}

function resourceCount({ resources }: Observation): number {
  return Object.values(resources).reduce((sum, count) => sum + count, 0);
}

function holdingOf(observation: Observation): Holding {
  return {
    'RSS MiB': observation.rssMiB,
    'heap MiB': observation.heapMiB,
    'external MiB': observation.externalMiB,
    descriptors: observation.descriptors,
    resources: resourceCount(observation),
  };
}

function judge(samples: readonly Sample[]): void {
  if (minutes < shortestJudgedMinutes) {
    console.log(`\nToo short to say whether anything grows: ${shortestJudgedMinutes} minutes do.`);
    return;
  }
  const processes = ['server 1', 'server 2', 'server 3', 'the clients'];
  const found = processes.flatMap((name, which) => {
    const holdings = samples.flatMap(({ observations }) => observations[which] ?? []);
    return findGrowth(holdings.map(holdingOf), slack).map((growth) => `${name}: ${growth}`);
  });
  if (found.length === 0) {
    console.log('\nNothing grows: memory, descriptors and timers end as they were in the middle.');
    return;
  }
  console.log(`\n${found.join('.\n')}.`);
  process.exitCode = 1;
}
