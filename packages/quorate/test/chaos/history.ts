import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Operation, OperationAnswer } from './protocol.ts';

/** An operation that has ended for its client. */
export interface Done {
  readonly client: string;
  readonly operation: Operation;
  /** Numbers that count up through all calls and answers of the run. */
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly answer: OperationAnswer;
  /** Which node answered, or was asked last. */
  readonly node: string;
}

/** All that the clients did and saw, in memory by key and in a file as it comes. */
export class ChaosHistory {
  readonly #file: WriteStream;
  readonly #byKey = new Map<string, Done[]>();
  readonly #startedAt = performance.now();
  readonly #counts = { ok: 0, failed: 0, unknown: 0 };
  #clock = 0;
  /** The pause that begins with it counts; before the first one nobody waits for anything. */
  #acknowledgedAt: number | undefined = undefined;
  #longestPauseMs = 0;
  #isOver = false;

  constructor(file: string) {
    this.#file = createWriteStream(file);
    // A full disk shows when it is closed; until then the rest of the run is worth having.
    this.#file.on('error', () => undefined);
  }

  get counts(): Readonly<Record<OperationAnswer['outcome'], number>> {
    return this.#counts;
  }

  get keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  of(key: string): readonly Done[] {
    return this.#byKey.get(key) ?? [];
  }

  /** The longest time without an acknowledged write, in milliseconds. */
  get longestPauseMs(): number {
    return this.#longestPauseMs;
  }

  /** The chaos is over: what comes from now on does not count for `longestPauseMs`. */
  endPauses(): void {
    this.#acknowledged();
    this.#isOver = true;
  }

  /** A moment between what was before and what comes. */
  tick(): number {
    this.#clock += 1;
    return this.#clock;
  }

  add(done: Done): void {
    const { operation, answer } = done;
    this.#counts[answer.outcome] += 1;
    if (answer.outcome === 'ok' && operation.type !== 'get') this.#acknowledged();
    const sameKey = this.#byKey.get(operation.key);
    if (sameKey === undefined) this.#byKey.set(operation.key, [done]);
    else sameKey.push(done);
    const ms = Math.round(performance.now() - this.#startedAt);
    this.#file.write(`${JSON.stringify({ ms, ...done })}\n`);
  }

  /** @throws if the file could not be written. */
  async close(): Promise<void> {
    this.#file.end();
    await finished(this.#file);
  }

  #acknowledged(): void {
    if (this.#isOver) return;
    const now = performance.now();
    const pauseMs = now - (this.#acknowledgedAt ?? now);
    this.#longestPauseMs = Math.max(this.#longestPauseMs, pauseMs);
    this.#acknowledgedAt = now;
  }
}
