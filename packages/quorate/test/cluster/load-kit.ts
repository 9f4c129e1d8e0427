import assert from 'node:assert/strict';
import type { Committed, StateMachine } from '../../src/contract/state-machine.ts';
import type { Entry, NodeId, NodeInfo, Role } from '../../src/core/types.ts';
import type { Dialer } from '../../src/network/tcp/sockets.ts';
import { TcpNetwork, type TcpNetworkOptions, TcpServer } from '../../src/network/tcp.ts';
import type { Logger } from '../../src/node/logger.ts';
import type { RaftMetrics } from '../../src/node/metrics.ts';
import type { RaftConfig } from '../../src/node/options.ts';
import { Raft } from '../../src/node/raft.ts';
import type { Runtime } from '../../src/platform/runtime.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { FakeNet, type FakeSocket, WireRuntime } from '../network/tcp/fake-sockets.ts';
import { GatedStore } from '../node/gated-store.ts';
import { Wires } from './wires.ts';

/** Keeps count of what it was given, in an order that nodes can be compared by. */
export class CountingMachine implements StateMachine<Uint8Array, number> {
  count = 0;
  digest = 0;
  /** Snapshots that took the place of the state. */
  restored = 0;
  /** The size of a snapshot. */
  snapshotBytes = 1024;

  apply(batch: readonly Committed<Uint8Array>[]): number[] {
    return batch.map(({ logId, command }) => {
      this.digest = (Math.imul(this.digest, 31) + logId.index + command.length) | 0;
      this.count += 1;
      return this.count;
    });
  }

  async snapshot(): Promise<Uint8Array[]> {
    const { count, digest } = this;
    return [Buffer.from(JSON.stringify({ count, digest }).padEnd(this.snapshotBytes))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes: Uint8Array[] = [];
    for await (const chunk of chunks) bytes.push(chunk);
    Object.assign(this, JSON.parse(Buffer.concat(bytes).toString()));
    this.restored += 1;
  }
}

/** A disk that takes its time for each write, and may stand still: `hold` and `release`. */
class TimedDisk extends GatedStore {
  /** How long a write takes, in milliseconds of the runtime. */
  writeMs = 0;

  constructor(runtime: WireRuntime) {
    super();
    this.onWrite = () => {
      if (this.writeMs === 0) return undefined;
      return new Promise<void>((resolve) => void runtime.setTimer(resolve, this.writeMs));
    };
  }
}

/** The most that was ever there, of everything that could grow on a node. */
export interface Most {
  calls: number;
  requests: number;
  writeBytes: number;
  /** Entries that are in memory and not on the disk. */
  unwritten: number;
  /** Appends under way to any one follower. */
  inflight: number;
  /** Entries that the log keeps. */
  kept: number;
  /** Bytes on their way to others, which were not sent yet. */
  queuedBytes: number;
}

const nothing: Most = {
  calls: 0,
  requests: 0,
  writeBytes: 0,
  unwritten: 0,
  inflight: 0,
  kept: 0,
  queuedBytes: 0,
};

/** One node, its disk, its server, and the sockets that it has dialled. */
export class LoadNode {
  readonly id: NodeId;
  readonly disk: TimedDisk;
  readonly machine = new CountingMachine();
  readonly most: Most = { ...nothing };
  readonly dialled: { readonly to: NodeId; readonly socket: FakeSocket }[] = [];
  raft!: Raft<Uint8Array, number>;
  wires!: Wires;
  network!: TcpNetwork;
  server!: TcpServer;

  constructor(id: NodeId, runtime: WireRuntime) {
    this.id = id;
    this.disk = new TimedDisk(runtime);
  }

  get metrics(): RaftMetrics {
    return this.raft.metrics;
  }

  /** What waits at this node for the sockets to another one, at most so far. */
  mostBuffered(to: NodeId): number {
    const sockets = this.dialled.filter((one) => one.to === to);
    return Math.max(...sockets.map(({ socket }) => socket.mostBuffered));
  }

