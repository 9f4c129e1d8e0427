import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  checkLinearizable,
  HistoryRecorder,
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from 'quorate/testing';
import { expect, test } from 'vitest';
import { KvCluster } from '../../../../bench/lib/kv-cluster.ts';
import { KvClient } from '../../src/client.ts';
import type { WatchBatch, WatchRequest } from '../../src/types.ts';
import { checkAppends } from '../checks/exactly-once.ts';
import { checkTransactions, type ListTransaction } from '../checks/transactions.ts';
import {
  changesTold,
  checkAcknowledged,
  checkChanges,
  checkWatch,
  type WatchRecord,
} from '../checks/watches.ts';
import { Draws } from './draws.ts';
import { elementsIn, listOf } from './list-client.ts';
import { type Clock, ListWorker, RegisterWorker } from './workers.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const kills = isFull ? 30 : 2;
const steadyMs = 700;
const seed = Number(process.env['QUORATE_KV_SEED'] ?? Math.floor(Math.random() * 1e9));
const timeoutMs = 60_000 + kills * 15_000;

const firstRevision = 2;
const patienceMs = 10_000;
const everything = { key: Buffer.of(0), end: Buffer.of(0), previous: true };

interface Seen {
  readonly faults: object;
  readonly transactions: readonly ListTransaction[];
  readonly recorder: HistoryRecorder<KeyValueInput, KeyValueOutput>;
}

test(
  'clients of a cluster whose leaders are killed see transactions, registers and watches kept',
  async () => {
    console.log(`QUORATE_KV_SEED=${seed} draws the same requests again`);
    const folder = await mkdtemp(path.join(tmpdir(), 'quorate-kv-model-'));
    try {
      await using cluster = await KvCluster.start({ folder });
      const { faults, transactions, recorder } = await runUnderKills(cluster);

      expect(faults).toEqual({ lists: [], registers: [], watches: [] });
      const open = transactions.filter(({ returnedAt }) => returnedAt === undefined);
      console.log(`${transactions.length} transactions, of which ${open.length} are open`);
      expect(transactions.length).toBeGreaterThan(100);
      expect(recorder.history.length).toBeGreaterThan(100);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  },
  timeoutMs,
);

async function runUnderKills(cluster: KvCluster): Promise<Seen> {
  const { servers } = cluster;
  await using first = new KvClient({ servers, timeoutMs: 10_000 });
  await using second = new KvClient({ servers, timeoutMs: 10_000 });
  /** Its calls often end without an answer. */
  await using hasty = new KvClient({ servers, timeoutMs: 150 });
  await using watching = new KvClient({ servers, timeoutMs: 10_000 });
  const clients = [first, second, hasty];
  const isOver = new AbortController();
  const clock: Clock = { now: 0 };
  const recorder = new HistoryRecorder<KeyValueInput, KeyValueOutput>();
  const whole = new Follower(watching, everything);
  const part = new Follower(watching, listOf('list-1'));
  const lists = Array.from({ length: 6 }, (_, at) => {
    const client = clients[at % clients.length] as KvClient;
    return new ListWorker({ client, name: at, draws: new Draws(seed + at), clock });
  });
  const registers = Array.from({ length: 4 }, (_, at) => {
    const client = clients[at % clients.length] as KvClient;
    const draws = new Draws(seed + 100 + at);
    return new RegisterWorker({ client, name: at, draws, recorder });
  });
  const working = Promise.all([...lists, ...registers].map((worker) => worker.run(isOver.signal)));
  /** Or until one of the clients sees what must not be. */
  const forAWhile = (): Promise<unknown> =>
    Promise.race([working, new Promise((resolve) => setTimeout(resolve, steadyMs))]);
  for (let kill = 0; kill < kills; kill += 1) {
    await forAWhile();
    const { name } = await cluster.leader();
    await cluster.kill(name);
    await forAWhile();
    await cluster.untilReady(await cluster.startMember(name));
  }
  isOver.abort();
  await working;

  const { revision } = await first.read(everything);
  const { kvs } = await first.read(listOf('list-1'));
  const lastOfPart = Math.max(...kvs.map(({ modRevision }) => modRevision));
  const records = [await whole.upTo(revision), await part.upTo(lastOfPart)];
  await watching.close();
  await Promise.all([whole.ended(), part.ended()]);
  const faults = {
    lists: await listFaults(first, lists),
    registers: registerFaults(recorder),
    watches: watchFaults(lists, records),
  };
  return { faults, transactions: lists.flatMap(({ history }) => history), recorder };
}

async function listFaults(
  client: KvClient,
  workers: readonly ListWorker[],
): Promise<readonly unknown[]> {
  const faults: unknown[] = [...checkTransactions(workers.flatMap(({ history }) => history))];
  for (const key of ListWorker.keys) {
    const sort = { target: 'create', order: 'ascend' } as const;
    const list = elementsIn(await client.read({ ...listOf(key), sort }));
    faults.push(
      ...checkAppends(
        workers.flatMap((worker) => worker.appendsTo(key)),
        list,
      ),
    );
  }
  return faults;
}

function registerFaults(
  recorder: HistoryRecorder<KeyValueInput, KeyValueOutput>,
): readonly string[] {
  const verdict = checkLinearizable(recorder.history, keyValueModel());
  return verdict.type === 'linearizable' ? [] : [verdict.text];
}

function watchFaults(
  workers: readonly ListWorker[],
  [whole, ...others]: readonly WatchRecord[],
): readonly unknown[] {
  if (whole === undefined) return ['Nobody watched.'];
  const changes = changesTold(whole);
  const acknowledged = workers.flatMap((worker) => worker.acknowledged);
  return [
    ...checkChanges(changes),
    ...[whole, ...others].flatMap((record) => checkWatch(record, changes)),
    ...checkAcknowledged(acknowledged, changes),
  ];
}

/** Reads on through all that happens to the members. */
class Follower {
  readonly #request: WatchRequest;
  readonly #batches: WatchBatch[] = [];
  readonly #reading: Promise<void>;
  #failure: Error | undefined;

  constructor(client: KvClient, request: WatchRequest) {
    this.#request = request;
    this.#reading = this.#read(client).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    });
  }

  /** Waits until it was told of this revision, which is one of its range. */
  async upTo(revision: number): Promise<WatchRecord> {
    const giveUpAt = performance.now() + patienceMs;
    while ((this.#batches.at(-1)?.revision ?? 0) < revision) {
      if (this.#failure !== undefined) throw this.#failure;
      if (performance.now() > giveUpAt) break; // What is missing will be said.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { request: this.#request, from: firstRevision, batches: this.#batches, until: revision };
  }

  /** Once its client is closed. */
  async ended(): Promise<void> {
    await this.#reading;
  }

  async #read(client: KvClient): Promise<void> {
    const batches = client.follow({ ...this.#request, from: firstRevision });
    for await (const batch of batches) this.#batches.push(batch);
  }
}
