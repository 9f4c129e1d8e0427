import path from 'node:path';
import { NodeProcess } from './node-process.ts';
import type { NetworkName } from './server-options.ts';
import { describeWrongPorts, hasCluster } from './start-data.ts';
import { nodeCount } from './start-options.ts';
import { findLeader, type NodeRow } from './start-view.ts';

const host = '127.0.0.1';
/** From three nodes that listen to a cluster with a leader that all of them are in. */
const startWithinMs = 20_000;

export interface ClusterOptions {
  /** The first of three in a row, or 0 for any, or for those that the data knows. */
  readonly port: number;
  /** What the nodes speak among each other. */
  readonly network: NetworkName;
  /** The directory of the cluster's data, with one in it for each node; `undefined` for memory. */
  readonly data: string | undefined;
}

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

  /** Starts the processes. */
  constructor({ port, network, data }: ClusterOptions, events: ClusterEvents) {
    this.#events = events;
    this.#nodes = Array.from({ length: nodeCount }, (_, at) => {
      const id = at + 1;
      const address = `${host}:${port === 0 ? 0 : port + at}`;
      const nodeData = data === undefined ? undefined : path.join(data, `node-${id}`);
      return new NodeProcess(
        { id, address, data: nodeData, others: ['--network', network] },
        {
          onChange: () => this.#changed(),
          onEnd: (how) => {
            if (!this.#isStopping) events.onDeath(how);
          },
        },
      );
    });
  }

  get rows(): NodeRow[] {
    return this.#nodes.map(({ row }) => row);
  }

  get aliveCount(): number {
    return this.rows.filter(({ state }) => state !== 'dead').length;
  }

  /**
   * Resolves once the three are a cluster that has a leader: a new one that has reached them all,
   * or the one that their data tells of.
   */
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
    await Promise.all(this.#nodes.map(({ listening }) => listening));
    const started = this.#nodes.map((node) => node.started);
    const wrongPorts = describeWrongPorts(started);
    if (wrongPorts !== undefined) throw new Error(wrongPorts);

    const deadline = AbortSignal.timeout(startWithinMs);
    if (!hasCluster(started)) await this.#initialize(deadline);
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
