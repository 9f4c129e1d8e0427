import assert from 'node:assert/strict';
import type { CallOptions } from '../../src/contract/network.ts';
import type { Storage } from '../../src/contract/storage.ts';
import type { LogIndex, NodeId, NodeInfo } from '../../src/core/types.ts';
import { LeadershipLostError, NotLeaderError } from '../../src/errors.ts';
import type { RaftMetrics } from '../../src/node/metrics.ts';
import type { RaftConfig, RaftOptions } from '../../src/node/options.ts';
import { Raft } from '../../src/node/raft.ts';
import type { WriteResult } from '../../src/node/writes.ts';
import { nodeRuntime, type Runtime } from '../../src/platform/runtime.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { GatedStore } from '../node/gated-store.ts';
import { type OpenNetwork, openMemory, type TestNetwork } from './networks.ts';
import { RecordingMachine } from './recording-machine.ts';
import { Wires } from './wires.ts';

/** Leaders change quickly: for tests of elections. */
export const quick: Partial<RaftConfig> = {
  heartbeatMs: 15,
  electionTimeoutMs: { min: 100, max: 200 },
  callTimeoutMs: 200,
};

/**
 * Nobody campaigns unless asked to, however busy the machine: for tests of everything else. The
 * first election of a cluster does not wait.
 */
export const calm: Partial<RaftConfig> = {
  heartbeatMs: 15,
  electionTimeoutMs: { min: 10_000, max: 20_000 },
  callTimeoutMs: 300,
};

/** Bounds every wait of a test. */
export function soon(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(10_000) };
}

/** Node's runtime, which counts the timers that are still to run. */
class CountingRuntime implements Runtime {
  openTimers = 0;
  aheadMs = 0;
  now = (): number => nodeRuntime.now() + this.aheadMs;
  random = (): number => nodeRuntime.random();
  randomId = (): string => nodeRuntime.randomId();
  yieldToIo = (run: () => void): void => nodeRuntime.yieldToIo(run);

  setTimer = (run: () => void, ms: number): { cancel: () => void } => {
    let isOpen = true;
    const end = (): void => {
      if (isOpen) this.openTimers -= 1;
      isOpen = false;
    };
    this.openTimers += 1;
    const timer = nodeRuntime.setTimer(() => {
      end();
      run();
    }, ms);
    return {
      cancel: () => {
        end();
        timer.cancel();
      },
    };
  };
}

/** A place for a node: its disk stays over restarts, the process and its memory do not. */
export class TestNode {
  readonly id: NodeId;
  readonly info: NodeInfo;
  readonly store: GatedStore;
  readonly storage: Storage;
  machine = new RecordingMachine();
  raft: Raft<unknown, number>;
  isRunning = false;

  constructor(id: NodeId, info: NodeInfo, store = new GatedStore()) {
    this.id = id;
    this.info = info;
    this.store = store;
    const snapshots = new MemorySnapshotStore();
    this.storage = { log: this.store, snapshots, [Symbol.asyncDispose]: async () => undefined };
    // Set by `start`, which every node of a cluster goes through before a test sees it.
    this.raft = undefined as unknown as Raft<unknown, number>;
  }

  get metrics(): RaftMetrics {
    return this.raft.metrics;
  }

  waitFor(test: (metrics: RaftMetrics) => boolean): Promise<RaftMetrics> {
    return this.raft.waitFor(test, soon());
  }

  /** Resolves once `count` commands are applied here. */
  async awaitCommands(count: number): Promise<unknown[]> {
    await this.waitFor(() => this.machine.commands.length >= count);
    return this.machine.commands;
  }
}

export interface ClusterOptions {
  readonly open?: OpenNetwork;
  readonly config?: Partial<RaftConfig>;
  /** What else the nodes are started with. */
  readonly options?: Partial<
    Pick<RaftOptions<unknown, number>, 'codec' | 'responseCodec' | 'logger'>
  >;
}

export interface JoinTestOptions {
  readonly signal?: AbortSignal;
  readonly voter?: boolean;
  readonly config?: Partial<RaftConfig>;
}

/**
 * Nodes in one process, on a network of the test's choice. When it ends, nothing may be left: no
 * timer, no call, no write that overlapped another, and no two histories that differ.
 */
export class Cluster implements AsyncDisposable {
  readonly wires: Wires;
  readonly nodes = new Map<NodeId, TestNode>();
  readonly #network: TestNetwork;
  readonly #options: ClusterOptions;
  readonly #runtime = new CountingRuntime();

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.#network = (options.open ?? openMemory)();
    this.wires = new Wires(this.#network.network);
  }

