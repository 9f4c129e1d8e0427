import assert from 'node:assert/strict';
import type { Committed, StateMachine } from '../../contract/state-machine.ts';
import type { SnapshotMeta } from '../../core/types.ts';
import type { StateMachineSuiteOptions } from './options.ts';

/** What can be seen of a machine. */
export interface Observed {
  readonly state: unknown;
  readonly responses: readonly unknown[];
}

/** Applies the commands of the suite, each under its log id, and compares what comes of it. */
export class Bench<Command, Response> {
  readonly open: () => Promise<StateMachine<Command, Response>>;
  readonly #committed: readonly Committed<Command>[];
  readonly #stateOf: StateMachineSuiteOptions<Command, Response>['stateOf'];

  constructor({ open, commands, stateOf }: StateMachineSuiteOptions<Command, Response>) {
    if (commands.length < 4) {
      throw new RangeError(`The suite wants at least 4 commands; got ${commands.length}.`);
    }
    this.open = open;
    this.#stateOf = stateOf;
    this.#committed = commands.map((command, position) => ({
      logId: { term: 1 + Math.floor(position / 3), index: position + 1 },
      command,
    }));
  }

  get count(): number {
    return this.#committed.length;
  }

  get half(): number {
    return Math.floor(this.count / 2);
  }

  /** Applies the commands from `from` (in) to `to` (out), at most `batchSize` at a time. */
  async apply(
    machine: StateMachine<Command, Response>,
    from: number,
    to: number,
    batchSize: number = this.count,
  ): Promise<Response[]> {
    const responses: Response[] = [];
    for (let start = from; start < to; start += batchSize) {
      const batch = this.#committed.slice(start, Math.min(start + batchSize, to));
      const answered = await machine.apply(batch);
      assert.equal(
        answered.length,
        batch.length,
        `apply was given ${batch.length} commands and returned ${answered.length} responses.`,
      );
      responses.push(...answered);
    }
    return responses;
  }

  /** Opens a machine and applies the first half. */
  async openHalfway(): Promise<StateMachine<Command, Response>> {
    const machine = await this.open();
    await this.apply(machine, 0, this.half);
    return machine;
  }

  /** The state, and the responses to the commands from `from` on, which are applied for that. */
  async observe(machine: StateMachine<Command, Response>, from: number): Promise<Observed> {
    const state = await this.#stateOf?.(machine);
    const responses = await this.apply(machine, from, this.count);
    return { state, responses };
  }

  /** What a machine shows that was given the first half and nothing else. */
  async observeHalfway(): Promise<Observed> {
    return this.observe(await this.openHalfway(), this.half);
  }

  /** Describes a snapshot of what the first `count` commands made. */
  meta(count: number): SnapshotMeta {
    const lastLogId = this.#committed[count - 1]?.logId ?? { term: 0, index: 0 };
    const logId = { term: 0, index: 0 };
    const membership = { cluster: 'cluster-1', voters: [['a']], nodes: { a: {} }, logId };
    return { id: `snapshot-${count}`, lastLogId, membership };
  }
}

/** Copies the chunks of a snapshot, which a machine may reuse. */
export async function collect(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Uint8Array[]> {
  const collected: Uint8Array[] = [];
  for await (const chunk of chunks) collected.push(new Uint8Array(chunk));
  return collected;
}

export async function* streamOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
