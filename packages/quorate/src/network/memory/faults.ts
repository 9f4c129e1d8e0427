import type { RaftRpc } from '../../contract/network.ts';
import type { NodeId } from '../../core/types.ts';

/** One thing on its way over the wire: a call, a chunk of its snapshot, or its answer. */
export interface MemoryMessage {
  /** Who sends it; `undefined` for the caller of a call that did not say who asks. */
  readonly from: NodeId | undefined;
  readonly to: NodeId | undefined;
  readonly call: keyof RaftRpc;
  readonly kind: 'request' | 'chunk' | 'answer';
}

/** Milliseconds on the way, for all messages or by message. */
export type DelayRule = number | ((message: MemoryMessage) => number);

/** The probability of loss (0 to 1), for all messages or by message; `true` is 1. */
export type DropRule = number | ((message: MemoryMessage) => number | boolean);

/** What is wrong with the wires at the moment. Answers questions, changes no message itself. */
export class Faults {
  readonly #random: () => number;
  /** Names the group each node is in; a node in no group is in the one that has no name. */
  readonly #groups = new Map<NodeId | undefined, number>();
  readonly #isolated = new Set<NodeId>();
  readonly #cuts = new Map<NodeId, Set<NodeId>>();
  #delay: DelayRule = 0;
  #drop: DropRule = 0;
  /** Nothing is wrong anywhere, so nobody needs to ask. */
  isNone = true;

  constructor(random: () => number) {
    this.#random = random;
  }

  setDelay(rule: DelayRule): void {
    this.#delay = rule;
    this.#refresh();
  }

  setDrop(rule: DropRule): void {
    this.#drop = rule;
    this.#refresh();
  }

  partition(groups: readonly (readonly NodeId[])[]): void {
    this.#groups.clear();
    for (const [group, members] of groups.entries()) {
      for (const id of members) this.#groups.set(id, group);
    }
    this.#refresh();
  }

  cut(from: NodeId, to: NodeId): void {
    const targets = this.#cuts.get(from) ?? new Set();
    this.#cuts.set(from, targets.add(to));
    this.#refresh();
  }

  isolate(id: NodeId): void {
    this.#isolated.add(id);
    this.#refresh();
  }

  heal(): void {
    this.#groups.clear();
    this.#isolated.clear();
    this.#cuts.clear();
    this.#refresh();
  }

  /** Nothing gets from `from` to `to`. A node always reaches itself. */
  isCut(from: NodeId | undefined, to: NodeId | undefined): boolean {
    if (from === to) return false;
    if (this.#groups.get(from) !== this.#groups.get(to)) return true;
    if (from !== undefined && this.#isolated.has(from)) return true;
    if (to !== undefined && this.#isolated.has(to)) return true;
    return from !== undefined && to !== undefined && (this.#cuts.get(from)?.has(to) ?? false);
  }

  /** Draws whether this message is lost by chance. */
  isDropped(message: MemoryMessage): boolean {
    const rule = this.#drop;
    const chance = Number(typeof rule === 'function' ? rule(message) : rule);
    return chance > 0 && this.#random() < chance;
  }

  delayMs(message: MemoryMessage): number {
    const rule = this.#delay;
    return typeof rule === 'function' ? rule(message) : rule;
  }

  #refresh(): void {
    this.isNone =
      this.#delay === 0 &&
      this.#drop === 0 &&
      this.#groups.size + this.#isolated.size + this.#cuts.size === 0;
  }
}
