import type { ReadIndexResponse } from '../core/message.ts';
import type { NodeId } from '../core/types.ts';
import type { Timer } from '../platform/runtime.ts';
import { mark } from '../platform/sites.ts';
import { codeOf } from './error-codes.ts';
import type { FarHost } from './far-host.ts';
import { readRefusal } from './far-refusal.ts';
import type { Reader, ReadMode } from './reads.ts';

export interface FollowerReadsHost extends Omit<FarHost, 'forward' | 'decode'> {
  /** This node leads now, so the reads are its own. */
  readonly takeBack: (readers: readonly Reader[], mode: ReadMode) => void;
  readonly answer: (readers: readonly Reader[], response: ReadIndexResponse) => void;
  readonly reject: (readers: readonly Reader[], reason: unknown) => void;
}

/** The readers of one turn. */
interface Turn {
  readonly readers: readonly Reader[];
  /** From then on a failure is told to them. */
  readonly until: number;
}

interface Asked {
  readonly to: NodeId;
  readonly turns: readonly Turn[];
}

/** The reads of a node that does not lead, of both modes. */
export class FollowerReads {
  readonly #byMode: Readonly<Record<ReadMode, ModeReads>>;

  constructor(host: FollowerReadsHost) {
    this.#byMode = { quorum: new ModeReads(host, 'quorum'), lease: new ModeReads(host, 'lease') };
  }

  /** Takes the readers of a turn; they end in `answer`, `reject` or `takeBack`. */
  add(readers: readonly Reader[], mode: ReadMode): void {
    this.#byMode[mode].add(readers);
  }

  /** Another node leads, or this one. */
  leaderChanged(): void {
    for (const reads of Object.values(this.#byMode)) reads.leaderChanged();
  }

  stop(reason: unknown): void {
    for (const reads of Object.values(this.#byMode)) reads.stop(reason);
  }
}

/**
 * One question at a time to the leader, for all that wait when it is sent. Who comes while it is
 * under way waits for the next one: an answer may be older than a read that began after the
 * question was sent. Readers for whom no leader is found reject after the longest election timeout.
 */
class ModeReads {
  readonly #host: FollowerReadsHost;
  readonly #mode: ReadMode;
  #waiting: Turn[] = [];
  #asked: Asked | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #failure: Error | undefined = undefined;

  constructor(host: FollowerReadsHost, mode: ReadMode) {
    this.#host = host;
    this.#mode = mode;
  }

  add(readers: readonly Reader[]): void {
    const { runtime, config } = this.#host;
    this.#waiting.push({ readers, until: runtime.now() + config.electionTimeoutMs.max });
    // While a timer runs, the leader has just refused, or is not known.
    if (this.#timer === undefined) this.#next();
  }

  /** What the former leader was asked is asked again, since it may never answer. */
  leaderChanged(): void {
    if (this.#asked !== undefined && this.#asked.to !== this.#host.leader()) {
      mark('followerReads.askedAgain');
      this.#waiting = [...this.#asked.turns, ...this.#waiting];
      this.#asked = undefined;
    }
    this.#stopTimer();
    this.#failure = undefined;
    this.#next();
  }

  stop(reason: unknown): void {
    this.#stopTimer();
    const turns = [...(this.#asked?.turns ?? []), ...this.#waiting];
    this.#asked = undefined;
    this.#waiting = [];
    for (const { readers } of turns) this.#host.reject(readers, reason);
  }

  #next(): void {
    if (this.#asked !== undefined || this.#waiting.length === 0) return;
    const { leads, leader, takeBack, hasCluster, reject, noLeader } = this.#host;
    if (leads()) {
      takeBack(this.#takeWaiting(), this.#mode);
      return;
    }
    const to = leader();
    if (to !== undefined) this.#ask(to);
    else if (hasCluster()) this.#rest();
    else reject(this.#takeWaiting(), noLeader());
  }

  #ask(to: NodeId): void {
    const { readIndex, answer, config } = this.#host;
    const asked = { to, turns: this.#waiting };
    this.#asked = asked;
    this.#waiting = [];
    readIndex(to, { mode: this.#mode }, config.electionTimeoutMs.max).then(
      (response) => {
        if (this.#asked !== asked) return;
        this.#asked = undefined;
        this.#failure = undefined;
        answer(readersOf(asked.turns), response);
        this.#next();
      },
      (reason: unknown) => {
        if (this.#asked !== asked) return;
        this.#asked = undefined;
        this.#onFailure(asked, reason);
      },
    );
  }

  /** A read changes nothing, so it may be asked again, whatever became of the question. */
  #onFailure({ to, turns }: Asked, reason: unknown): void {
    const { error } = readRefusal(reason, to);
    if (codeOf(error) === 'RAFT_OVERLOADED') {
      // Who asks again at once would only add to it.
      this.#host.reject(readersOf(turns), error);
      this.#next();
      return;
    }
    this.#failure = error;
    this.#waiting = [...turns, ...this.#waiting];
    this.#rest();
  }

  /** Until a leader is known, or for a heartbeat: then a leader that is known is asked again. */
  #rest(): void {
    this.#rejectLate();
    if (this.#waiting.length === 0) return;
    const { runtime, config } = this.#host;
    this.#timer ??= runtime.setTimer(() => {
      this.#timer = undefined;
      this.#rejectLate();
      this.#next();
    }, config.heartbeatMs);
  }

  #rejectLate(): void {
    const { runtime, reject, noLeader } = this.#host;
    const now = runtime.now();
    const late = this.#waiting.filter(({ until }) => until <= now);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ until }) => until > now);
    reject(readersOf(late), this.#failure ?? noLeader());
  }

  #takeWaiting(): readonly Reader[] {
    const turns = this.#waiting;
    this.#waiting = [];
    return readersOf(turns);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function readersOf(turns: readonly Turn[]): readonly Reader[] {
  return turns.flatMap(({ readers }) => readers);
}
