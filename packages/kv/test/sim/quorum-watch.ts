import type { RaftMetrics } from 'quorate';
import type { SimMember } from './member.ts';
import { KvViolation } from './violation.ts';
import type { KvWorld } from './world.ts';

type World = Pick<KvWorld, 'members' | 'trouble'>;

/**
 * Counts for itself what leaders say is committed: on the disks of a majority of those who vote,
 * and of nobody else. And nobody else may lead in a term that somebody has led in.
 */
export class QuorumWatch {
  readonly #world: World;
  readonly #leaders = new Map<number, string>();
  /** How far the log on the disk of each name has come. */
  readonly #durable = new Map<string, number>();
  /**
   * Names whose disk is an empty one now, and how far the one before had come. Nobody may count on
   * what they say from then on; what they had said before may still be on its way.
   */
  readonly #wiped = new Map<string, number>();
  /** What was found committed, so that nothing is counted twice. */
  #counted = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Its process is about to end. */
  note({ name, member }: SimMember): void {
    if (member !== undefined) this.#note(name, member.raft.metrics);
  }

  /** Its disk was lost, and it comes back with an empty one. */
  wiped(name: string): void {
    this.#wiped.set(name, this.#durable.get(name) ?? 0);
  }

  /** @throws {KvViolation} if it leads, and says that something is committed that is not. */
  look({ name, member, leads }: SimMember): void {
    if (member === undefined || !leads) return;
    const picture = member.raft.metrics;
    const { term, committed, membership } = picture;
    const leader = this.#leaders.get(term);
    if (this.#wiped.has(name)) {
      throw new KvViolation('quorum', `${name} leads in term ${term}, and its disk was lost.`);
    }
    if (leader !== undefined && leader !== name) {
      throw new KvViolation('quorum', `Both ${leader} and ${name} lead in term ${term}.`);
    }
    this.#leaders.set(term, name);
    // Where a membership is newer than what is committed, another one may have counted.
    if (committed.index <= this.#counted || membership.logId.index >= committed.index) return;
    this.#counted = committed.index;
    const unknown = this.#noteAll();
    const has = (id: string): boolean => {
      const before = this.#wiped.get(id);
      if (before !== undefined) return before >= committed.index;
      return unknown.has(id) || (this.#durable.get(id) ?? 0) >= committed.index;
    };
    for (const voters of membership.voters) {
      const having = voters.filter(has);
      if (2 * having.length > voters.length) continue;
      const text = `${name} says that entry ${committed.index} is committed, and of the voters ${voters.join(', ')} only ${having.join(', ') || 'nobody'} has it on the disk.`;
      throw new KvViolation('quorum', text);
    }
  }

  /** Returns of whom it is not known: they are starting, and may take part already. */
  #noteAll(): ReadonlySet<string> {
    const unknown = new Set<string>();
    for (const { name, member, isAlive } of this.#world.members.values()) {
      if (member !== undefined) this.#note(name, member.raft.metrics);
      else if (isAlive) unknown.add(name);
    }
    return unknown;
  }

  #note(name: string, { durable }: RaftMetrics): void {
    this.#durable.set(name, Math.max(durable.index, this.#durable.get(name) ?? 0));
  }
}
