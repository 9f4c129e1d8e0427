import path from 'node:path';
import { ExampleClient } from './client.ts';
import { NodeProcess } from './node-process.ts';
import { findLeader, type NodeRow } from './start-view.ts';
import { eventually } from './test-support/eventually.ts';
import type { WireMetrics } from './wire-output.ts';

const withinMs = 60_000;

interface Member {
  readonly id: number;
  readonly data: string;
  process: NodeProcess;
}

/** Three nodes in three processes, of which single ones can be killed and started again. */
export class CatchUpCluster {
  readonly #folder: string;
  readonly #others: readonly string[];
  readonly #members: Member[] = [];

  /** `others` are further options of each node, as on its command line. */
  constructor(folder: string, others: readonly string[]) {
    this.#folder = folder;
    this.#others = others;
  }

  get ids(): readonly number[] {
    return this.#members.map(({ id }) => id);
  }

  /** Starts all three and returns once one of them leads. */
  async form(): Promise<void> {
    for (const id of [1, 2, 3]) {
      const data = path.join(this.#folder, `node-${id}`);
      this.#members.push({ id, data, process: this.#launch(id, data, '127.0.0.1:0') });
    }
    for (const { process } of this.#members) await listens(process);

    const nodes = this.#rows.map(({ id, address }) => [id, { addr: address }]);
    const response = await fetch(`http://${this.#rows[0]?.address}/init`, {
      method: 'POST',
      body: JSON.stringify(nodes),
    });
    const answer = await response.text();
    if (!answer.startsWith('{"Ok"')) throw new Error(`Node 1 refused to initialize: ${answer}`);
    await this.leader();
  }

  /** The row of the node that leads, once there is one that all who live follow. */
  leader(): Promise<NodeRow> {
    return eventually(
      'the nodes have a leader',
      async () => {
        const alive = this.#rows.filter(({ state }) => state !== 'dead');
        const found = await Promise.all(alive.map(({ id }) => this.metrics(id)));
        const leaders = new Set(found.map(({ current_leader: leader }) => leader));
        const row = findLeader(alive);
        return row !== undefined && leaders.size === 1 && leaders.has(row.id) ? row : undefined;
      },
      (row) => row !== undefined,
      { withinMs },
    ) as Promise<NodeRow>;
  }

  client(id: number): ExampleClient {
    return new ExampleClient(this.#memberOf(id).process.row.address);
  }

  metrics(id: number): Promise<WireMetrics> {
    return this.client(id).metrics();
  }

  dataOf(id: number): string {
    return this.#memberOf(id).data;
  }

  /** Ends the node at once, as a power cut would, and leaves its data. */
  async kill(id: number): Promise<void> {
    await this.#memberOf(id).process.kill();
  }

  /** Starts a node that was killed, on its data and in its place. */
  async restart(id: number): Promise<void> {
    const member = this.#memberOf(id);
    member.process = this.#launch(id, member.data, member.process.row.address);
    await listens(member.process);
  }

  /** Ends all nodes. */
  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => process.stop()));
  }

  get #rows(): NodeRow[] {
    return this.#members.map(({ process }) => process.row);
  }

  #memberOf(id: number): Member {
    const member = this.#members.find((one) => one.id === id);
    if (member === undefined) throw new RangeError(`There is no node ${id}.`);
    return member;
  }

  #launch(id: number, data: string, address: string): NodeProcess {
    const events = { onChange: () => {}, onEnd: () => {} };
    return new NodeProcess({ id, address, data, others: this.#others }, events);
  }
}

async function listens(process: NodeProcess): Promise<void> {
  const ended = await Promise.race([process.listening, process.ended]);
  if (ended !== undefined) throw new Error(ended);
}
