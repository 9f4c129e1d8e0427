import type { Remembered } from '../contract/network.ts';
import { isMember } from '../core/membership.ts';
import type { Leadership } from '../core/office.ts';
import type { CoreState } from '../core/state.ts';
import type { Identity, LogIndex, NodeId } from '../core/types.ts';

/** What the process of another node has said of itself. */
interface Sighting {
  readonly incarnation: string;
  /** The newest process of that disk, by what it drew at its start. */
  readonly run: string | undefined;
  readonly starts: number;
  /** The highest count of starts that another process of that disk has named. */
  readonly startsBefore: number;
}

/**
 * What this node saw of the others, kept in memory for as long as they are members: it tells a node
 * that comes back with another disk, or with an old copy of its own.
 */
export class RememberedNodes {
  readonly #sightings = new Map<NodeId, Sighting>();
  /** What each node has acknowledged, as far as it was committed by the leader it told. */
  readonly #acknowledged = new Map<NodeId, LogIndex>();
  /** The leadership of this node that is or was the last, and how far it had committed. */
  #office: Leadership | undefined = undefined;
  #committed: LogIndex = 0;

  /** Call it after every step. A leader remembers what it is told, also when it leads no more. */
  follow(state: Readonly<CoreState>): void {
    const { leadership } = state;
    if (leadership === this.#office) {
      if (leadership !== undefined) this.#committed = state.committed;
      return;
    }
    this.#keep(state);
    this.#office = leadership;
    this.#committed = leadership === undefined ? 0 : state.committed;
  }

  /**
   * Takes note of a node that asks, and returns what was known of it, by other processes than the
   * one that asks: this call, or an earlier one whose answer was lost, says nothing about it.
   */
  meet(from: Identity, { membership }: Readonly<CoreState>): Remembered | undefined {
    if (!isMember(membership, from.node)) return undefined;
    const seen = this.#sightings.get(from.node);
    const incarnation = membership.nodes[from.node]?.incarnation ?? seen?.incarnation;
    const acknowledged = this.#acknowledgedBy(from.node);
    const startsBefore = this.#note(from, incarnation);
    if (incarnation === undefined && acknowledged === 0) return undefined;
    return { incarnation: incarnation ?? from.incarnation, starts: startsBefore, acknowledged };
  }

  /** Whether a node that has answered runs on an old copy: a newer process of its disk was met. */
  isOld({ node, incarnation, run, starts }: Identity): boolean {
    const seen = this.#sightings.get(node);
    if (seen === undefined || seen.incarnation !== incarnation) return false;
    // Of two processes with one count, the one that was met first is no copy of the other.
    const isOther = run !== undefined && seen.run !== undefined && run !== seen.run;
    return starts < seen.starts || (starts === seen.starts && isOther);
  }

  /** Returns the highest count of starts that another process of the same disk has named. */
  #note({ node, incarnation, run, starts }: Identity, known: string | undefined): number {
    const seen = this.#sightings.get(node);
    // Another disk is not taken note of: it does not become right by asking twice.
    if (known !== undefined && known !== incarnation) return 0;
    if (seen === undefined || seen.incarnation !== incarnation) {
      this.#sightings.set(node, { incarnation, run, starts, startsBefore: 0 });
      return 0;
    }
    if (seen.run === run) return seen.startsBefore;
    const startsBefore = Math.max(seen.starts, seen.startsBefore);
    // Neither is an old copy.
    if (starts > startsBefore) {
      this.#sightings.set(node, { incarnation, run, starts, startsBefore });
    }
    return startsBefore;
  }

  #acknowledgedBy(id: NodeId): LogIndex {
    const match = this.#office?.progress.get(id)?.matchIndex ?? 0;
    const kept = this.#acknowledged.get(id) ?? 0;
    return Math.max(kept, Math.min(match, this.#committed));
  }

  /**
   * Only what was committed then counts: a later leader may truncate what was acknowledged and was
   * not committed, and that node has lost nothing.
   */
  #keep({ membership }: Readonly<CoreState>): void {
    for (const id of this.#office?.progress.keys() ?? []) {
      this.#acknowledged.set(id, this.#acknowledgedBy(id));
    }
    for (const known of [this.#acknowledged, this.#sightings]) {
      for (const id of known.keys()) if (!isMember(membership, id)) known.delete(id);
    }
  }
}
