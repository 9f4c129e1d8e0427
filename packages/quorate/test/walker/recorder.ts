import type { NodeId } from '../../src/core/types.ts';
import type { Deed, Details, Verb } from './deed.ts';
import type { Fate, Loss } from './fate.ts';
import type { Message } from './message.ts';
import type { MessageNames } from './message-names.ts';
import type { WalkNode } from './walk-node.ts';

interface OpenDeed extends Deed {
  readonly timeouts: number[];
  readonly batches: number[];
}

interface NoteAll {
  readonly count: number;
  readonly of: number;
}

/** Writes down what is done to a cluster, so that it can be done again without any draw. */
export class Recorder {
  readonly deeds: Deed[] = [];
  /** What the cores drew when they were first started. */
  readonly firstTimeouts: number[] = [];
  readonly #names: MessageNames;
  #last: OpenDeed | undefined = undefined;
  /** The rest that ends a walk is one deed. */
  #isOver = false;

  constructor(names: MessageNames) {
    this.#names = names;
  }

  note(verb: Verb, node: NodeId | undefined, details: Details = {}): void {
    this.#add({ verb, node, message: undefined, details, timeouts: [], batches: [] });
    if (verb === 'rest') this.#isOver = true;
  }

  noteMessage(verb: 'deliver' | 'unanswered', message: Message): void {
    const name = this.#names.nameOf(message);
    this.#add({ verb, node: undefined, message: name, details: {}, timeouts: [], batches: [] });
  }

  /** A deed that mostly goes as far as it can, which is what it does without a detail. */
  noteAll(verb: 'persist' | 'apply', node: WalkNode, { count, of }: NoteAll): void {
    const details = count >= of ? {} : verb === 'persist' ? { count } : { to: count };
    this.note(verb, node.id, details);
  }

  noteCrash({ id, disk, building }: WalkNode, fate: Fate): void {
    const { done, torn, entries, applied, isBuilt, clock } = fate;
    this.note('crash', id, {
      done: done === 0 ? undefined : done,
      torn: torn === 'nothing' ? undefined : torn,
      entries: entries === 0 ? undefined : entries,
      applied: applied === disk.applied ? undefined : applied,
      built: isBuilt && building !== undefined ? 1 : undefined,
      clock: clock === 0 ? undefined : clock,
    });
  }

  noteLoss({ id }: WalkNode, loss: Loss): void {
    this.note('lose', id, loss.type === 'all' ? {} : { last: loss.logLength - 1, term: loss.term });
  }

  onTimeout(percent: number): void {
    (this.#last?.timeouts ?? this.firstTimeouts).push(percent);
  }

  onBatch(count: number): void {
    this.#last?.batches.push(count);
  }

  #add(deed: OpenDeed): void {
    if (this.#isOver) return;
    this.#last = deed;
    this.deeds.push(deed);
  }
}
