/**
 * Writes through a cluster of three nodes in one process, each with its log on the disk, without
 * and while the leader builds snapshots of a large state, one after the other. The two take turns,
 * round by round. The state's bytes are there already: what is measured is the library, its
 * checksums and the disk, and not how an application turns its state into bytes.
 *
 *     npm run bench -- snapshot-cluster [--state-mib 500] [--writers 64] [--rounds 5] [--seconds 4]
 */
import { randomFillSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Committed, StateMachine } from 'quorate';
import { walStorage } from 'quorate/storage/wal';
import { type LoopRound, writeFor } from './lib/closed-loop.ts';
import { type BenchCluster, startCluster } from './lib/cluster.ts';
import { disposing } from './lib/disposing.ts';
import { median } from './lib/percentile.ts';
import { type Row, report } from './lib/report.ts';

const { values } = parseArgs({
  options: {
    'state-mib': { type: 'string', default: '500' },
    writers: { type: 'string', multiple: true, default: ['64', '512'] },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
  },
});
const stateMebibytes = Number(values['state-mib']);
const mebibyte = 1024 * 1024;
const command = new Uint8Array(256).fill(7);
/** Different bytes, and more of them than the caches of a processor hold. */
const state = Array.from({ length: Math.min(64, stateMebibytes) }, () =>
  randomFillSync(new Uint8Array(mebibyte)),
);

/** A state of so many mebibytes that no command changes. */
class LargeState implements StateMachine<Uint8Array, undefined> {
  readonly #mebibytes: number;

  constructor(mebibytes: number) {
    this.#mebibytes = mebibytes;
  }

  apply(batch: readonly Committed<Uint8Array>[]): undefined[] {
    return new Array<undefined>(batch.length).fill(undefined);
  }

  async snapshot(): Promise<Uint8Array[]> {
    return Array.from({ length: this.#mebibytes }, (_, at) => state[at % state.length] ?? command);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const _ of chunks);
  }
}

interface Round extends LoopRound {
  readonly builds: number;
  readonly buildMs: number;
}

const folder = await mkdtemp(path.join(tmpdir(), 'quorate-snapshot-cluster-'));
const rows: Row[] = [];
try {
  for (const writers of values.writers.map(Number)) rows.push(await compare(writers));
} finally {
  await rm(folder, { recursive: true });
}
report('snapshot-cluster', rows);

async function compare(writers: number): Promise<Row> {
  const started = startCluster(3, {
    // The first leads: only its snapshots are large. Those of the others keep their logs short.
    stateMachine: (id) => new LargeState(id === 'node-1' ? stateMebibytes : 0),
    storage: (id) => walStorage(path.join(folder, `${writers}`, id)),
    // None is built but on demand.
    config: { snapshotAfterBytes: Number.MAX_SAFE_INTEGER },
  });
  return disposing(started, (cluster) => compareOn(cluster, writers));
}

async function compareOn(cluster: BenchCluster, writers: number): Promise<Row> {
  const rounds: { readonly without: Round; readonly building: Round }[] = [];
  for (let at = 0; at <= Number(values.rounds); at += 1) {
    const without = await measure(cluster, writers, { builds: false });
    const building = await measure(cluster, writers, { builds: true });
    if (at > 0) rounds.push({ without, building }); // The first warms up.
  }
  const middle = (pick: (round: (typeof rounds)[number]) => number, digits = 0): number =>
    Number(median(rounds.map(pick)).toFixed(digits));
  return {
    writers,
    'state MiB': stateMebibytes,
    'without/s': middle(({ without }) => without.perSecond),
    'while building/s': middle(({ building }) => building.perSecond),
    ratio: middle(({ without, building }) => building.perSecond / without.perSecond, 2),
    'without p50 ms': middle(({ without }) => without.p50Ms, 2),
    'building p50 ms': middle(({ building }) => building.p50Ms, 2),
    'without p99 ms': middle(({ without }) => without.p99Ms, 2),
    'building p99 ms': middle(({ building }) => building.p99Ms, 2),
    'builds a round': middle(({ building }) => building.builds),
    'build ms': middle(({ building }) => building.buildMs),
  };
}

async function measure(
  { leader, nodes }: BenchCluster,
  writers: number,
  { builds }: { readonly builds: boolean },
): Promise<Round> {
  const times: number[] = [];
  const over = new AbortController();
  if (!builds) over.abort();
  const build = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const start = performance.now();
      const before = leader.metrics.snapshot.index;
      const { index } = await leader.takeSnapshot();
      if (index > before) times.push(performance.now() - start);
      await nextTurn(); // With nothing new to build, the writers need their turn.
    }
  };
  const built = build();
  const round = await writeFor(Number(values.seconds), writers, () => leader.write(command));
  over.abort();
  await built;
  // Off the clock: the logs are cut, and every round begins with as much on the disk.
  await Promise.all(nodes.map((node) => node.takeSnapshot()));
  return { ...round, builds: times.length, buildMs: builds ? median(times) : 0 };
}
