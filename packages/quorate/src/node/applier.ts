import type { Codec } from '../contract/codec.ts';
import type { Committed, StateMachine } from '../contract/state-machine.ts';
import { assert } from '../core/assert.ts';
import type { Entry, LogIndex } from '../core/types.ts';
import { decodeCommand } from './codec.ts';
import type { Log } from './log.ts';

export interface ApplierOptions {
  readonly stateMachine: StateMachine<unknown, unknown>;
  readonly codec: Codec<unknown>;
  readonly log: Pick<Log, 'read'>;
  readonly applied: LogIndex;
  readonly maxBatchBytes: number;
  /** A batch took effect; `responses` belong to `commands`, one each. */
  readonly onApplied: (
    last: LogIndex,
    commands: readonly Committed<unknown>[],
    responses: readonly unknown[],
  ) => void;
  readonly onFailure: (cause: unknown) => void;
}

/**
 * Takes committed commands to the state machine, in order, one batch at a time. Blank, membership
 * and session entries never get there.
 */
export class Applier {
  readonly #options: ApplierOptions;
  #applied: LogIndex;
  #target: LogIndex;
  #running: Promise<void> | undefined = undefined;
  #isStopped = false;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#applied = options.applied;
    this.#target = options.applied;
  }

  applyUpTo(index: LogIndex): void {
    assert(index >= this.#target, () => `apply must not go back from ${this.#target} to ${index}`);
    this.#target = index;
    if (this.#running === undefined) this.#run();
  }

  /** Begins no further batch and waits for the one under way. */
  async close(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** Goes on without a pause as long as log and state machine answer at once. */
  #run(): void {
    try {
      while (this.#applied < this.#target && !this.#isStopped) {
        const pending = this.#applyNext();
        if (pending === undefined) continue;
        this.#running = pending.then(
          () => this.#goOn(),
          (cause: unknown) => this.#fail(cause),
        );
        return;
      }
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #goOn(): void {
    this.#running = undefined;
    this.#run();
  }

  #fail(cause: unknown): void {
    this.#running = undefined;
    this.#isStopped = true;
    this.#options.onFailure(cause);
  }

  #applyNext(): Promise<void> | undefined {
    const { log, maxBatchBytes } = this.#options;
    const entries = log.read(this.#applied + 1, this.#target + 1, maxBatchBytes);
    if (entries instanceof Promise) return entries.then((read) => this.#apply(read));
    return this.#apply(entries);
  }

  #apply(entries: readonly Entry[]): Promise<void> | undefined {
    const last = entries.at(-1)?.logId.index ?? 0;
    assert(
      entries[0]?.logId.index === this.#applied + 1,
      () => `entry ${this.#applied + 1} must come next`,
    );
    const commands = this.#commandsIn(entries);
    if (commands.length === 0) {
      this.#finish(last, commands, []);
      return undefined;
    }
    const responses = this.#options.stateMachine.apply(commands);
    if (responses instanceof Promise) {
      return responses.then((answered) => this.#finish(last, commands, answered));
    }
    this.#finish(last, commands, responses);
    return undefined;
  }

  #commandsIn(entries: readonly Entry[]): Committed<unknown>[] {
    const commands: Committed<unknown>[] = [];
    for (const { logId, payload } of entries) {
      if (payload.type !== 'command') continue;
      commands.push({ logId, command: decodeCommand(this.#options.codec, payload.data) });
    }
    return commands;
  }

  #finish(
    last: LogIndex,
    commands: readonly Committed<unknown>[],
    responses: readonly unknown[],
  ): void {
    if (!Array.isArray(responses) || responses.length !== commands.length) {
      const came = Array.isArray(responses) ? `${responses.length}` : String(responses);
      throw new TypeError(
        `apply() must return one response for each of ${commands.length} commands; it returned ${came}.`,
      );
    }
    this.#applied = last;
    this.#options.onApplied(last, commands, responses);
  }
}
