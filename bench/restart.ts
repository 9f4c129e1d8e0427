/**
 * Starting a node again, in a new process: with a snapshot of a million small keys and a short log
 * after it, and with the same in the log alone. The store is the one of the example.
 *
 *     npm run bench -- restart [--keys 1000000] [--log 10000] [--rounds 5]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { Raft, type RaftConfig } from 'quorate';
import { MemoryNetwork } from 'quorate/network/memory';
import { type WalStorage, walStorage } from 'quorate/storage/wal';
import {
  type Command,
  type CommandResponse,
  KeyValueStore,
} from '../examples/kv-memstore/store.ts';
import { median } from './lib/percentile.ts';
import { type Row, report } from './lib/report.ts';

interface Restart {
  readonly openMs: number;
  readonly startMs: number;
  readonly appliedMs: number;
  readonly keys: number;
  readonly residentMiB: number;
  readonly highestMiB: number;
}

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    log: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    /** What a new process is started with: it restarts the node on this directory, once. */
    measure: { type: 'string' },
  },
});
const keys = Number(values.keys);
const logEntries = Number(values.log);
const mebibyte = 1024 * 1024;
/** A snapshot is built on demand only, and nothing is kept behind it. */
const config: Partial<RaftConfig> = {
  snapshotAfterBytes: Number.MAX_SAFE_INTEGER,
  keepBytes: 0,
};

if (values.measure === undefined) await compare();
else console.log(JSON.stringify(await restart(values.measure)));

async function compare(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-restart-'));
  try {
    const rows: Row[] = [];
    for (const withSnapshot of [true, false]) {
      const directory = path.join(folder, String(withSnapshot));
      await fill(directory, { withSnapshot });
      const restarts: Restart[] = [];
      for (let round = 0; round < Number(values.rounds); round += 1) {
        restarts.push(await restartElsewhere(directory));
      }
      rows.push(rowOf(restarts, withSnapshot ? 'snapshot and log' : 'log alone'));
    }
    report('restart', rows);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function rowOf(restarts: readonly Restart[], data: string): Row {
  const middle = (pick: (one: Restart) => number): number => Math.round(median(restarts.map(pick)));
  return {
    data,
    keys: middle((one) => one.keys),
    'open log ms': middle(({ openMs }) => openMs),
    'start node ms': middle(({ startMs }) => startMs),
    'until all is applied ms': middle(({ appliedMs }) => appliedMs),
    'memory MiB': middle(({ residentMiB }) => residentMiB),
    'highest memory MiB': middle(({ highestMiB }) => highestMiB),
  };
}

async function fill(directory: string, { withSnapshot }: { withSnapshot: boolean }): Promise<void> {
  const storage = await walStorage(directory);
  const { raft } = await start(storage);
  await raft.initialize({ a: {} });
  await raft.waitFor(({ role }) => role === 'leader');
  await writeKeys(raft, 0, keys);
  if (withSnapshot) await raft.takeSnapshot();
  await writeKeys(raft, keys - logEntries, keys);
  await raft.close();
  await storage[Symbol.asyncDispose]();
}

async function start(
  storage: WalStorage,
): Promise<{ raft: Raft<Command, CommandResponse>; store: KeyValueStore }> {
  const store = new KeyValueStore();
  const network = new MemoryNetwork();
  const raft = await Raft.start<Command, CommandResponse>({
    id: 'a',
    stateMachine: store,
    storage,
    network,
    config,
  });
  return { raft, store };
}

async function writeKeys(
  raft: Raft<Command, CommandResponse>,
  from: number,
  to: number,
): Promise<void> {
  let next = from;
  const writeOn = async (): Promise<void> => {
    while (next < to) {
      const at = next++;
      await raft.write({ type: 'set', key: `key-${at}`, value: `value of key ${at}` });
    }
  };
  await Promise.all(Array.from({ length: 1000 }, writeOn));
}

async function restartElsewhere(directory: string): Promise<Restart> {
  const program = fileURLToPath(import.meta.url);
  const args = ['--conditions=quorate-source', program, '--measure', directory];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Restart; // This program wrote it.
}

/** The node leads once its election timeout has passed, and then it applies what is in the log. */
async function restart(directory: string): Promise<Restart> {
  const start0 = performance.now();
  const storage = await walStorage(directory);
  const openMs = performance.now() - start0;
  const { raft, store } = await start(storage);
  const startMs = performance.now() - start0 - openMs;
  await raft.waitFor(
    ({ role, applied, last }) => role === 'leader' && applied.index === last.index,
  );
  const appliedMs = performance.now() - start0;
  const residentMiB = process.memoryUsage().rss / mebibyte;
  const highestMiB = process.resourceUsage().maxRSS / 1024;
  await raft.close();
  await storage[Symbol.asyncDispose]();
  return { openMs, startMs, appliedMs, keys: store.size, residentMiB, highestMiB };
}
