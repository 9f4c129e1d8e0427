import type { CommandData } from '../core/types.ts';
import {
  FatalError,
  OverloadedError,
  type RaftError,
  SessionExpiredError,
  StoppedError,
  UnreachableError,
} from '../errors.ts';
import type { Runtime, Timer } from '../platform/runtime.ts';
import { isRaftError } from './error-codes.ts';
import type { RaftConfig } from './options.ts';
import { withSignal } from './signal.ts';
import type { PendingWrite, WriteResult } from './writes.ts';

export interface SessionsHost {
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly encode: (command: unknown) => CommandData;
  /** @throws {StoppedError | FatalError} if the node takes nothing any more. */
  readonly demandRunning: () => void;
  /** There was no room for a write. */
  readonly turnedAway: (error: OverloadedError) => void;
  /** Takes a write to whoever leads; it is answered or rejected once. May throw as well. */
  readonly write: (write: PendingWrite) => void;
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Once it has been tried for so long, in milliseconds, the next failure is the caller's. */
  readonly patienceMs?: number;
}

/** After these, the same number can be sent again. */
const repeatable: ReadonlySet<string> = new Set([
  'RAFT_NOT_LEADER',
  'RAFT_LEADERSHIP_LOST',
  'RAFT_UNREACHABLE',
  'RAFT_OVERLOADED',
  'RAFT_WRONG_TARGET',
  // Of the node that was asked; this one is looked at by itself.
  'RAFT_STOPPED',
  'RAFT_FATAL',
]);

interface Pause {
  readonly timer: Timer;
  readonly end: () => void;
  readonly fail: (reason: unknown) => void;
}

/**
 * What all sessions of one node have in common: they send what is logged once however often it is
 * sent, and send it until they know. Bounded by the same sizes as plain writes, from the call to
 * the answer.
 */
export class Sessions {
  readonly host: SessionsHost;
  readonly #pauses = new Set<Pause>();
  #count = 0;
  #bytes = 0;

  constructor(host: SessionsHost) {
    this.host = host;
  }

  /**
   * Takes a place for a write until `release`.
   *
   * @throws {OverloadedError} if a bound is reached; nothing was taken.
   */
  reserve({ bytes: { length } }: CommandData): void {
    const { maxPendingWrites, maxPendingBytes } = this.host.config;
    if (this.#count >= maxPendingWrites) {
      this.#turnAway(
        `${this.#count} writes of sessions are waiting already, and maxPendingWrites is ${maxPendingWrites}. Try again later.`,
      );
    }
    if (this.#bytes + length > maxPendingBytes) {
      this.#turnAway(
        `A write of ${length} bytes does not fit: ${this.#bytes} bytes of sessions are waiting already, and maxPendingBytes is ${maxPendingBytes}. Try again later.`,
      );
    }
    this.#count += 1;
    this.#bytes += length;
  }

  release({ bytes: { length } }: CommandData): void {
    this.#count -= 1;
    this.#bytes -= length;
  }

  /**
   * Sends until there is an answer, with pauses that grow up to an election timeout. Rejects with
   * what no repetition can help against; it says `maybeApplied` if any of the tries may have been.
   */
  async send(
    write: Pick<PendingWrite, 'data' | 'entry'>,
    { signal, patienceMs = Infinity }: SendOptions = {},
  ): Promise<WriteResult<unknown>> {
    const { config, runtime } = this.host;
    const until = runtime.now() + patienceMs;
    let isUnsure = false;
    let pauseMs = config.heartbeatMs;
    for (;;) {
      try {
        return await this.#once({ ...write, repeated: isUnsure || undefined }, signal);
      } catch (error) {
        if (signal?.aborted === true) throw error;
        const isOver = runtime.now() >= until || !this.#isRunning;
        if (isOver || !isRaftError(error) || !repeatable.has(error.code)) {
          throw isUnsure ? unsure(error) : error;
        }
        isUnsure ||= error.maybeApplied;
      }
      // Not all at once, when many wait for the same leader.
      await this.#pause(pauseMs * (0.5 + runtime.random() / 2), { signal, isUnsure });
      pauseMs = Math.min(2 * pauseMs, config.electionTimeoutMs.max);
    }
  }

  /** The node stops: nothing is sent again. */
  stop(reason: unknown): void {
    for (const { fail } of [...this.#pauses]) fail(reason);
  }

  #turnAway(message: string): never {
    const error = new OverloadedError(message);
    this.host.turnedAway(error);
    throw error;
  }

  get #isRunning(): boolean {
    try {
      this.host.demandRunning();
      return true;
    } catch {
      return false;
    }
  }

  #once(
    write: Pick<PendingWrite, 'data' | 'entry' | 'repeated'>,
    signal: AbortSignal | undefined,
  ): Promise<WriteResult<unknown>> {
    const written = new Promise<WriteResult<unknown>>((resolve, reject) => {
      signal?.throwIfAborted();
      this.host.demandRunning();
      this.host.write({ ...write, resolve, reject });
    });
    return withSignal(written, signal);
  }

  #pause(
    ms: number,
    { signal, isUnsure }: { signal: AbortSignal | undefined; isUnsure: boolean },
  ): Promise<void> {
    let end: () => void = () => undefined;
    const paused = new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#pauses.delete(pause);
        pause.timer.cancel();
      };
      const pause: Pause = {
        timer: this.host.runtime.setTimer(() => pause.end(), ms),
        end: () => {
          leave();
          resolve();
        },
        fail: (reason) => {
          leave();
          reject(isUnsure ? unsure(reason) : reason);
        },
      };
      this.#pauses.add(pause);
      end = pause.end;
    });
    return withSignal(paused, signal, () => end());
  }
}

/** An error that says nothing of the tries before it, as one that does. */
function unsure(error: unknown): RaftError {
  if (isRaftError(error) && error.maybeApplied) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const message = `An earlier try of this write may have taken effect. Then: ${reason}`;
  const options = { cause: error, maybeApplied: true };
  switch (isRaftError(error) ? error.code : undefined) {
    case 'RAFT_SESSION_EXPIRED':
      return new SessionExpiredError(message, options);
    case 'RAFT_STOPPED':
      return new StoppedError(message, options);
    case 'RAFT_FATAL':
      return new FatalError(message, options);
    default:
      return new UnreachableError(message, options);
  }
}
