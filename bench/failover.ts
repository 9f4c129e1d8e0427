/**
 * How long nothing is written after `kill -9` of the leader under load: from the kill to the next
 * acknowledged write, among those that began when the process was gone. Three members of etcd and
 * three of the key-value server, with closed-loop clients in a process of their own, in turns; only
 * one of the two runs at a time. A client whose put fails, or takes longer than a bound that is the
 * same for both, asks the next server. Only servers that this program has started are killed.
 *
 *     npm run bench -- failover [--kills 30] [--turns 6] [--clients 16] [--try-ms 100] [--plot]
 *                               [--server bench]
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Contestant } from './lib/contestant.ts';
import { contestants, readComparison } from './lib/contestants.ts';
import { fileSystemOf, withFolder } from './lib/folder.ts';
import { median } from './lib/percentile.ts';
import { PersistentLoad } from './lib/persistent-load.ts';
import { type Row, report } from './lib/report.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    /** The kills of one contestant come in so many groups, each on new servers. */
    turns: { type: 'string', default: '6' },
    clients: { type: 'string', default: '16' },
    /** How long one try may take. Puts that a dead leader was sent would wait for seconds. */
    'try-ms': { type: 'string', default: '100' },
    /** Load before each kill. */
    'steady-ms': { type: 'string', default: '1000' },
    server: { type: 'string', default: 'kv' },
    install: { type: 'boolean', default: true },
    folder: { type: 'string' },
    plot: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const kills = Number(values.kills);
const turns = Math.min(kills, Number(values.turns));
const tryMs = Number(values['try-ms']);

const times = new Map<string, number[]>();
const versions: Record<string, string> = {};

const comparison = readComparison(values.server);
const compared = await contestants({ mayInstall: values.install, connections: 1, comparison });
if (compared !== undefined) {
  await withFolder('failover', values.folder, (folder) => run(compared, folder));
}

async function run(makers: readonly (() => Contestant)[], folder: string): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    const count = Math.floor((kills * (turn + 1)) / turns) - Math.floor((kills * turn) / turns);
    for (const make of makers) {
      const contestant = make();
      const { name } = contestant;
      try {
        await contestant.start(path.join(folder, `${name}-${turn}`));
        versions[name] = contestant.version;
        const found = await killUnderLoad(contestant, count);
        times.set(name, [...(times.get(name) ?? []), ...found]);
      } finally {
        await contestant.close();
      }
    }
  }
  const about = {
    ...versions,
    fileSystem: await fileSystemOf(folder),
    clients: values.clients,
    'one try': `${tryMs} ms`,
  };
  report('failover', [...times].map(rowOf), { about, plot: values.plot });
}

async function killUnderLoad(contestant: Contestant, count: number): Promise<number[]> {
  const load = new PersistentLoad(contestant, { clients: Number(values.clients), tryMs });
  const found: number[] = [];
  try {
    for (let at = 0; at < count; at += 1) {
      await new Promise((resolve) => setTimeout(resolve, Number(values['steady-ms'])));
      const { killedAt, goneAt } = await contestant.killLeader();
      found.push((await load.nextAnswer(goneAt)) - killedAt);
      await contestant.revive();
    }
  } finally {
    await load.end();
  }
  return found;
}

function rowOf([name, found]: readonly [string, readonly number[]]): Row {
  const sorted = found.toSorted((left, right) => left - right);
  return {
    server: name,
    kills: found.length,
    'median ms': Math.round(median(found)),
    'best ms': Math.round(sorted[0] ?? Number.NaN),
    'worst ms': Math.round(sorted.at(-1) ?? Number.NaN),
    'all ms': sorted.map((one) => Math.round(one)).join(' '),
  };
}