  /** Forgets what was there so far. */
  lookAnew(): void {
    Object.assign(this.most, nothing);
  }

  look(): void {
    const { waiting, last, durable, purged, progress } = this.metrics;
    const { most } = this;
    most.calls = Math.max(most.calls, waiting.calls);
    most.requests = Math.max(most.requests, waiting.requests);
    most.writeBytes = Math.max(most.writeBytes, waiting.writeBytes);
    most.unwritten = Math.max(most.unwritten, last.index - durable.index);
    most.kept = Math.max(most.kept, last.index - purged.index);
    most.queuedBytes = Math.max(most.queuedBytes, this.network.stats.queuedBytes);
    for (const { inflight } of progress?.values() ?? []) {
      most.inflight = Math.max(most.inflight, inflight);
    }
  }
}

export interface LoadOptions {
  readonly config?: Partial<RaftConfig>;
  readonly tcp?: TcpNetworkOptions;
  readonly logger?: Logger;
}

/** The speeds that a test may change, and the election timeouts that it counts in. */
export const electionTimeoutMs = { min: 300, max: 600 };

/** Real nodes over the real wire, with sockets, disks and time of the test's making. */
export class LoadCluster implements AsyncDisposable {
  readonly runtime = new WireRuntime();
  readonly net = new FakeNet(this.runtime);
  readonly nodes: LoadNode[] = [];
  readonly #writers = new Set<Writer>();
  /** By the two nodes. */
  readonly #speeds = new Map<string, number>();

  static async of(ids: readonly NodeId[], options: LoadOptions = {}): Promise<LoadCluster> {
    const cluster = new LoadCluster();
    cluster.net.isRecording = false;
    for (const id of ids) await cluster.#start(id, options);
    for (const { disk } of cluster.nodes) disk.writeMs = 1;
    const infos: Record<NodeId, NodeInfo> = {};
    for (const { id, server } of cluster.nodes) infos[id] = { address: `${id}:${server.port}` };
    const [first] = cluster.nodes;
    const formed = first?.raft.initialize(infos);
    await cluster.run(5 * electionTimeoutMs.max);
    await formed;
    assert.equal(cluster.leader?.id, first?.id, 'the first one leads');
    return cluster;
  }

  async #start(id: NodeId, { config, tcp, logger }: LoadOptions): Promise<void> {
    const { runtime, net } = this;
    const node = new LoadNode(id, runtime);
    const dialer: Dialer = {
      isSecure: false,
      dial: (address, handler) => {
        const socket = net.dial(address, handler) as FakeSocket;
        node.dialled.push({ to: address.host, socket });
        socket.bytesPerMs = this.#speeds.get(`${id} ${address.host}`);
        socket.other.bytesPerMs = socket.bytesPerMs;
        return socket;
      },
    };
    node.network = new TcpNetwork({ runtime, sockets: dialer, ...tcp });
    node.wires = new Wires(node.network);
    node.server = await TcpServer.listen({ runtime, sockets: net });
    node.raft = await Raft.start<Uint8Array, number>({
      id,
      stateMachine: node.machine,
      storage: {
        log: node.disk,
        snapshots: new MemorySnapshotStore(),
        [Symbol.asyncDispose]: async () => undefined,
      },
      network: node.wires,
      config: { electionTimeoutMs, ...config },
      ...(logger === undefined ? {} : { logger }),
      runtime: mixed(runtime, this.nodes.length),
    });
    node.server.serve(node.raft.rpc);
    this.nodes.push(node);
  }

  node(id: NodeId): LoadNode {
    const node = this.nodes.find((one) => one.id === id);
    assert(node !== undefined, `there is no node ${id}`);
    return node;
  }

  get leader(): LoadNode | undefined {
    const leading = this.nodes.filter(({ metrics }) => metrics.role === 'leader');
    return leading.sort((a, b) => b.metrics.term - a.metrics.term)[0];
  }

  roles(): Role[] {
    return this.nodes.map(({ metrics }) => metrics.role);
  }

