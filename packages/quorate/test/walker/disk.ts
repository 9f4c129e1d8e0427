import type { Action } from '../../src/core/action.ts';
import type { Entry, Vote } from '../../src/core/types.ts';
import type { Random } from './random.ts';
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
  crash(random: Random): boolean {
    const count = this.pending.length;
    const style = random.below(5);
    this.complete(style === 0 ? count : style <= 2 ? 0 : random.below(count + 1));
    const torn = this.pending[0];
    this.pending.length = 0;
    if (torn === undefined || torn.type === 'purge' || random.chance(0.3)) return false;
    this.#writeVote(torn);
    if (random.chance(0.3)) return true;
    this.#truncate(torn);
    const entries = torn.append ?? [];
    for (const entry of entries.slice(0, random.below(entries.length + 1))) this.log.push(entry);
    return true;
  }

  /**
   * Comes back with less than was on it: empty, or without the end of its log, its vote or its
   * term, as an old copy would be. Nothing is under way.
   */
  lose(random: Random): void {
    const kind = random.below(4);
    if (kind === 0) {
      this.vote = { term: 0, votedFor: undefined };
      this.log.length = 1;
      this.purged = 0;
      this.snapshot = undefined;
      this.received = { id: '', size: 0 };
      this.applied = 0;
      return;
    }
    const kept = Math.min(this.snapshotIndex, this.log.length - 1);
    if (kind !== 2) this.log.length = kept + 1 + random.below(this.log.length - kept);
    this.applied = Math.min(this.applied, Math.max(this.snapshotIndex, this.log.length - 1));
    if (kind === 1) return;
    const { term: inLog } = (this.log.at(-1) ?? rootEntry).logId;
    const lowest = Math.max(inLog, this.snapshot?.entry.logId.term ?? 0);
    const term = lowest + random.below(this.vote.term - lowest + 1);
    this.vote = { term, votedFor: undefined };
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
