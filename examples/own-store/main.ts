// Three nodes in one process, each with its log in a database of its own. Start it twice with the
// same folder, and the counter goes on where it was.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { Raft } from 'quorate';
import { MemoryNetwork } from 'quorate/network/memory';
import { memoryStorage } from 'quorate/storage/memory';
import { Counter } from './counter.ts';
import { SqliteLogStore } from './sqlite-log-store.ts';

const folder = process.argv[2] ?? 'data/own-store';
mkdirSync(folder, { recursive: true });
const network = new MemoryNetwork();
const ids = ['a', 'b', 'c'];
const logs = ids.map(
  (id) => new SqliteLogStore(new DatabaseSync(path.join(folder, `${id}.sqlite`))),
);
const nodes = await Promise.all(ids.map((id, position) => startNode(id, position)));

const [first] = nodes;
if (first?.metrics.last.index === 0) await first.initialize({ a: {}, b: {}, c: {} });
const leader = await Promise.any(nodes.map(untilLeader));
for (const number of [1, 2, 3]) {
  const { response } = await leader.write(number);
  console.log(`added ${number}: ${response}`);
}

for (const node of nodes) await node.close();
for (const log of logs) await log[Symbol.asyncDispose]();

async function startNode(id: string, position: number): Promise<Raft<number, number>> {
  const log = logs[position];
  if (log === undefined) throw new Error(`Node ${id} has no log.`);
  // The nodes take no snapshots here, so those need no disk.
  const storage = { ...memoryStorage(), log };
  const raft = await Raft.start<number, number>({
    id,
    stateMachine: new Counter(),
    storage,
    network,
  });
  network.attach(id, raft.rpc);
  return raft;
}

async function untilLeader(raft: Raft<number, number>): Promise<Raft<number, number>> {
  await raft.waitFor(({ role }) => role === 'leader');
  return raft;
}