  /** Everything between these two nodes goes at this speed from now on. */
  setSpeed(one: NodeId, other: NodeId, bytesPerMs: number): void {
    for (const { id, dialled } of this.nodes) {
      for (const { to, socket } of dialled) {
        if (!(id === one && to === other) && !(id === other && to === one)) continue;
        socket.bytesPerMs = bytesPerMs;
        socket.other.bytesPerMs = bytesPerMs;
      }
    }
    this.#speeds.set(`${one} ${other}`, bytesPerMs);
    this.#speeds.set(`${other} ${one}`, bytesPerMs);
  }

  /** Lets time pass, and looks at all nodes every few milliseconds. */
  async run(ms: number, until: () => boolean = () => false): Promise<void> {
    const end = this.runtime.now() + ms;
    while (this.runtime.now() < end && !until()) {
      await this.runtime.advance(Math.min(5, end - this.runtime.now()));
      for (const node of this.nodes) node.look();
    }
  }

  /** Lets time pass until `test` holds. */
  async until(test: () => boolean, withinMs: number, what: string): Promise<void> {
    await this.run(withinMs, test);
    assert(test(), `${what} within ${withinMs} ms`);
  }

  /** Begins to write through a node, `concurrency` writes at a time, until it is stopped. */
  write(node: LoadNode, { concurrency = 8, bytes = 100 } = {}): Writer {
    const writer = new Writer(node, bytes);
    this.#writers.add(writer);
    for (let at = 0; at < concurrency; at += 1) void writer.go();
    return writer;
  }

  /** Resolves once every node has all that the leader has. */
  async converge(withinMs: number): Promise<void> {
    const last = (): number => this.leader?.metrics.last.index ?? Infinity;
    const isThere = (): boolean =>
      this.nodes.every(({ metrics }) => metrics.applied.index >= last());
    await this.until(isThere, withinMs, 'all nodes have the same');
    for (const { machine } of this.nodes) {
      assert.equal(machine.digest, this.nodes[0]?.machine.digest);
      assert.equal(machine.count, this.nodes[0]?.machine.count);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const writer of this.#writers) writer.stop();
    for (const { disk } of this.nodes) disk.release();
    let isClosed = false;
    const closing = Promise.all(
      this.nodes.map(async ({ raft, network, server }) => {
        await raft.close({ handOver: false });
        await network[Symbol.asyncDispose]();
        await server.close();
      }),
    ).then(() => (isClosed = true));
    await this.run(60_000, () => isClosed);
    await closing;
    assert.equal(this.runtime.timerCount, 0, 'no timer is left');
  }
}

/** Writes in a closed loop: each write that is answered is followed by another. */
export class Writer {
  /** Writes that were acknowledged. */
  acknowledged = 0;
  /** The codes of those that were not. */
  readonly errors: unknown[] = [];
  readonly #node: LoadNode;
  readonly #command: Uint8Array;
  #isStopped = false;

  constructor(node: LoadNode, bytes: number) {
    this.#node = node;
    this.#command = new Uint8Array(bytes);
  }

  async go(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#node.raft.write(this.#command);
        this.acknowledged += 1;
      } catch (error) {
        this.errors.push((error as { code?: unknown }).code);
        if (this.errors.length > 10_000) throw error;
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
  }
}

/** The time of all, and chance of its own: nodes that always draw the same would tie for ever. */
function mixed(runtime: WireRuntime, at: number): Runtime {
  let seed = 0.1 + at * 0.37;
  return {
    now: () => runtime.now(),
    setTimer: (run, ms) => runtime.setTimer(run, ms),
    randomId: () => runtime.randomId(),
    yieldToIo: (run) => runtime.yieldToIo(run),
    random: () => {
      seed = (seed * 997.13 + 0.31) % 1;
      return seed;
    },
  };
}

/** How many bytes of commands are in these entries. */
export function bytesIn(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { payload } of entries) {
    if (payload.type === 'command') bytes += payload.data.bytes.length;
  }
  return bytes;
}
