import type { Action } from '../../src/core/action.ts';
import type { Entry, Vote } from '../../src/core/types.ts';
import type { Fate, Loss } from './fate.ts';
import type { SavedSnapshot } from './saved-snapshot.ts';
import { demand } from './violation.ts';

export type Write = Extract<Action, { type: 'persist' }>;

/** The removal of the start of the log, up to `entry`. */
export interface Purge {
  readonly type: 'purge';
  readonly entry: Entry;
  /** What a snapshot put in the place of a log without `entry`. */
  readonly instead: readonly Entry[];
}

/** Stands before the first entry of every log, so that an entry's index is its place. */
export const rootEntry: Entry = { logId: { term: 0, index: 0 }, payload: { type: 'blank' } };

/** What a node would find after a power failure, and the writes that are on their way there. */
export class Disk {
  vote: Vote = { term: 0, votedFor: undefined };
  /** With what is purged, though no core may touch that any more: a log then compares as before. */
  readonly log: Entry[] = [rootEntry];
  /** Up to here the log is gone. */
  purged = 0;
  snapshot: SavedSnapshot | undefined = undefined;
  /** How much of which snapshot was received so far. */
  received: { readonly id: string; readonly size: number } = { id: '', size: 0 };
  readonly pending: (Write | Purge)[] = [];
  /** How far a state machine that is durable has come; at most what is in the log. */
  applied = 0;

  get snapshotIndex(): number {
    return this.snapshot === undefined ? 0 : this.snapshot.entry.logId.index;
  }

  /** Makes it the newest; one that is older than the newest is dropped. */
  save(snapshot: SavedSnapshot): void {
    if (snapshot.entry.logId.index > this.snapshotIndex) this.snapshot = snapshot;
  }

  /** Completes the oldest `count` writes. Returns the number of the last, or 0 if none has one. */
  complete(count: number): number {
    let write = 0;
    for (const done of this.pending.splice(0, count)) {
      if (done.type === 'purge') {
        this.purge(done);
        continue;
      }
      this.#writeVote(done);
      this.#truncate(done);
      for (const entry of done.append ?? []) this.log.push(entry);
      write = done.write;
    }
    return write;
  }

  /**
   * The power fails. Some of the oldest writes are complete though nobody was told; of the next one
   * some parts are there, in the order vote, truncate, append, and of the entries a prefix.
   * Returns `true` if a write was torn.
   */
  crash({ done, torn: parts, entries }: Fate): boolean {
    this.complete(done);
    const torn = this.pending[0];
    this.pending.length = 0;
    if (torn === undefined || torn.type === 'purge' || parts === 'nothing') return false;
    this.#writeVote(torn);
    if (parts === 'vote') return true;
    this.#truncate(torn);
    for (const entry of torn.append?.slice(0, entries) ?? []) this.log.push(entry);
    return true;
  }

  /**
   * Comes back with less than was on it: empty, or without the end of its log, its vote or its
   * term, as an old copy would be. Nothing is under way.
   */
  lose(loss: Loss): void {
    if (loss.type === 'all') {
      this.vote = { term: 0, votedFor: undefined };
      this.log.length = 1;
      this.purged = 0;
      this.snapshot = undefined;
      this.received = { id: '', size: 0 };
      this.applied = 0;
      return;
    }
    this.log.length = Math.min(this.log.length, loss.logLength);
    this.applied = Math.min(this.applied, Math.max(this.snapshotIndex, this.log.length - 1));
    if (loss.term !== undefined) this.vote = { term: loss.term, votedFor: undefined };
  }

  /** A log that lacks the entry begins anew after it. */
  purge({ entry, instead }: Omit<Purge, 'type'>): void {
    const { index } = entry.logId;
    demand(
      index > this.purged && index <= this.snapshotIndex,
      'S19',
      () => `a log purged to ${this.purged} goes up to ${index}, snapshot ${this.snapshotIndex}`,
    );
    this.purged = index;
    if (this.log[index] !== entry) this.log.splice(0, this.log.length, ...instead);
    demand(this.log[index] === entry, 'S19', () => `entry ${index} is not where the log begins`);
  }

  #writeVote({ vote }: Write): void {
    if (vote === undefined) return;
    demand(
      vote.term >= this.vote.term,
      'S14',
      () => `the durable term fell from ${this.vote.term} to ${vote.term}`,
    );
    this.vote = vote;
  }

  #truncate({ truncate }: Write): void {
    if (truncate !== undefined) this.log.length = Math.min(this.log.length, truncate + 1);
  }
}
