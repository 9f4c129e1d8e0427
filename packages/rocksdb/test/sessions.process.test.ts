import { RocksStateMachine } from '@quorate/rocksdb';
import { Raft } from 'quorate';
import { MemoryNetwork } from 'quorate/network/memory';
import { walStorage } from 'quorate/storage/wal';
import { afterAll, describe, expect, test } from 'vitest';
import { countingOptions } from './counting.ts';
import { copyFolder, Machines } from './words.ts';

const machines = new Machines();
afterAll(() => machines[Symbol.asyncDispose]());

const config = { heartbeatMs: 15, electionTimeoutMs: { min: 150, max: 300 }, keepBytes: 0 };

function soon(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(20_000) };
}

interface Folders {
  readonly log: string;
  readonly state: string;
}

function newFolders(): Folders {
  return { log: machines.newFolder(), state: machines.newFolder() };
}

/** What a process leaves that dies right now, while it works. */
function copyOf({ log, state }: Folders): Folders {
  const copies = newFolders();
  copyFolder(log, copies.log);
  copyFolder(state, copies.state);
  return copies;
}

/** A node on a durable log, with its state in RocksDB: each command raises one count. */
class CountingNode implements AsyncDisposable {
  readonly raft: Raft<'count', number>;
  readonly machine: RocksStateMachine<'count', number>;
  readonly #close: () => Promise<void>;

  private constructor(
    raft: Raft<'count', number>,
    machine: RocksStateMachine<'count', number>,
    close: () => Promise<void>,
  ) {
    this.raft = raft;
    this.machine = machine;
    this.#close = close;
  }

  static async start(
    { log, state }: Folders,
    { id = 'a', network = new MemoryNetwork() }: { id?: string; network?: MemoryNetwork } = {},
  ): Promise<CountingNode> {
    const machine = await RocksStateMachine.open(state, countingOptions);
    const storage = await walStorage(log, { segmentBytes: 65_536 });
    const raft = await Raft.start({ id, stateMachine: machine, storage, network, config });
    network.attach(id, raft.rpc);
    return new CountingNode(raft, machine, async () => {
      network.detach(id);
      await raft.close({ handOver: false });
      await machine.close();
      await storage[Symbol.asyncDispose]();
    });
  }

  /** Starts the first node of a cluster, and resolves once it leads. */
  static async form(
    folders: Folders,
    ids: readonly string[] = ['a'],
    network = new MemoryNetwork(),
  ): Promise<CountingNode> {
    const node = await CountingNode.start(folders, { network });
    await node.raft.initialize(Object.fromEntries(ids.map((id) => [id, {}])), soon());
    return node.leading();
  }

  /** Resolves once it leads and has committed an entry of its term. */
  async leading(): Promise<this> {
    await this.raft.waitFor(
      ({ role, term, committed }) => role === 'leader' && committed.term === term,
      soon(),
    );
    return this;
  }

  /** What is counted now, in the state itself. */
  async count(): Promise<number> {
    await this.raft.readBarrier(soon());
    return Number(Buffer.from((await this.machine.get('count')) ?? []).toString() || '0');
  }

