import type { LogStore } from '../../contract/log-store.ts';
import type { SnapshotStore } from '../../contract/snapshot-store.ts';
import type { Storage } from '../../contract/storage.ts';
import type { NodeId } from '../../core/types.ts';
import { MemoryNetwork } from '../../network/memory.ts';
import type { WaitOptions } from '../../node/call-options.ts';
import type { RaftMetrics } from '../../node/metrics.ts';
import type { RaftConfig } from '../../node/options.ts';
import { Raft } from '../../node/raft.ts';
import { nodeRuntime } from '../../platform/runtime.ts';
import { CommandList, DurableCommandList } from './machines.ts';
import type { RecoverySuiteOptions } from './options.ts';
import { PowerCut, poweredBy } from './power-cut.ts';

/** Nobody campaigns unless the cluster has a single voter. */
export const calm: Partial<RaftConfig> = { electionTimeoutMs: { min: 20_000, max: 40_000 } };

/** Leaders come quickly, also on a busy machine. */
export const quick: Partial<RaftConfig> = {
  heartbeatMs: 20,
  electionTimeoutMs: { min: 150, max: 300 },
};

/** A place for a node: its disk stays over restarts, the process and its memory do not. */
export class Place implements AsyncDisposable {
  readonly #options: RecoverySuiteOptions;
  readonly #network: MemoryNetwork;
  #storage: Storage;
  #raft: Raft<string, number> | undefined;
  #cut: PowerCut | undefined = undefined;
  /** A state machine in memory is a new one at each start; one with a disk of its own stays. */
  machine: CommandList | DurableCommandList = new CommandList();

  private constructor(options: RecoverySuiteOptions, storage: Storage, network: MemoryNetwork) {
    this.#options = options;
    this.#storage = storage;
    this.#network = network;
  }

  static async open(
    options: RecoverySuiteOptions,
    network: MemoryNetwork = new MemoryNetwork(),
  ): Promise<Place> {
    return new Place(options, await options.open(), network);
  }

  get log(): LogStore {
    return this.#storage.log;
  }

  get snapshots(): SnapshotStore {
    return this.#storage.snapshots;
  }

  /** Cuts the power of the next node here after so many steps of its disks, until it crashes. */
  cutAfter(steps: number): PowerCut {
    this.#cut = new PowerCut(steps);
    return this.#cut;
  }

  async start(id: NodeId, config: Partial<RaftConfig> = calm): Promise<Raft<string, number>> {
    if (this.machine instanceof DurableCommandList) this.machine.cut = this.#cut;
    else this.machine = new CommandList();
    this.#raft = await Raft.start<string, number>({
      id,
      stateMachine: this.machine,
      storage: this.#cut === undefined ? this.#storage : poweredBy(this.#cut, this.#storage),
      network: this.#network,
      config,
    });
    this.#network.attach(id, this.#raft.rpc);
    return this.#raft;
  }

  /** Ends the node, if one runs, and leaves its storage as a crash would. */
  async crash({ losesUnflushed = false }: { losesUnflushed?: boolean } = {}): Promise<void> {
    await this.#end();
    this.#cut = undefined;
    if (this.machine instanceof DurableCommandList) this.machine.crash({ losesUnflushed });
    if (this.#options.reopen !== undefined) {
      this.#storage = await this.#options.reopen(this.#storage);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.#storage[Symbol.asyncDispose]();
  }

  async #end(): Promise<void> {
    if (this.#raft === undefined) return;
    this.#network.detach(this.#raft.id);
    await this.#raft.close();
    this.#raft = undefined;
  }
}

/** Runs `body` with a new place. */
export async function withPlace(
  options: RecoverySuiteOptions,
  body: (place: Place) => Promise<void>,
): Promise<void> {
  const place = await Place.open(options);
  try {
    await body(place);
  } finally {
    await place[Symbol.asyncDispose]();
  }
}

export function untilLeader(raft: Raft<string, number>): Promise<RaftMetrics> {
  return until(raft, ({ role }) => role === 'leader');
}

/** Waits for a state of the node, and not for ever. */
export function until(
  raft: Raft<string, number>,
  test: (metrics: RaftMetrics) => boolean,
): Promise<RaftMetrics> {
  return inTime((options) => raft.waitFor(test, options));
}

const waitMs = 15_000;

export async function inTime<Result>(
  run: (options: WaitOptions) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const timer = nodeRuntime.setTimer(() => {
    controller.abort(new Error(`The node did not get there within ${waitMs} ms.`));
  }, waitMs);
  try {
    return await run({ signal: controller.signal });
  } finally {
    timer.cancel();
  }
}
