/**
 * Very many watchers of one key: from a put of it until the last of them was told. Three members
 * of the key-value server in processes of their own; the watchers, all in this process, share a
 * few connections to the leader; one event at a time.
 *
 *     npm run bench -- kv-watch [--watchers 10000] [--connections 10] [--events 50]
 */
import { parseArgs } from 'node:util';
import { KvClient } from '../packages/kv/src/client.ts';
import { disposing } from './lib/disposing.ts';
import { fileSystemOf, withFolder } from './lib/folder.ts';
import { KvCluster } from './lib/kv-cluster.ts';
import { percentile } from './lib/percentile.ts';
import { type Row, report } from './lib/report.ts';

const { values } = parseArgs({
  options: {
    watchers: { type: 'string', default: '10000' },
    connections: { type: 'string', default: '10' },
    events: { type: 'string', default: '50' },
    /** Events before those that count. */
    'warm-up': { type: 'string', default: '10' },
    folder: { type: 'string' },
  },
});
const watchers = Number(values.watchers);
const connections = Number(values.connections);
const events = Number(values.events);
const warmUp = Number(values['warm-up']);
const key = 'watched';
const value = new Uint8Array(256).fill(7);
const timeoutMs = 60_000;

/** Counts those that were told of the event that is under way. */
class Telling {
  #left = 0;
  #resolve: (at: number) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  /** Resolves with the time when the last of them was told. */
  begin(): Promise<number> {
    this.#left = watchers;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  told(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#resolve(performance.now());
    if (this.#left < 0) this.#reject(new Error('A watcher was told twice.'));
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

await withFolder('kv-watch', values.folder, async (folder) => {
  const row = await disposing(KvCluster.start({ folder }), measure);
  report('kv-watch', [row], { about: { fileSystem: await fileSystemOf(folder) } });
});

async function measure({ servers }: KvCluster): Promise<Row> {
  const telling = new Telling();
  const clients = Array.from({ length: connections }, () => new KvClient({ servers, timeoutMs }));
  try {
    const began = performance.now();
    await Promise.all(clients.map((client, at) => openWatches(client, { at, telling })));
    const openedMs = performance.now() - began;
    const told = new Float64Array(events);
    const acknowledged = new Float64Array(events);
    for (let at = -warmUp; at < events; at += 1) {
      const everybody = telling.begin();
      const start = performance.now();
      await clients[0]?.put(key, value);
      const acknowledgedAt = performance.now();
      const toldAt = await everybody;
      if (at < 0) continue;
      told[at] = toldAt - start;
      acknowledged[at] = acknowledgedAt - start;
    }
    return {
      watchers,
      connections,
      events,
      'to open all ms': Math.round(openedMs),
      'acknowledged p50 ms': Number(percentile(acknowledged, 0.5).toFixed(2)),
      'last told p50 ms': Number(percentile(told, 0.5).toFixed(2)),
      'last told p99 ms': Number(percentile(told, 0.99).toFixed(2)),
      'µs a watcher': Number(((percentile(told, 0.5) * 1000) / watchers).toFixed(2)),
    };
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Resolves once all watches of this client are there. */
async function openWatches(
  client: KvClient,
  { at, telling }: { readonly at: number; readonly telling: Telling },
): Promise<void> {
  const count =
    Math.floor(((at + 1) * watchers) / connections) - Math.floor((at * watchers) / connections);
  const watches = Array.from({ length: count }, () => client.watch({ key }));
  await Promise.all(watches.map((watch) => watch.ready));
  for (const watch of watches) {
    const read = async (): Promise<void> => {
      for await (const update of watch) for (const _ of update.events) telling.told();
    };
    // The end of the client ends its watches.
    read().catch((error: unknown) => telling.fail(error));
  }
}
