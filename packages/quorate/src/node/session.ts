import type { CommandData, LogIndex } from '../core/types.ts';
import { SessionExpiredError } from '../errors.ts';
import type { SessionWrite } from './call-options.ts';
import { checkCount } from './check-arguments.ts';
import { codeOf } from './error-codes.ts';
import { encodeSessionEntry } from './session-entries.ts';
import type { Sessions } from './sessions.ts';
import { withSignal } from './signal.ts';
import type { WriteResult } from './writes.ts';

interface Waiting {
  /** Hands over the number of the write. */
  readonly begin: (sequence: number) => void;
  readonly reject: (reason: unknown) => void;
}

/** Opens a session; a try whose answer was lost leaves one that nobody uses, and that expires. */
export async function openSession<Command, Response>(
  sessions: Sessions,
  signal: AbortSignal | undefined,
): Promise<Session<Command, Response>> {
  const { maxSessions, maxSessionBytes, sessionWindow: window } = sessions.host.config;
  const entry = { type: 'open', bounds: { maxSessions, maxSessionBytes, window } } as const;
  const data = { bytes: encodeSessionEntry(entry), value: undefined };
  const { logId } = await sessions.send({ data, entry: 'session' }, { signal });
  return new Session<Command, Response>(sessions, { id: logId.index, window });
}

/** The command as a write of that session. @throws {RangeError} if its numbers are none. */
export function inSession(data: CommandData, { id, sequence }: SessionWrite): CommandData {
  checkCount('The id of a session', id);
  checkCount('The number of a write of a session', sequence);
  return { ...data, session: { id, sequence } };
}

/** Ends a session whose writes are numbered elsewhere. Tried as `Session.close` does. */
export async function closeSession(
  sessions: Sessions,
  id: LogIndex,
  signal: AbortSignal | undefined,
): Promise<void> {
  const data = { bytes: encodeSessionEntry({ type: 'close', id }), value: undefined };
  const patienceMs = 2 * sessions.host.config.electionTimeoutMs.max;
  await sessions.send({ data, entry: 'session' }, { signal, patienceMs });
}

/**
 * A client that the cluster remembers (thesis section 6.3): each of its writes takes effect exactly
 * once, although it is sent again until its fate is known.
 *
 * A session lives until it is closed, or until `maxSessions` others were used after it. Writes that
 * are under way at the same time may take effect in any order; await one to have it before another.
 */
export class Session<Command, Response> implements AsyncDisposable {
  /** Names the session in the whole cluster: the index of the entry that opened it. */
  readonly id: LogIndex;
  readonly #sessions: Sessions;
  /** Numbers under way at once lie within so many of each other. */
  readonly #span: number;
  /** In the order of their numbers. */
  readonly #underWay = new Set<number>();
  readonly #waiting = new Set<Waiting>();
  #last = 0;
  /** Why nothing can be written any more. */
  #over: string | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;
  #afterLast: (() => void) | undefined = undefined;

  /** Sessions are opened by `Raft.openSession`. */
  constructor(sessions: Sessions, { id, window }: { id: LogIndex; window: number }) {
    this.id = id;
    this.#sessions = sessions;
    this.#span = Math.max(1, Math.floor(window / 2));
  }

  /**
   * Replicates a command that takes effect once. It is sent again with the same number when a
   * leader is lost, cannot be reached or is overloaded, until there is an answer, the signal
   * aborts, or the node stops; a repetition gets the first response again. The command is encoded
   * before the call returns. At most half of `sessionWindow` writes are under way, and the next
   * ones wait.
   *
   * The response is what the response codec makes of the state machine's, also at the first try;
   * `logId` is the entry by which the answer came, which may be a later one than took effect.
   *
   * @throws {SessionExpiredError} if the session is over, for this and for all later writes.
   * @throws {OverloadedError} if too much is waiting on this node already; nothing was sent.
   * @throws {TypeError | RangeError} if the command does not survive the codec, or is too large.
   * @throws what the state machine's `validate` threw, at the first try.
   */
  async write(
    command: Command,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<WriteResult<Response>> {
    signal?.throwIfAborted();
    this.#sessions.host.demandRunning();
    this.#demandOpen();
    const data = this.#sessions.host.encode(command);
    this.#sessions.reserve(data);
    try {
      const sequence = await this.#number(signal);
      // The state machine's responses are of this type, as those of `Raft.write` are.
      return (await this.#send(data, { sequence, signal })) as WriteResult<Response>;
    } finally {
      this.#sessions.release(data);
    }
  }

  /**
   * Ends the session once its writes under way have ended, and frees what the cluster keeps for
   * it; writes that still wait for their turn are refused and were not sent.
   * It is tried for two of the longest election timeouts; a session that is not closed expires by
   * itself. Resolves as well if the session is over already, or this node stops.
   *
   * @throws what the last try to close it failed with.
   */
  close({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#closed ??= this.#close();
    return withSignal(this.#closed, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    if (this.#over !== undefined) return;
    this.#end(`Session ${this.id} was closed. Open another one.`);
    if (this.#underWay.size > 0) {
      await new Promise<void>((resolve) => {
        this.#afterLast = resolve;
      });
    }
    try {
      await closeSession(this.#sessions, this.id, undefined);
    } catch (error) {
      if (isRunning(this.#sessions)) throw error;
    }
  }

  /** The numbers are given in the order of the calls, each when its turn comes. */
  #number(signal: AbortSignal | undefined): number | Promise<number> {
    if (this.#waiting.size === 0 && this.#hasRoom) return this.#next();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let given: number | undefined;
    const begin = (sequence: number): void => {
      given = sequence;
      resolve(sequence);
    };
    const waiting: Waiting = { begin, reject };
    this.#waiting.add(waiting);
    return withSignal(promise, signal, () => {
      this.#waiting.delete(waiting);
      // It may have been given just before, and nobody is there to send it.
      if (given !== undefined) this.#done(given);
    });
  }

  async #send(
    data: CommandData,
    { sequence, signal }: { sequence: number; signal: AbortSignal | undefined },
  ): Promise<WriteResult<unknown>> {
    try {
      const session = { id: this.id, sequence };
      return await this.#sessions.send({ data: { ...data, session } }, { signal });
    } catch (error) {
      if (codeOf(error) === 'RAFT_SESSION_EXPIRED') {
        this.#end(`Session ${this.id} is over. Open another one.`);
      }
      throw error;
    } finally {
      this.#done(sequence);
    }
  }

  get #hasRoom(): boolean {
    const [lowest = this.#last + 1] = this.#underWay;
    return this.#last + 1 < lowest + this.#span;
  }

  #next(): number {
    this.#last += 1;
    this.#underWay.add(this.#last);
    return this.#last;
  }

  #done(sequence: number): void {
    this.#underWay.delete(sequence);
    for (const waiting of this.#waiting) {
      if (!this.#hasRoom) break;
      this.#waiting.delete(waiting);
      waiting.begin(this.#next());
    }
    if (this.#underWay.size === 0) this.#afterLast?.();
  }

  #end(message: string): void {
    this.#over ??= message;
    for (const { reject } of this.#waiting) reject(new SessionExpiredError(message));
    this.#waiting.clear();
  }

  #demandOpen(): void {
    if (this.#over !== undefined) throw new SessionExpiredError(this.#over);
  }
}

function isRunning({ host }: Sessions): boolean {
  try {
    host.demandRunning();
    return true;
  } catch {
    return false;
  }
}
