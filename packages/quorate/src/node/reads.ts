import type { ReadIndexRequest } from '../core/message.ts';
import type { LogIndex, NodeId } from '../core/types.ts';
import { BehindError, OverloadedError } from '../errors.ts';
import type { Runtime, Timer } from '../platform/runtime.ts';

export type ReadMode = ReadIndexRequest['mode'];

export interface Reader {
  /** Default `quorum`. */
  readonly mode?: ReadMode;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (reason: unknown) => void;
}

export interface ReadsOptions {
  readonly id: NodeId;
  /** Readers that may wait at once. */
  readonly maxWaitingCalls: number;
  /** How long each of them may. */
  readonly readTimeoutMs: number;
  readonly runtime: Pick<Runtime, 'now' | 'setTimer'>;
}

/**
 * Reads that wait: first for an index that is known to be current, all of a turn together, then for
 * the state machine to get there. Wherever one of them is, it ends in time; what comes for it later
 * finds it gone.
 */
export class Reads {
  readonly #options: ReadsOptions;
  #waiting: Reader[] = [];
  /** Readers that know their index, which the state machine has not reached. */
  #applying: { readonly index: LogIndex; readonly readers: readonly Reader[] }[] = [];
  /** All that have no answer yet, and until when they wait; the oldest first. */
  readonly #open = new Map<Reader, number>();
  #timer: Timer | undefined = undefined;
  /** How far the state machine is; the core hears of it a moment later. */
  #applied: LogIndex = 0;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** Readers that have no answer yet. */
  get count(): number {
    return this.#open.size;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** @throws {OverloadedError} if the bound is reached. */
  add(reader: Reader): void {
    const { maxWaitingCalls, readTimeoutMs, runtime } = this.#options;
    if (this.#open.size >= maxWaitingCalls) {
      throw new OverloadedError(
        `${this.#open.size} reads are waiting already, and maxWaitingCalls is ${maxWaitingCalls}. Try again later.`,
      );
    }
    this.#open.set(reader, runtime.now() + readTimeoutMs);
    this.#waiting.push(reader);
    // It is not stopped when nobody waits any more: then it rings once, for nothing.
    this.#timer ??= runtime.setTimer(() => this.#ring(), readTimeoutMs);
  }

  /** Who was taken and cannot be asked for yet waits again. */
  putBack(readers: readonly Reader[]): void {
    this.#waiting = [...readers.filter((reader) => this.#open.has(reader)), ...this.#waiting];
  }

  /** Takes all that wait, of each mode together. */
  takeWaiting(): ReadonlyMap<ReadMode, readonly Reader[]> {
    const byMode = Map.groupBy(this.#waiting, ({ mode }) => mode ?? 'quorum');
    this.#waiting = [];
    return byMode;
  }

  /** `readers` may read once everything up to `index` is applied. */
  readable(readers: readonly Reader[], index: LogIndex, applied: LogIndex): void {
    // Since the start nothing may have been applied, and what the state held then counts, too.
    this.#applied = Math.max(applied, this.#applied);
    if (index <= this.#applied) this.#resolve(readers, index);
    else if (readers.some((reader) => this.#open.has(reader))) {
      this.#applying.push({ index, readers });
    }
  }

  applied(index: LogIndex): void {
    this.#applied = index;
    if (this.#applying.length === 0) return;
    const ready = this.#applying.filter((one) => one.index <= index);
    if (ready.length === 0) return;
    this.#applying = this.#applying.filter((one) => one.index > index);
    for (const one of ready) this.#resolve(one.readers, one.index);
  }

  reject(readers: readonly Reader[], reason: unknown): void {
    for (const reader of readers) if (this.#open.delete(reader)) reader.reject(reason);
  }

  rejectAll(reason: unknown): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waiting = [];
    this.#applying = [];
    this.reject([...this.#open.keys()], reason);
  }

  #resolve(readers: readonly Reader[], index: LogIndex): void {
    for (const reader of readers) if (this.#open.delete(reader)) reader.resolve(index);
  }

  #ring(): void {
    this.#timer = undefined;
    const { runtime } = this.#options;
    const now = runtime.now();
    const late = new Set<Reader>();
    let next: number | undefined;
    for (const [reader, until] of this.#open) {
      if (until > now) {
        next = until;
        break;
      }
      late.add(reader);
    }
    if (next !== undefined) {
      this.#timer = runtime.setTimer(() => this.#ring(), Math.ceil(next - now));
    }
    if (late.size > 0) this.#rejectLate(late);
  }

  #rejectLate(late: ReadonlySet<Reader>): void {
    const { id, readTimeoutMs } = this.#options;
    this.#waiting = this.#waiting.filter((reader) => !late.has(reader));
    const applying = this.#applying;
    this.#applying = [];
    for (const { index, readers } of applying) {
      const left = readers.filter((reader) => !late.has(reader));
      if (left.length > 0) this.#applying.push({ index, readers: left });
      if (left.length === readers.length) continue;
      const message = `The state of node ${id} did not get to entry ${index}, which the read needs, within readTimeoutMs (${readTimeoutMs}): it has applied ${this.#applied}. Read on another node, or try again.`;
      this.reject(
        readers.filter((reader) => late.has(reader)),
        new BehindError(message),
      );
    }
    const message = `Node ${id} did not find out within readTimeoutMs (${readTimeoutMs}) what is committed, so nobody knows how new the state must be. Read on another node, or try again.`;
    this.reject([...late], new BehindError(message));
  }
}
