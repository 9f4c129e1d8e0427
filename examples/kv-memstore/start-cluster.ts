import { NodeProcess } from './node-process.ts';
import { nodeCount } from './start-options.ts';
import { findLeader, type NodeRow } from './start-view.ts';

const host = '127.0.0.1';
/** From the first process to a cluster with a leader that all its nodes are in. */
const startWithinMs = 20_000;

export interface ClusterEvents {
  readonly onChange: () => void;
  /** A node died that nobody had asked to end. */
  readonly onDeath: (line: string) => void;
}

/** Three nodes in three processes. Whoever makes one stops it. */
export class ClusterProcesses {
  readonly #nodes: readonly NodeProcess[];
  readonly #events: ClusterEvents;
  #isStopping = false;
  #onFormed: () => void = () => {};

  /** Starts the processes; `port` is the first of three in a row, or 0 for any. */
  constructor(port: number, events: ClusterEvents) {
    this.#events = events;
    this.#nodes = Array.from({ length: nodeCount }, (_, at) => {
      const address = `${host}:${port === 0 ? 0 : port + at}`;
      return new NodeProcess(at + 1, address, {
        onChange: () => this.#changed(),
        onEnd: (how) => {
          if (!this.#isStopping) events.onDeath(how);
        },
      });
    });
  }

  get rows(): NodeRow[] {
    return this.#nodes.map(({ row }) => row);
  }

  get aliveCount(): number {
    return this.rows.filter(({ state }) => state !== 'dead').length;
  }

  /** Resolves once the three form a cluster that has a leader and has reached them all. */
  async form(): Promise<void> {
    await Promise.race([this.#form(), this.#firstDeath()]);
  }

  /** Resolves once all three processes are gone, however they ended. */
  async gone(): Promise<void> {
    await Promise.all(this.#nodes.map(({ ended }) => ended));
  }

  /** Ends all processes and resolves when they are gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }

  async #form(): Promise<void> {
    const deadline = AbortSignal.timeout(startWithinMs);
    await Promise.all(this.#nodes.map(({ listening }) => listening));
    await this.#initialize(deadline);
    await this.#formed(deadline);
  }

  async #firstDeath(): Promise<never> {
    throw new Error(await Promise.race(this.#nodes.map(({ ended }) => ended)));
  }

  async #initialize(signal: AbortSignal): Promise<void> {
    const nodes = this.rows.map(({ id, address }) => [id, { addr: address }]);
    const response = await fetch(`http://${this.rows[0]?.address}/init`, {
      method: 'POST',
      body: JSON.stringify(nodes),
      signal,
    });
    const answer = await response.text();
    if (!answer.startsWith('{"Ok"')) throw new Error(`Node 1 refused to initialize: ${answer}`);
  }

  async #formed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#onFormed = resolve;
      signal.addEventListener('abort', () => {
        reject(new Error(`The nodes formed no cluster within ${startWithinMs} ms.`));
      });
      this.#changed();
    });
  }

  #changed(): void {
    const { rows } = this;
    const isFormed = findLeader(rows) !== undefined && rows.every(({ last }) => last > 0);
    if (isFormed) this.#onFormed();
    this.#events.onChange();
  }
}
