/**
 * Writes per second through a whole cluster in one process: closed-loop writers, memory store and
 * memory network, empty command and response. What it measures is the library itself, and the
 * protocol's messages, without disk or sockets. The clock stops when the leader has applied all.
 *
 *     npm run bench -- in-process [--writes 200000] [--rounds 3] [--nodes 3] [--writers 64]
 */
import { parseArgs } from 'node:util';
import type { Raft } from 'quorate';
import { startCluster } from './lib/cluster.ts';
import { disposing } from './lib/disposing.ts';
import { median, percentile } from './lib/percentile.ts';
import { type Row, report } from './lib/report.ts';

interface Round {
  readonly writesPerSecond: number;
  readonly cpuMicrosPerWrite: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const emptyCommand = new Uint8Array(0);

const { values } = parseArgs({
  options: {
    writes: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    nodes: { type: 'string', multiple: true, default: ['1', '3', '5'] },
    writers: { type: 'string', multiple: true, default: ['1', '64', '256', '1024', '4096'] },
  },
});

const rows: Row[] = [];
for (const nodes of values.nodes.map(Number)) {
  for (const writers of values.writers.map(Number)) {
    rows.push(await measure(nodes, writers));
  }
}
report('in-process', rows);

async function measure(nodes: number, writers: number): Promise<Row> {
  const writes = Math.min(Number(values.writes), Math.max(20_000, writers * 2_000));
  const rounds = await disposing(startCluster(nodes), async ({ leader }) => {
    await round(leader, writers, Math.ceil(writes / 4)); // Warms up; not counted.
    const all: Round[] = [];
    for (let done = 0; done < Number(values.rounds); done += 1) {
      all.push(await round(leader, writers, writes));
    }
    return all;
  });
  const middle = (pick: (round: Round) => number): number => median(rounds.map(pick));
  return {
    nodes,
    writers,
    'writes/s': Math.round(middle((one) => one.writesPerSecond)),
    'CPU µs/write': Number(middle((one) => one.cpuMicrosPerWrite).toFixed(2)),
    'p50 ms': Number(middle((one) => one.p50Ms).toFixed(3)),
    'p99 ms': Number(middle((one) => one.p99Ms).toFixed(3)),
  };
}

/** Every writer writes again as soon as it is answered, until all of `writes` are done. */
async function round(
  leader: Raft<Uint8Array, undefined>,
  writers: number,
  writes: number,
): Promise<Round> {
  const latencies = new Float64Array(writes);
  let begun = 0;
  const write = async (): Promise<void> => {
    while (begun < writes) {
      const at = begun++;
      const start = performance.now();
      await leader.write(emptyCommand);
      latencies[at] = performance.now() - start;
    }
  };
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: writers }, write));
  const ms = performance.now() - start;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    writesPerSecond: (writes / ms) * 1000,
    cpuMicrosPerWrite: (cpu.user + cpu.system) / writes,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}