  /** Starts nodes that belong to no cluster yet. */
  static async passive(ids: readonly NodeId[], options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options);
    await Promise.all(ids.map((id) => cluster.start(id)));
    return cluster;
  }

  /** Starts nodes as one cluster and waits until the first of them leads it. */
  static async of(ids: readonly NodeId[], options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.passive(ids, { config: calm, ...options });
    await cluster.first.raft.initialize(cluster.infos(ids), soon());
    await cluster.awaitLeader();
    return cluster;
  }

  get first(): TestNode {
    return this.all[0] as TestNode;
  }

  get all(): TestNode[] {
    return [...this.nodes.values()];
  }

  get running(): TestNode[] {
    return this.all.filter(({ isRunning }) => isRunning);
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new RangeError(`There is no node ${id} in this test.`);
    return node;
  }

  infos(ids: readonly NodeId[]): Record<NodeId, NodeInfo> {
    return Object.fromEntries(ids.map((id) => [id, this.node(id).info]));
  }

  /** Starts a node, a new one or one that was stopped. */
  async start(id: NodeId, config: Partial<RaftConfig> = {}): Promise<TestNode> {
    const node = await this.#place(id);
    node.raft = await Raft.start<unknown, number>(this.#optionsOf(node, config));
    this.nodes.set(id, node);
    node.isRunning = true;
    this.#network.attach(id, node.raft.rpc);
    return node;
  }

  /** Starts a node, a new one or one that was stopped, that joins the cluster of `seeds`. */
  async join(
    id: NodeId,
    seeds: readonly NodeId[],
    { signal = soon().signal, voter = true, config = {} }: JoinTestOptions = {},
  ): Promise<TestNode> {
    const node = await this.#place(id);
    const at = (seed: NodeId): string => this.nodes.get(seed)?.info.address ?? seed;
    node.raft = await Raft.join<unknown, number>({
      ...this.#optionsOf(node, config),
      info: node.info,
      seeds: seeds.map((seed) => ({ address: at(seed) })),
      voter,
      signal,
      serve: (rpc) => this.#network.attach(id, rpc),
    });
    this.nodes.set(id, node);
    node.isRunning = true;
    return node;
  }

  /** Gives a node that was stopped another disk: an empty one, or the one in `store`. */
  replaceDisk(id: NodeId, store = new GatedStore()): void {
    const { raft, info } = this.node(id);
    const node = new TestNode(id, info, store);
    node.raft = raft;
    this.nodes.set(id, node);
  }

  async #place(id: NodeId): Promise<TestNode> {
    const node = this.nodes.get(id) ?? new TestNode(id, await this.#network.place(id));
    node.machine = new RecordingMachine();
    return node;
  }

  #optionsOf(node: TestNode, config: Partial<RaftConfig>): RaftOptions<unknown, number> {
    return {
      ...this.#options.options,
      id: node.id,
      stateMachine: node.machine,
      storage: node.storage,
      network: this.wires,
      config: { ...(this.#options.config ?? calm), ...config },
      runtime: this.#runtime,
    };
  }

  /** Ends a node without a hand-over, and off the network before it ends. */
  async stop(id: NodeId): Promise<void> {
    this.#network.detach(id);
    const node = this.node(id);
    node.isRunning = false;
    await node.raft.close({ handOver: false });
  }

  async restart(id: NodeId, config: Partial<RaftConfig> = {}): Promise<TestNode> {
    await this.stop(id);
    return this.start(id, config);
  }

  isolate(id: NodeId): void {
    this.wires.isolate(id, this.nodes.keys());
  }

  /** All clocks go on by so much at once, as if the process had stood still. */
  stall(ms: number): void {
    this.#runtime.aheadMs += ms;
  }

  others(node: TestNode): TestNode[] {
    return this.running.filter((one) => one !== node);
  }

  /** Resolves with the first of the nodes named to lead with a commit of its term. */
  async awaitLeader(among: readonly TestNode[] = this.running): Promise<TestNode> {
    const found = new AbortController();
    const signal = AbortSignal.any([found.signal, soon().signal]);
    try {
      return await Promise.any(
        among.map(async (node) => {
          await node.raft.waitFor(isLeading, { signal });
          return node;
        }),
      );
    } finally {
      found.abort();
    }
  }

  /** Writes through whoever leads, over elections; the command may be logged more than once. */
  async write(command: unknown): Promise<WriteResult<number>> {
    const { signal } = soon();
    for (;;) {
      const leader = await this.awaitLeader();
      try {
        return await leader.raft.write(command, { signal });
      } catch (error) {
        if (!(error instanceof NotLeaderError || error instanceof LeadershipLostError)) throw error;
      }
    }
  }

  /** Resolves once every running node has applied `index`. */
  async awaitApplied(index: LogIndex, nodes: readonly TestNode[] = this.running): Promise<void> {
    await Promise.all(nodes.map((node) => node.waitFor(({ applied }) => applied.index >= index)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { store } of this.all) store.release();
    await Promise.all(this.all.map(({ raft }) => raft.close({ handOver: false })));
    await this.#network[Symbol.asyncDispose]();
    await turns(10);
    assert.equal(this.#runtime.openTimers, 0, 'no timer is left');
    assert.equal(this.wires.underWay, 0, 'no call is left');
    for (const { store } of this.all) assert.deepEqual(store.overlaps, [], 'no writes overlap');
    expectOneHistory(this.all.map(({ machine }) => machine));
  }
}

export function isLeading({ role, term, committed }: RaftMetrics): boolean {
  return role === 'leader' && committed.term === term;
}

/** Resolves with what became of a call: its result or its error. */
export function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => error);
}

/** Lets everything that is ready happen, a few times over. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** State machine safety (section 5.4.3): no two nodes apply different commands at one index. */
function expectOneHistory(machines: readonly RecordingMachine[]): void {
  const longest = machines.reduce((a, b) => (a.logIds.length >= b.logIds.length ? a : b));
  for (const { logIds, commands } of machines) {
    assert.deepEqual(logIds, longest.logIds.slice(0, logIds.length));
    assert.deepEqual(commands, longest.commands.slice(0, commands.length));
  }
}

/** Who asks and who is meant, as the network of another member would say it. */
export function speak(from: NodeId, to: NodeId): CallOptions {
  const identity = { cluster: undefined, node: from, incarnation: `disk-${from}`, starts: 1 };
  return { from: identity, to: { node: to } };
}
