import { exponential } from './delays.ts';
import type { SimWorld, Workload } from './hooks.ts';

/** The simplest clients there are: each writes to a node that is up, one write after the other. */
export class FixedWorkload implements Workload {
  stepCount = 0;
  readonly #clientCount: number;
  readonly #running = new Set<Promise<void>>();
  #isOver = false;

  constructor(clientCount: number) {
    this.#clientCount = clientCount;
  }

  start(world: SimWorld): void {
    for (let client = 0; client < this.#clientCount; client += 1) {
      this.#running.add(this.#live(world, `client ${client}`));
    }
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #live(world: SimWorld, client: string): Promise<void> {
    for (let operation = 1; !this.#isOver; operation += 1) {
      const ids = [...world.nodes.values()].filter(({ isUp }) => isUp).map(({ id }) => id);
      const id = ids[world.choices.choose('workload.node', Math.max(1, ids.length))];
      if (id !== undefined) {
        world.trace.note('call', () => ({
          type: 'call',
          client,
          operation,
          node: id,
          text: 'put',
        }));
        const value = `${client} ${operation}`;
        const outcome = await world.call(id, (raft) =>
          raft.write({ op: 'put', key: `key ${operation % 5}`, value }),
        );
        this.stepCount += 1;
        world.mark(`write: ${outcome.type}`);
        world.trace.note('return', () => ({
          type: 'return',
          client,
          operation,
          node: id,
          text: outcome.type,
        }));
      }
      const ms = 10 + 20 * exponential(world.choices, 'workload.pause');
      await new Promise<void>((resolve) => void world.setTimer(resolve, ms));
    }
  }
}
