import path from 'node:path';
import type { RaftConfig } from 'quorate';
import { ChildProgram } from './child-program.ts';
import type { LoopRound } from './closed-loop.ts';
import type { NodeStart, Picture } from './watched-node.ts';
import type { WireName } from './wire.ts';
import type { Load } from './writer-node.ts';

const electionMs = 10_000;
const lookMs = 20;

/** One node in a process of its own. */
export class NodeProcess {
  readonly id: string;
  readonly program: ChildProgram;

  constructor(id: string, program: ChildProgram) {
    this.id = id;
    this.program = program;
  }

  async picture(): Promise<Picture> {
    return (await this.program.ask('picture')) as Picture;
  }

  async load(load: Load): Promise<LoopRound> {
    // A load without a time of its own is bounded all the same.
    const timeoutMs = load.seconds === undefined ? 1_800_000 : load.seconds * 1000 + 60_000;
    return (await this.program.ask('load', load, timeoutMs)) as LoopRound;
  }

  /** Ends a load that has no end of its own. */
  async stop(): Promise<void> {
    await this.program.ask('stop');
  }

  async takeSnapshot(): Promise<void> {
    await this.program.ask('snapshot');
  }

  async awaitApplied(index: number, timeoutMs = 600_000): Promise<void> {
    await this.program.ask('awaitApplied', { index }, timeoutMs);
  }
}

export interface ClusterStart {
  readonly folder: string;
  readonly wire: WireName;
  /** Which program each node runs. */
  readonly program: 'writer-node.ts' | 'kv-server.ts';
  readonly config?: Partial<RaftConfig> | undefined;
  readonly isObserved?: boolean;
}

/** Nodes in processes of their own, each with its log on the disk. */
export class ProcessCluster implements AsyncDisposable {
  readonly #start: ClusterStart;
  readonly #nodes = new Map<string, NodeProcess>();
  readonly #ports = new Map<string, number>();

  /** Resolves once one of them leads. */
  static async start(count: number, start: ClusterStart): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(start);
    try {
      const ids = Array.from({ length: count }, (_, at) => `node-${at + 1}`);
      await Promise.all(ids.map((id) => cluster.startNode(id)));
      const addresses: Record<string, string> = {};
      for (const node of cluster.nodes) addresses[node.id] = (await node.picture()).address;
      await cluster.nodes[0]?.program.ask('initialize', addresses);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  private constructor(start: ClusterStart) {
    this.#start = start;
  }

  get nodes(): readonly NodeProcess[] {
    return [...this.#nodes.values()];
  }

  /** What each of them looks like at about the same time. */
  pictures(): Promise<Picture[]> {
    return Promise.all(this.nodes.map((node) => node.picture()));
  }

  /** Starts a node, or one that was ended, on what it has on the disk and where it was. */
  async startNode(id: string): Promise<NodeProcess> {
    const { folder, wire, program, config, isObserved } = this.#start;
    const port = this.#ports.get(id) ?? 0;
    const directory = path.join(folder, 'nodes');
    const argument: NodeStart = {
      id,
      directory,
      wire,
      port,
      ...(config === undefined ? {} : { config }),
      ...(isObserved === undefined ? {} : { isObserved }),
    };
    const node = new NodeProcess(id, await ChildProgram.start(program, argument));
    this.#nodes.set(id, node);
    const { address } = await node.picture();
    this.#ports.set(id, Number(address.split(':').at(-1)));
    return node;
  }

  /** Starts those that were ended. */
  async startMissing(): Promise<void> {
    for (const id of this.#ports.keys()) {
      if (!this.#nodes.has(id)) await this.startNode(id);
    }
  }

  /** Waits for an election, if there is one. @throws if none of them leads for long. */
  async leader(): Promise<NodeProcess> {
    const giveUpAt = performance.now() + electionMs;
    for (;;) {
      const pictures = await this.pictures();
      const [newest] = pictures
        .map(({ role, term }, at) => ({ role, term, node: this.nodes[at] }))
        .filter(({ role }) => role === 'leader')
        .toSorted((left, right) => right.term - left.term);
      if (newest?.node !== undefined) return newest.node;
      if (performance.now() > giveUpAt) throw new Error('None of the nodes leads.');
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  node(id: string): NodeProcess | undefined {
    return this.#nodes.get(id);
  }

  /** Ends a node in the middle of whatever it does. */
  async kill(id: string): Promise<void> {
    const node = this.#nodes.get(id);
    this.#nodes.delete(id);
    await node?.program.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(({ program }) => program.kill()));
  }
}
