import type { CallId } from './event.ts';
import type { LogIndex } from './types.ts';

/** A call that has not been answered. */
export interface OpenCall {
  readonly progress: Progress;
  /** A heartbeat carries no entries, takes no place in the window and may overtake. */
  readonly kind: 'append' | 'heartbeat' | 'snapshot';
  /**
   * `progress.epoch` when the call was made: after a step back it says nothing about the window.
   */
  readonly epoch: number;
  /** Where its entries begin; for a snapshot, where it ends at least. */
  readonly previousIndex: LogIndex;
  readonly sentAt: number;
}

/**
 * What the leader knows about one other node.
 *
 * `probe`: where the logs agree is not known yet; one call at a time tries `nextIndex`.
 * `replicate`: they agree up to `matchIndex`; calls follow one another without waiting.
 * `snapshot`: what it needs next is purged, so it gets the newest snapshot, and no entries until it
 * has all that is purged.
 */
export class Progress {
  readonly id: string;
  state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  /** The last entry known to be on the follower's disk. Never decreases within a term. */
  matchIndex: LogIndex = 0;
  /** The next entry to send. Always above `matchIndex`, at most one above the last entry. */
  nextIndex: LogIndex;
  /** Calls of this epoch in the window, at most `maxInflightAppends`. */
  inflight = 0;
  /** The call whose `sent` is awaited: until then it is not known where the next one begins. */
  sending: CallId | undefined = undefined;
  /** The snapshot call on the books; there is never a second. */
  snapshotCall: CallId | undefined = undefined;
  /** How much of a snapshot it last said to have, in bytes; less than none before it has spoken. */
  snapshotStored = -1;
  /** Set when a call stays unanswered; entries wait until any answer comes. Heartbeats go on. */
  paused = false;
  /** Grows whenever the window is given up, so that answers from before do not count in it. */
  epoch = 0;
  heartbeatsInflight = 0;
  heartbeatAt: number;
  /** How far the follower can commit by what it was told. */
  committedSent: LogIndex = 0;
  /** When the newest answered call was *sent*: it may be counted on since then, not since later. */
  contactAt: number;
  /** When the follower last answered in this term. */
  lastAckAt: number | undefined = undefined;
  /** The newest call that was answered in this term. */
  answeredCall: CallId = 0;

  constructor(id: string, nextIndex: LogIndex, now: number) {
    this.id = id;
    this.nextIndex = nextIndex;
    this.heartbeatAt = now;
    this.contactAt = now;
  }

  /** Gives up the window and looks for the place to go on from, beginning with `nextIndex`. */
  probeFrom(nextIndex: LogIndex): void {
    this.state = 'probe';
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1);
    this.inflight = 0;
    this.sending = undefined;
    this.epoch += 1;
  }

  /** It cannot go on with entries. No call of the window is under way. */
  needSnapshot(): void {
    if (this.state === 'snapshot') return;
    this.probeFrom(this.matchIndex + 1);
    this.state = 'snapshot';
    this.snapshotStored = -1;
  }

  /** The logs are known to agree up to the match index: from there on, calls need not wait. */
  replicateOn(): void {
    this.state = 'replicate';
    this.nextIndex = this.matchIndex + 1;
  }

  /** Takes note that everything up to `matchIndex` is on the follower's disk. */
  accept(matchIndex: LogIndex): void {
    this.matchIndex = Math.max(this.matchIndex, matchIndex);
    this.nextIndex = Math.max(this.nextIndex, this.matchIndex + 1);
  }
}
