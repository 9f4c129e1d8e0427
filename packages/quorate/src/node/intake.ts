import type { LogIndex } from '../core/types.ts';
import type { Engine } from './engine.ts';
import type { Log } from './log.ts';
import { Reads } from './reads.ts';
import { type PendingWrite, Writes } from './writes.ts';

/** The longest that a node goes on without a look at input, output and timers. */
const longestTurnMs = 5;

/**
 * Where the application's writes and reads wait for their turn. All writes that arrive while one
 * write is on its way to the disk are proposed as one; no timer waits for a batch to fill.
 */
export class Intake {
  readonly writes: Writes;
  readonly reads: Reads;
  readonly #engine: Engine;
  readonly #log: Log;
  #isScheduled = false;
  #yieldedAt = -Infinity;

  constructor(engine: Engine, log: Log) {
    this.#engine = engine;
    this.#log = log;
    this.writes = new Writes(engine.config);
    this.reads = new Reads(engine.config.maxWaitingCalls);
  }

  /** Takes a write that `validate` lets through; its place is taken from here on. */
  write(write: PendingWrite, validate: () => unknown): void {
    this.#engine.demandRunning();
    this.writes.reserve(write);
    try {
      const valid = validate();
      if (isThenable(valid)) {
        valid.then(
          () => this.#enqueue(write),
          (refusal: unknown) => this.writes.reject([write], refusal),
        );
        return;
      }
    } catch (refusal) {
      this.writes.reject([write], refusal);
      return;
    }
    this.writes.add(write);
    this.#schedule();
  }

  /** The node may have stopped while the write was looked at. */
  #enqueue(write: PendingWrite): void {
    try {
      this.#engine.demandRunning();
    } catch (stopped) {
      this.writes.reject([write], stopped);
      return;
    }
    this.writes.add(write);
    this.#schedule();
  }

  read(): Promise<LogIndex> {
    return new Promise((resolve, reject) => {
      this.#engine.demandRunning();
      this.reads.add({ resolve, reject });
      this.#schedule();
    });
  }

  /**
   * Proposes what waits, unless a write is on its way to the disk: then that one's end does. A node
   * that does not lead refuses, and waits for no disk to say so.
   */
  flush(): void {
    if (this.reads.isWaiting) this.#flushReads();
    if (!this.writes.isWaiting) return;
    const leads = this.#engine.state.leadership !== undefined;
    if (!leads || !this.#log.isWriting) this.#flushWrites();
  }

  /** What is in the log after `committed` may or may not come to be; what waits is refused. */
  loseLeadership(committed: LogIndex): void {
    this.writes.loseAfter(committed);
    this.flush();
  }

  stop(reason: (maybeApplied: boolean) => unknown): void {
    this.writes.rejectAll(reason);
    this.reads.rejectAll(reason(false));
  }

  /** Writers that write again at once live on microtasks; now and then they let others in. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { runtime } = this.#engine;
    if (runtime.now() - this.#yieldedAt < longestTurnMs) {
      queueMicrotask(() => this.#turn());
      return;
    }
    runtime.yieldToIo(() => {
      this.#yieldedAt = runtime.now();
      this.#turn();
    });
  }

  #turn(): void {
    this.#isScheduled = false;
    this.flush();
  }

  #flushWrites(): void {
    const { requests } = this.#engine;
    const { writes } = this;
    const { payloads, pending } = writes.takeWaiting();
    try {
      const request = requests.open(
        (answer) => {
          if (answer.type === 'accepted') writes.accepted(pending, answer);
          else if (answer.type === 'refused') writes.reject(pending, this.#engine.errorOf(answer));
        },
        (reason) => writes.reject(pending, reason),
      );
      this.#engine.post({ type: 'propose', request, payloads });
    } catch (overloaded) {
      writes.reject(pending, overloaded);
    }
  }

  #flushReads(): void {
    const { requests } = this.#engine;
    const { reads } = this;
    const readers = reads.takeWaiting();
    try {
      const request = requests.open(
        (answer) => {
          if (answer.type === 'refused') reads.reject(readers, this.#engine.errorOf(answer));
          else reads.answer(readers, answer, this.#engine.state.applied);
        },
        (reason) => reads.reject(readers, reason),
      );
      this.#engine.post({ type: 'readIndex', request });
    } catch (overloaded) {
      reads.reject(readers, overloaded);
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