  /** Sends writes of a session as one that never heard the answer; returns the answers. */
  async repeat(id: number, sequences: readonly number[]): Promise<number[]> {
    const answers: number[] = [];
    for (const sequence of sequences) {
      const session = { id, sequence };
      const command = Buffer.from('"count"');
      const { response } = await this.raft.rpc.forward({ command, session, repeated: true });
      // A byte says that the codec has written what follows.
      answers.push(JSON.parse(Buffer.from(response.subarray(1)).toString()) as number);
    }
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

/** Opens a session on the node, and counts to `count` in it; returns its name. */
async function countInSession({ raft }: CountingNode, count: number): Promise<number> {
  const session = await raft.openSession(soon());
  for (let at = 1; at <= count; at += 1) {
    expect((await session.write('count', soon())).response).toBe(at);
  }
  return session.id;
}

describe('writes of a session on a state in RocksDB take effect once, and get the first answer', () => {
  test('when they are repeated after a crash', async () => {
    const folders = newFolders();
    await using node = await CountingNode.form(folders);
    const id = await countInSession(node, 5);
    expect(await node.repeat(id, [5, 2])).toEqual([5, 2]);

    await using again = await (await CountingNode.start(copyOf(folders))).leading();

    expect(await again.repeat(id, [1, 2, 3, 4, 5, 3])).toEqual([1, 2, 3, 4, 5, 3]);
    expect(await again.count()).toBe(5);
    expect(await again.repeat(id, [6, 6])).toEqual([6, 6]);
    expect(await again.count()).toBe(6);
  });

  test('over crash after crash, wherever between two writes they come', async () => {
    let folders = newFolders();
    let node = await CountingNode.form(folders);
    try {
      const { id } = await node.raft.openSession(soon());
      for (let sequence = 1; sequence <= 8; sequence += 1) {
        expect(await node.repeat(id, [sequence])).toEqual([sequence]);
        const crashed = copyOf(folders);
        await node[Symbol.asyncDispose]();
        folders = crashed;
        node = await (await CountingNode.start(folders)).leading();
        expect(await node.repeat(id, [sequence, 1])).toEqual([sequence, 1]);
        expect(await node.count()).toBe(sequence);
      }
    } finally {
      await node[Symbol.asyncDispose]();
    }
  });

  test('when the state is older than the log, and catches up from it', async () => {
    const folders = newFolders();
    await using node = await CountingNode.form(folders);
    const id = await countInSession(node, 3);
    const { state } = copyOf(folders);
    // In the log they stand twice, and are applied again after the start.
    expect(await node.repeat(id, [4, 4, 2, 5, 5])).toEqual([4, 4, 2, 5, 5]);
    const { log } = copyOf(folders);

    await using again = await (await CountingNode.start({ log, state })).leading();

    expect(await again.count()).toBe(5);
    expect(await again.repeat(id, [1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
    expect(await again.count()).toBe(5);
  });

  test('when the state is lost, and comes back from a snapshot and the log behind it', async () => {
    const folders = newFolders();
    await using node = await CountingNode.form(folders);
    const id = await countInSession(node, 3);
    const covered = await node.raft.takeSnapshot(soon());
    await node.raft.waitFor(({ purged }) => purged.index >= covered.index, soon());
    expect(await node.repeat(id, [4, 1])).toEqual([4, 1]);
    const { log } = copyOf(folders);

    const lost: Folders = { log, state: machines.newFolder() };
    await using again = await (await CountingNode.start(lost)).leading();

    expect(await again.repeat(id, [1, 2, 3, 4, 4])).toEqual([1, 2, 3, 4, 4]);
    expect(await again.count()).toBe(4);
  });

  test('on a node that has its state from a snapshot of the leader, and leads then', async () => {
    const network = new MemoryNetwork();
    const away = newFolders();
    const ids = ['a', 'b', 'c'];
    await using b = await CountingNode.start(newFolders(), { id: 'b', network });
    await using a = await CountingNode.form(newFolders(), ids, network);
    const id = await countInSession(a, 4);
    for (const { raft } of [a, b]) {
      await raft.waitFor(({ applied }) => applied.index >= a.raft.metrics.applied.index, soon());
      await raft.takeSnapshot(soon());
    }
    await using c = await CountingNode.start(away, { id: 'c', network });
    await c.raft.waitFor(({ applied }) => applied.index >= a.raft.metrics.applied.index, soon());
    expect(c.raft.metrics.counts.snapshotsReceived).toBe(1);
    expect(c.raft.metrics.sessions).toEqual(a.raft.metrics.sessions);

    await lead(c, [a, b, c]);

    expect(await c.repeat(id, [1, 2, 3, 4, 5, 5])).toEqual([1, 2, 3, 4, 5, 5]);
    expect(await c.count()).toBe(5);
    const copy = copyOf(away);
    await c[Symbol.asyncDispose]();
    await using again = await CountingNode.start(copy, { id: 'c', network });
    await lead(again, [a, b, again]);
    expect(await again.repeat(id, [5, 1])).toEqual([5, 1]);
    expect(await again.count()).toBe(5);
  });
});

/** Has one of the nodes lead, whoever leads now. */
async function lead(wanted: CountingNode, nodes: readonly CountingNode[]): Promise<void> {
  const { id } = wanted.raft;
  for (;;) {
    await wanted.raft.waitFor(({ leader }) => leader !== undefined, soon());
    const { leader } = wanted.raft.metrics;
    if (leader === id) break;
    const leading = nodes.find(({ raft }) => raft.id === leader);
    // Who leads may be another by then, or not have heard from `wanted` yet.
    await leading?.raft.transferLeadership(id, soon()).catch(() => undefined);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  await wanted.leading();
}
