import type { RaftConfig, Session } from 'quorate';
import { KvError } from '../../errors.ts';
import { pause } from '../../pause.ts';
import { errorOf } from '../../protocol/failures.ts';
import { type MemberHost, messageOf } from './node.ts';

/** A write that may be in a log is sent again for so long, if its caller waits as long. */
const repeatForMs = 30_000;
const firstPauseMs = 20;
const longestPauseMs = 300;
/** After a session was lost the next one is opened no sooner, so that sessions do not fight. */
const restMs = 1000;
/** What the library has for these. */
const defaultWindow = 1024;
const defaultSessionBytes = 64 * 1024 * 1024;
/** Answers of one session are kept until they are this part of what all sessions may have. */
const partOfBytes = 16;
/** What a kept answer counts for beside its bytes. */
const answerBytes = 64;
/** Sessions that were replaced and have writes under way; with so many there is no other one. */
const maxLeaving = 8;

/** A failure after which the same number can be sent again, as long as this node runs. */
const repeatable: ReadonlySet<string> = new Set([
  'KV_MAYBE',
  'KV_NO_LEADER',
  'KV_OVERLOADED',
  'KV_STOPPING',
  'KV_UNHEALTHY',
]);

/** A session that is open, and the numbers of it that are under way. */
interface Numbers {
  readonly session: Session<Uint8Array, Uint8Array>;
  /** In their order. */
  readonly underWay: Set<number>;
  last: number;
  /** Of the answers that it was given. */
  bytes: number;
  isLeaving: boolean;
}

export type OwnSessionConfig = Partial<Pick<RaftConfig, 'sessionWindow' | 'maxSessionBytes'>>;

/**
 * Numbers for the writes of clients that bring none, so that this member can repeat them. What a
 * leader has in hand when it loses the leadership may be in the log of the next one or not; sent
 * again with its number it takes effect once, and its answer says so.
 *
 * While no session is open, which is so before the first of these writes and for a moment after a
 * session was lost, writes go without a number, and an open fate is the caller's.
 */
export class OwnSession {
  readonly #host: MemberHost;
  /** Numbers under way at once lie within so many of each other. */
  readonly #span: number;
  readonly #mostBytes: number;
  #current: Numbers | undefined;
  #isOpening = false;
  #opensAt = -Infinity;
  #leaving = 0;
  #underWay = 0;
  #onIdle: (() => void)[] = [];

  constructor(host: MemberHost, config: OwnSessionConfig) {
    const { sessionWindow = defaultWindow, maxSessionBytes = defaultSessionBytes } = config;
    this.#host = host;
    this.#span = Math.max(1, Math.floor(sessionWindow / 2));
    this.#mostBytes = Math.floor(maxSessionBytes / partOfBytes);
  }

  /**
   * Replicates a command and resolves to its results.
   *
   * @throws {KvError} what it failed with; `KV_MAYBE` if it is not known what became of it.
   */
  async write(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const numbers = this.#current;
    this.#underWay += 1;
    try {
      const sequence = numbers === undefined ? undefined : this.#take(numbers);
      if (numbers === undefined || sequence === undefined) {
        this.#renew();
        return await this.#plain(command, signal);
      }
      try {
        return await this.#repeat(command, { numbers, sequence, signal });
      } finally {
        this.#done(numbers, sequence);
      }
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const told of this.#onIdle.splice(0)) told();
    }
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #plain(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return (await this.#host.raft.write(command, { signal })).response;
    } catch (error) {
      throw errorOf(error);
    }
  }

  async #repeat(
    command: Uint8Array,
    {
      numbers,
      sequence,
      signal,
    }: { readonly numbers: Numbers; readonly sequence: number; readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    const { raft, runtime } = this.#host;
    const session = { id: numbers.session.id, sequence };
    const until = runtime.now() + repeatForMs;
    let isUnsure = false;
    let pauseMs = firstPauseMs;
    for (;;) {
      try {
        const { response } = await raft.write(command, { signal, session });
        numbers.bytes += response.byteLength + answerBytes;
        return response;
      } catch (error) {
        const failure = errorOf(error);
        if (signal.aborted) throw failure;
        isUnsure ||= failure.maybeApplied;
        if (failure.code === 'KV_SESSION_EXPIRED') {
          this.#lose(numbers);
          // It took no effect, and neither did a try before it: it is as if it had no number.
          if (!isUnsure) return this.#plain(command, signal);
        }
        if (!isUnsure) throw failure;
        const isOver = runtime.now() >= until || !raft.metrics.isRunning;
        if (isOver || !repeatable.has(failure.code)) throw unsure(failure);
      }
      await pause(runtime, pauseMs * (0.5 + runtime.random() / 2), signal);
      if (signal.aborted) throw errorOf(signal.reason);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  }

  /** The next number; none if too many are under way, or the session had its part of answers. */
  #take(numbers: Numbers): number | undefined {
    if (numbers.bytes >= this.#mostBytes) this.#renew();
    const { underWay, last } = numbers;
    const [lowest = last + 1] = underWay;
    if (last + 1 >= lowest + this.#span) return undefined;
    numbers.last += 1;
    underWay.add(numbers.last);
    return numbers.last;
  }

  #done(numbers: Numbers, sequence: number): void {
    numbers.underWay.delete(sequence);
    if (numbers.isLeaving && numbers.underWay.size === 0) void this.#close(numbers);
  }

  /** Opens another session, which takes the place of the one that there is. */
  #renew(): void {
    const { raft, runtime, logger, signal } = this.#host;
    if (this.#isOpening || this.#leaving >= maxLeaving || runtime.now() < this.#opensAt) return;
    this.#isOpening = true;
    raft.openSession({ signal }).then(
      (session) => {
        this.#isOpening = false;
        this.#replace({ session, underWay: new Set(), last: 0, bytes: 0, isLeaving: false });
      },
      (error: unknown) => {
        this.#isOpening = false;
        if (signal.aborted) return;
        this.#opensAt = runtime.now() + restMs;
        logger.debug({ error: messageOf(error) }, 'could not open a session of its own');
      },
    );
  }

  #replace(numbers: Numbers): void {
    const before = this.#current;
    this.#current = numbers;
    if (before === undefined) return;
    before.isLeaving = true;
    this.#leaving += 1;
    if (before.underWay.size === 0) void this.#close(before);
  }

  async #close({ session }: Numbers): Promise<void> {
    try {
      await session.close();
    } catch (error) {
      // It expires by itself.
      this.#host.logger.debug({ error: messageOf(error) }, 'could not close a session of its own');
    } finally {
      this.#leaving -= 1;
    }
  }

  /** Others were used after it, and took its room. */
  #lose(numbers: Numbers): void {
    if (this.#current !== numbers) return;
    this.#current = undefined;
    this.#opensAt = this.#host.runtime.now() + restMs;
  }
}

function unsure(failure: KvError): KvError {
  if (failure.code === 'KV_MAYBE') return failure;
  const message = `An earlier try of this write may have taken effect. Then: ${failure.message}`;
  return new KvError('KV_MAYBE', message, { cause: failure });
}
