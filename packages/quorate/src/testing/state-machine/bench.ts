import assert from 'node:assert/strict';
import type { Committed, StateMachine } from '../../contract/state-machine.ts';
import type { SnapshotMeta } from '../../core/types.ts';

/** The machines of one case, as state machines that keep nothing. */
export interface BenchOptions<Command, Response> {
  readonly open: () => Promise<StateMachine<Command, Response>>;
  readonly commands: readonly Command[];
  readonly stateOf?: ((machine: StateMachine<Command, Response>) => unknown) | undefined;
}

/** What can be seen of a machine. */
export interface Observed {
  readonly state: unknown;
  readonly responses: readonly unknown[];
}

/** Applies the commands of the suite, each under its log id, and compares what comes of it. */
export class Bench<Command, Response> {
  readonly open: () => Promise<StateMachine<Command, Response>>;
  readonly #committed: readonly Committed<Command>[];
  readonly #stateOf: BenchOptions<Command, Response>['stateOf'];

  constructor({ open, commands, stateOf }: BenchOptions<Command, Response>) {
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
      const batch = this.batch(start, Math.min(start + batchSize, to));
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

  /** The commands from `from` (in) to `to` (out) with their log ids. */
  batch(from: number, to: number): readonly Committed<Command>[] {
    return this.#committed.slice(from, to);
  }

  /** Opens a machine and applies the first `count` commands. */
  async openAfter(count: number): Promise<StateMachine<Command, Response>> {
    const machine = await this.open();
    await this.apply(machine, 0, count);
    return machine;
  }

  /** Opens a machine and applies the first half. */
  openHalfway(): Promise<StateMachine<Command, Response>> {
    return this.openAfter(this.half);
  }

  /** The state, and the responses to the commands from `from` on, which are applied for that. */
  async observe(machine: StateMachine<Command, Response>, from: number): Promise<Observed> {
    const state = await this.#stateOf?.(machine);
    const responses = await this.apply(machine, from, this.count);
    return { state, responses };
  }

  /** What a machine shows that was given the first `count` commands and nothing else. */
  async observeAfter(count: number): Promise<Observed> {
    return this.observe(await this.openAfter(count), count);
  }

  /** What a machine shows that was given the first half and nothing else. */
  observeHalfway(): Promise<Observed> {
    return this.observeAfter(this.half);
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
