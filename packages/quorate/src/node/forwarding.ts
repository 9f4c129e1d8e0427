import type { ForwardRequest, ForwardResponse } from '../core/message.ts';
import type { NodeId } from '../core/types.ts';
import { UnsupportedError } from '../errors.ts';
import type { Timer } from '../platform/runtime.ts';
import { mark } from '../platform/sites.ts';
import type { FarHost } from './far-host.ts';
import { readRefusal } from './far-refusal.ts';
import type { PendingWrite, WriteResult } from './writes.ts';

export interface ForwardingHost extends Omit<FarHost, 'readIndex'> {
  /** This node leads now, so the write is its own. */
  readonly takeBack: (write: PendingWrite) => void;
  readonly answer: (write: PendingWrite, result: WriteResult<unknown>) => void;
  readonly reject: (write: PendingWrite, reason: unknown) => void;
}

interface Passed {
  readonly write: PendingWrite;
  /** From then on a refusal is told to the writer. */
  readonly until: number;
  /** The last refusal. */
  refusal: Error | undefined;
  /** The node that was asked by the word of another one, since the last rest. */
  hint: NodeId | undefined;
}

/**
 * The writes that this node passes on to the leader. What was certainly not logged is tried again,
 * with the leader that is known then, for two of the longest election timeouts; what may have been
 * is never sent twice. Bounded with all writes of this node.
 */
export class Forwarding {
  readonly #host: ForwardingHost;
  readonly #asked = new Set<Passed>();
  #resting: Passed[] = [];
  #timer: Timer | undefined = undefined;

  constructor(host: ForwardingHost) {
    this.#host = host;
  }

  /** Takes a write that has its place; ends in `answer`, `reject` or `takeBack`. */
  pass(write: PendingWrite): void {
    const { config, runtime } = this.#host;
    const until = runtime.now() + 2 * config.electionTimeoutMs.max;
    this.#try({ write, until, refusal: undefined, hint: undefined });
  }

  /** Another node leads, or this one: what waits for a leader is tried again. */
  leaderChanged(): void {
    const resting = this.#resting;
    this.#resting = [];
    for (const passed of resting) this.#try(passed);
    if (this.#resting.length === 0) this.#stopTimer();
  }

  /** Rejects what waits for a leader, and what was sent to one and may have been applied. */
  stop(reason: (maybeApplied: boolean) => unknown): void {
    this.#stopTimer();
    const resting = this.#resting;
    const asked = [...this.#asked];
    this.#resting = [];
    this.#asked.clear();
    for (const { write } of resting) this.#host.reject(write, reason(false));
    for (const { write } of asked) this.#host.reject(write, reason(true));
  }

  #try(passed: Passed): void {
    const { leads, leader, takeBack, hasCluster, reject, noLeader } = this.#host;
    passed.hint = undefined;
    if (leads()) {
      takeBack(passed.write);
      return;
    }
    const to = leader();
    if (to !== undefined) this.#ask(passed, to);
    else if (hasCluster()) this.#rest(passed);
    else reject(passed.write, noLeader());
  }

  #ask(passed: Passed, to: NodeId): void {
    this.#asked.add(passed);
    this.#call(passed.write, to).then(
      (response) => {
        if (this.#asked.delete(passed)) this.#onAnswer(passed.write, response);
      },
      (reason: unknown) => {
        if (this.#asked.delete(passed)) this.#onRefusal(passed, to, reason);
      },
    );
  }

  /** The leader answers once the command is applied, or once it knows that it leads no more. */
  #call(write: PendingWrite, to: NodeId): Promise<ForwardResponse> {
    const { electionTimeoutMs, callTimeoutMs } = this.#host.config;
    const kibibytes = write.data.bytes.length / 1024;
    const timeoutMs = 2 * electionTimeoutMs.max + callTimeoutMs + kibibytes;
    return this.#host.forward(to, requestOf(write), timeoutMs);
  }

  #onAnswer(write: PendingWrite, { logId, response }: ForwardResponse): void {
    const { answer, reject, decode } = this.#host;
    let decoded: unknown;
    try {
      decoded = decode(response);
    } catch (cause) {
      const message = `The command took effect as entry ${logId.index} of term ${logId.term}, but its response cannot be read here. Give every node the same responseCodec.`;
      reject(write, new UnsupportedError(message, { cause, maybeApplied: true }));
      return;
    }
    answer(write, { logId, response: decoded });
  }

  #onRefusal(passed: Passed, from: NodeId, reason: unknown): void {
    const { runtime, reject } = this.#host;
    const { error, mayRepeat, leader } = readRefusal(reason, from);
    if (!mayRepeat || runtime.now() >= passed.until) {
      reject(passed.write, error);
      return;
    }
    passed.refusal = error;
    if (leader === undefined || leader === from || passed.hint !== undefined) {
      this.#rest(passed);
      return;
    }
    // It may know of an election that this node has not heard of; one step, so that two nodes that
    // name each other are not asked in turn without end.
    mark('forwarding.followedHint');
    passed.hint = leader;
    this.#ask(passed, leader);
  }

  /** Until a leader is known, or for a heartbeat: then a leader that is known is asked again. */
  #rest(passed: Passed): void {
    this.#resting.push(passed);
    const { runtime, config } = this.#host;
    this.#timer ??= runtime.setTimer(() => this.#ring(), config.heartbeatMs);
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#host.runtime.now();
    const resting = this.#resting;
    this.#resting = [];
    for (const passed of resting) {
      const { write, until, refusal } = passed;
      if (now < until) this.#try(passed);
      else this.#host.reject(write, refusal ?? this.#host.noLeader());
    }
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function requestOf({ data, repeated, entry }: PendingWrite): ForwardRequest {
  const { bytes, raw, session } = data;
  return {
    command: bytes,
    ...(raw === undefined ? {} : { raw }),
    ...(session === undefined ? {} : { session }),
    ...(repeated === undefined ? {} : { repeated }),
    ...(entry === undefined ? {} : { entry }),
  };
}
