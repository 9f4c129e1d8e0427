import type { Committed } from '../contract/state-machine.ts';
import type { Answer } from '../core/action.ts';
import { assert } from '../core/assert.ts';
import type { CommandData, LogId, LogIndex, Payload, Term } from '../core/types.ts';
import { LeadershipLostError, OverloadedError } from '../errors.ts';
import { mark } from '../platform/sites.ts';
import { SessionAnswer } from './session-batch.ts';

export interface WriteResult<Response> {
  readonly logId: LogId;
  readonly response: Response;
}

/** One caller's write, from `write` to its answer. */
export interface PendingWrite {
  readonly data: CommandData;
  /** The bytes are no command, but what a session entry says. */
  readonly entry?: 'session' | undefined;
  /** A write of a session that was sent before; see `ForwardRequest.repeated`. */
  readonly repeated?: true | undefined;
  /** It is proposed in this term or not at all. */
  readonly term?: Term | undefined;
  /** It came from another node, so it is passed on to no third one. */
  readonly isForwarded?: true;
  readonly resolve: (result: WriteResult<unknown>) => void;
  readonly reject: (reason: unknown) => void;
}

export interface WriteBounds {
  readonly maxPendingWrites: number;
  readonly maxPendingBytes: number;
  readonly maxCommandBytes: number;
}

/** So much of the bound on bytes, one part in 16, is there for writes that fit into it. */
const shareOfSmall = 16;

interface Batch {
  readonly first: LogId;
  readonly writes: readonly PendingWrite[];
}

/**
 * The writes of this node's callers. They wait to be proposed, all together, and then for the state
 * machine's response. Bounded by count and by bytes from the call to the answer.
 */
export class Writes {
  readonly #maxWrites: number;
  readonly #maxBytes: number;
  readonly #maxCommandBytes: number;
  #waiting: PendingWrite[] = [];
  /** Proposed, in the order of the log; those before `#answered` of the first are answered. */
  #batches: Batch[] = [];
  #answered = 0;
  #count = 0;
  #bytes = 0;

  constructor(bounds: WriteBounds) {
    this.#maxCommandBytes = bounds.maxCommandBytes;
    this.#maxWrites = bounds.maxPendingWrites;
    this.#maxBytes = bounds.maxPendingBytes;
  }

