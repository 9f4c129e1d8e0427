import type { RaftMetrics } from 'quorate';
import { pause } from '../../pause.ts';
import { errorOf } from '../../protocol/failures.ts';
import { type MemberHost, messageOf } from './node.ts';

/** Who is told of what happens to the node. */
export interface LeadershipListener {
  /** This member leads from now on, in a term that it did not lead in before. */
  lead(): void;
  follow(): void;
  /** A picture of the node, now and then. */
  looked(picture: RaftMetrics): void;
  /** The node has ended: closed by its owner, or by itself. */
  ended(last: RaftMetrics): void;
}

/** How often the node is looked at, at most. A picture of it is too dear to draw at each step. */
const lookEveryMs = 50;
/** Entries that are committed and not applied; with more, the state is not called up to date. */
const maxBehind = 1000;

/**
 * Whether this member leads, as it told its other parts. They hear of a new leadership a moment
 * late, which makes leases longer and never shorter; where a decision rests on it, `look` first.
 */
export class Leadership {
  readonly #host: MemberHost;
  readonly #listener: LeadershipListener;
  #picture: RaftMetrics;
  /** The term in which this member leads, as was told. */
  #ledTerm: number | undefined;
  /** In this leadership, of whomever, the state was found to be up to date once. */
  #caughtUpWith: string | undefined;
  #isChecking = false;

  constructor(host: MemberHost, listener: LeadershipListener) {
    this.#host = host;
    this.#listener = listener;
    this.#picture = host.raft.metrics;
  }

  /** As it was a moment ago. */
  get picture(): RaftMetrics {
    return this.#picture;
  }

  /** Looks at the node now. Returns whether it leads. */
  look(): boolean {
    const picture = this.#host.raft.metrics;
    this.#see(picture);
    return this.#ledTerm !== undefined;
  }

  get leads(): boolean {
    return this.#ledTerm !== undefined;
  }

  /** A leader is known, and the state is as new as a read of this leadership has found it. */
  get isCaughtUp(): boolean {
    const { committed, applied, leader, isRunning } = this.#picture;
    if (!isRunning || leader === undefined) return false;
    if (committed.index - applied.index > maxBehind) return false;
    return this.#caughtUpWith === leadershipOf(this.#picture);
  }

  /** Looks again and again until the node ends. Never rejects. */
  async run(): Promise<void> {
    const { raft, runtime, signal, logger } = this.#host;
    try {
      for await (const picture of raft.watch({ signal })) {
        this.#see(picture);
        if (!picture.isRunning) break;
        await pause(runtime, lookEveryMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) logger.error({ error: messageOf(error) }, 'stopped looking at the node');
    }
    this.#see(raft.metrics);
    if (!raft.metrics.isRunning) this.#listener.ended(raft.metrics);
  }

  #see(picture: RaftMetrics): void {
    this.#picture = picture;
    const term = picture.role === 'leader' && picture.isRunning ? picture.term : undefined;
    if (term !== this.#ledTerm) {
      // It may have led, lost that and won it again since the last look: others led in between.
      if (this.#ledTerm !== undefined) this.#listener.follow();
      this.#ledTerm = term;
      if (term !== undefined) this.#listener.lead();
    }
    this.#listener.looked(picture);
    if (!this.#isChecking) void this.#catchUp();
  }

  /**
   * Finds out whether the state has come to where the leader's was. After a failure it tries again,
   * as long as there is a leader: no other picture of the node may come for long.
   */
  async #catchUp(): Promise<void> {
    const { raft, runtime, signal, logger } = this.#host;
    this.#isChecking = true;
    try {
      for (;;) {
        const leadership = leadershipOf(this.#picture);
        const isOver = signal.aborted || !this.#picture.isRunning;
        if (isOver || leadership === undefined || leadership === this.#caughtUpWith) return;
        try {
          await raft.readBarrier({ signal });
          this.#caughtUpWith = leadership;
        } catch (error) {
          if (signal.aborted) return;
          logger.debug({ error: errorOf(error).message }, 'is not up to date yet');
          await pause(runtime, lookEveryMs, signal);
          this.#see(raft.metrics);
        }
      }
    } finally {
      this.#isChecking = false;
    }
  }
}

function leadershipOf({ term, leader }: RaftMetrics): string | undefined {
  return leader === undefined ? undefined : `${term} ${leader}`;
}
