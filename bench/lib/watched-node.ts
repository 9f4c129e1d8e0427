import path from 'node:path';
import { Raft, type RaftConfig, type StateMachine } from 'quorate';
import { type WalStorage, walStorage } from 'quorate/storage/wal';
import { openWire, type Wire, type WireName } from './wire.ts';

/** What a node's process is started with. */
export interface NodeStart {
  readonly id: string;
  readonly directory: string;
  readonly wire: WireName;
  /** 0 or absent: any free one. */
  readonly port?: number;
  readonly config?: Partial<RaftConfig>;
  /** Whether its process is watched all the time, for a bench that asks what held it up. */
  readonly isObserved?: boolean;
}

/** What a node's process looks like from outside. */
export interface Picture {
  readonly address: string;
  readonly role: string;
  readonly term: number;
  readonly leader: string | undefined;
  readonly last: number;
  readonly applied: number;
  readonly purged: number;
  readonly rssMiB: number;
  readonly heapMiB: number;
  /** User and system time of the process since its start. */
  readonly cpuMicros: number;
}

const mebibyte = 1024 * 1024;

/** One node of a cluster of processes: its storage, its wire, and what its parent may ask. */
export class WatchedNode {
  readonly raft: Raft<Uint8Array, undefined>;
  readonly wire: Wire;
  readonly #storage: WalStorage;

  static async start(
    { id, directory, wire: wireName, port, config = {} }: NodeStart,
    stateMachine: StateMachine<Uint8Array, undefined>,
    wrap: (storage: WalStorage) => WalStorage = (storage) => storage,
  ): Promise<WatchedNode> {
    const storage = wrap(await walStorage(path.join(directory, id)));
    const wire = await openWire(wireName, port);
    const { network } = wire;
    const raft = await Raft.start({ id, stateMachine, storage, network, config });
    wire.serve(raft.rpc);
    return new WatchedNode(raft, wire, storage);
  }

  private constructor(raft: Raft<Uint8Array, undefined>, wire: Wire, storage: WalStorage) {
    this.raft = raft;
    this.wire = wire;
    this.#storage = storage;
  }

  async initialize(addresses: Readonly<Record<string, string>>): Promise<void> {
    const named = Object.entries(addresses).map(([id, address]) => [id, { address }] as const);
    await this.raft.initialize(Object.fromEntries(named));
    await this.raft.waitFor(
      ({ role, committed, term }) => role === 'leader' && committed.term === term,
    );
  }

  async awaitApplied(index: number): Promise<void> {
    await this.raft.waitFor(({ applied }) => applied.index >= index);
  }

  picture(): Picture {
    const { role, term, leader, last, applied, purged } = this.raft.metrics;
    const { rss, heapUsed } = process.memoryUsage();
    const cpu = process.cpuUsage();
    return {
      address: this.wire.address,
      role,
      term,
      leader,
      last: last.index,
      applied: applied.index,
      purged: purged.index,
      rssMiB: Math.round(rss / mebibyte),
      heapMiB: Math.round(heapUsed / mebibyte),
      cpuMicros: cpu.user + cpu.system,
    };
  }

  async close(): Promise<void> {
    await this.raft.close({ handOver: false });
    await this.wire[Symbol.asyncDispose]();
    await this.#storage[Symbol.asyncDispose]();
  }
}