  /** Writes that have no answer yet, and their bytes. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Takes a place for a write; it ends in `add` or in `reject`.
   *
   * @throws {OverloadedError} if a bound is reached; nothing was taken.
   */
  reserve(write: PendingWrite): void {
    const bytes = write.data.bytes.length;
    if (bytes > this.#maxCommandBytes) {
      throw new RangeError(
        `A command of ${bytes} bytes is larger than maxCommandBytes, ${this.#maxCommandBytes}. Split it, or raise the bound on every node.`,
      );
    }
    if (this.#count >= this.#maxWrites) {
      throw new OverloadedError(
        `${this.#count} writes are waiting already, and maxPendingWrites is ${this.#maxWrites}. Try again later.`,
      );
    }
    // Large writes that come one after the other must not keep small ones out for ever.
    const isLarge = bytes > this.#maxBytes / shareOfSmall;
    const roomBytes = isLarge ? this.#maxBytes - this.#maxBytes / shareOfSmall : this.#maxBytes;
    if (this.#bytes > 0 && this.#bytes + bytes > roomBytes) {
      throw new OverloadedError(
        `A write of ${bytes} bytes does not fit: ${this.#bytes} bytes are waiting already, and maxPendingBytes is ${this.#maxBytes}. Try again later.`,
      );
    }
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Lets a write that has its place wait to be proposed. */
  add(write: PendingWrite): void {
    if (this.#waiting.length === 0) this.#waiting = [write];
    else this.#waiting.push(write);
  }

  /** What was taken to be proposed waits again, before what has come since. */
  putBack(pending: readonly PendingWrite[]): void {
    this.#waiting = [...pending, ...this.#waiting];
  }

  /** Answers a write that has its place and was logged by another node. */
  resolve(write: PendingWrite, result: WriteResult<unknown>): void {
    this.#settle(write);
    write.resolve(result);
  }

  /** Rejects what has not been proposed; what is in the log goes its way. */
  rejectWaiting(reason: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.reject(waiting, reason);
  }

  /** Takes all that wait, to be proposed as one in `term`; those bound to another are `late`. */
  takeWaiting(term: Term): {
    payloads: Payload[];
    pending: readonly PendingWrite[];
    late: readonly PendingWrite[];
  } {
    const isLate = (write: PendingWrite): boolean =>
      write.term !== undefined && write.term !== term;
    let pending = this.#waiting;
    this.#waiting = [];
    const late = pending.filter(isLate);
    if (late.length > 0) pending = pending.filter((write) => !isLate(write));
    return { payloads: pending.map(payloadOf), pending, late };
  }

  /** `pending` is in the log now and waits for the state machine. */
  accepted(
    pending: readonly PendingWrite[],
    { first, count }: Extract<Answer, { type: 'accepted' }>,
  ): void {
    assert(count === pending.length, 'a proposal is accepted as a whole');
    this.#batches.push({ first, writes: pending });
  }

  /** Answers the writes among `commands`; commands of other leaders have nobody waiting here. */
  applied(commands: readonly Committed<unknown>[], responses: readonly unknown[]): void {
    for (let at = 0; at < commands.length; at += 1) {
      const batch = this.#batches[0];
      if (batch === undefined) return;
      const { logId } = commands[at] as Committed<unknown>;
      if (logId.index < batch.first.index + this.#answered) continue;
      assert(
        logId.index === batch.first.index + this.#answered && logId.term === batch.first.term,
        () =>
          `write ${batch.first.index + this.#answered} of term ${batch.first.term} must be answered before ${logId.index} of term ${logId.term}`,
      );
      const write = batch.writes[this.#answered] as PendingWrite;
      this.#settle(write);
      this.#answered += 1;
      if (this.#answered === batch.writes.length) {
        this.#batches.shift();
        this.#answered = 0;
      }
      tell(write, logId, responses[at]);
    }
  }

  /** Leadership is lost: what is not committed yet may or may not come to be. */
  loseAfter(committed: LogIndex): void {
    const kept: Batch[] = [];
    const lost: { logId: LogId; write: PendingWrite }[] = [];
    for (const [at, { first, writes }] of this.#batches.entries()) {
      const answered = at === 0 ? this.#answered : 0;
      const count = Math.min(writes.length, Math.max(0, committed - first.index + 1));
      if (count > answered) kept.push({ first, writes: writes.slice(0, count) });
      else if (at === 0) this.#answered = 0;
      for (let next = count; next < writes.length; next += 1) {
        const logId = { term: first.term, index: first.index + next };
        lost.push({ logId, write: writes[next] as PendingWrite });
      }
    }
    this.#batches = kept;
    if (lost.length > 0) mark('writes.lostWithLeadership');
    for (const { logId, write } of lost) {
      this.#settle(write);
      const message = `Leadership was lost while entry ${logId.index} of term ${logId.term} was not yet committed; another leader may commit it.`;
      write.reject(new LeadershipLostError(message, { logId, maybeApplied: true }));
    }
  }

  /**
   * The state was replaced by that of a snapshot up to `index`: the writes in it took effect, but
   * what the state machine said to them is not known here.
   */
  restored(index: LogIndex): void {
    const kept: Batch[] = [];
    const passed: { logId: LogId; write: PendingWrite }[] = [];
    for (const [at, { first, writes }] of this.#batches.entries()) {
      const answered = at === 0 ? this.#answered : 0;
      const count = Math.min(writes.length, Math.max(answered, index - first.index + 1));
      for (let next = answered; next < count; next += 1) {
        const logId = { term: first.term, index: first.index + next };
        passed.push({ logId, write: writes[next] as PendingWrite });
      }
      if (count === writes.length) continue;
      const rest = { term: first.term, index: first.index + count };
      kept.push({ first: rest, writes: writes.slice(count) });
    }
    this.#batches = kept;
    this.#answered = 0;
    if (passed.length > 0) mark('writes.passedBySnapshot');
    for (const { logId, write } of passed) {
      this.#settle(write);
      const message = `Entry ${logId.index} of term ${logId.term} took effect, but this node got its state from a snapshot and does not know the response.`;
      write.reject(new LeadershipLostError(message, { logId, maybeApplied: true }));
    }
  }

  /** Rejects writes that have their place and are neither waiting nor in the log. */
  reject(writes: readonly PendingWrite[], reason: unknown): void {
    for (const write of writes) {
      this.#settle(write);
      write.reject(reason);
    }
  }

  /** The node stops. What is in the log may still be committed by the others. */
  rejectAll(reason: (maybeApplied: boolean) => unknown): void {
    const logged = this.#batches.flatMap(({ writes }, at) =>
      writes.slice(at === 0 ? this.#answered : 0),
    );
    this.#batches = [];
    this.#answered = 0;
    if (logged.length > 0) this.reject(logged, reason(true));
    if (this.isWaiting) this.rejectWaiting(reason(false));
  }

  #settle(write: PendingWrite): void {
    this.#count -= 1;
    this.#bytes -= write.data.bytes.length;
  }
}

function payloadOf({ data, entry }: PendingWrite): Payload {
  return entry === 'session' ? { type: entry, data: data.bytes } : { type: 'command', data };
}

function tell({ resolve, reject }: PendingWrite, logId: LogId, response: unknown): void {
  if (!(response instanceof SessionAnswer)) resolve({ logId, response });
  else response.settle((settled) => resolve({ logId, response: settled }), reject);
}
