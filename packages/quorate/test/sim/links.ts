import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import { type Choices, happens } from './choices.ts';
import { exponential } from './delays.ts';
import type { EventQueue } from './event-queue.ts';
import type { SimMessage } from './hooks.ts';
import type { LinkTrouble } from './link-trouble.ts';

/** What is wrong with the whole network; each may change at any time. */
export interface NetFaults {
  lossPerMille: number;
  duplicatePerMille: number;
  /** In a thousand messages so many take a hundred times as long. */
  tailPerMille: number;
  /** Calls of this kind are slow. */
  slowKind: keyof RaftRpc | undefined;
  slowMs: number;
}

export interface LinksOptions {
  readonly queue: EventQueue;
  readonly choices: Choices;
  /** What a message takes on its way, on average. */
  readonly delayMs: number;
  /** Messages from one node to another arrive in the order they were sent. */
  readonly ordered: boolean;
}

/** Something on its way from one node to another. */
export interface Crossing {
  readonly kind: keyof RaftRpc;
  readonly arrive: () => void;
  readonly lose: () => void;
  /** Whoever waits for it, or for its answer, hears that the connection broke. */
  readonly fail?: () => void;
  /** It goes back over the connection on which the request came. */
  readonly isAnswer?: boolean;
}

/** A connection that breaks with its link: both ends hear of it, or what is sent goes nowhere. */
export interface BreakableWire {
  isOpen(): boolean;
  break(how: { readonly isTold: boolean }): void;
}

/** So many of the last messages of a link can come once more, and so many much older ones. */
const rememberedPerLink = 8;
const keptPerLink = 8;

/** The wires between all nodes, one for each direction. */
export class Links {
  readonly faults: NetFaults = {
    lossPerMille: 0,
    duplicatePerMille: 0,
    tailPerMille: 0,
    slowKind: undefined,
    slowMs: 0,
  };
  delayMs: number;
  readonly #options: LinksOptions;
  readonly #links = new Map<NodeId, Map<NodeId, Link>>();

  constructor(options: LinksOptions) {
    this.#options = options;
    this.delayMs = options.delayMs;
  }

  /** Sends something on its way; it arrives later, or is lost. */
  cross(from: NodeId, to: NodeId, crossing: Crossing): void {
    const { queue, choices, ordered } = this.#options;
    const link = this.of(from, to);
    if (link.isCut || happens(choices, 'net.loss', this.faults.lossPerMille)) {
      crossing.lose();
      return;
    }
    const { trouble } = link;
    if (trouble?.takes(crossing, link.underWay.size) === true) return;
    let at = queue.now + this.#delayMs(crossing.kind);
    if (trouble !== undefined) at = Math.max(at, trouble.earliest(queue.now));
    if (ordered) at = Math.max(at, link.lastAt);
    at = Math.max(at, link.cloggedUntil);
    link.lastAt = Math.max(at, link.lastAt);
    link.underWay.add(crossing);
    queue.at(at, () => {
      // A link that broke meanwhile took with it what was on it.
      if (!link.underWay.delete(crossing)) return;
      if (link.isCut) crossing.lose();
      else crossing.arrive();
    });
  }

  of(from: NodeId, to: NodeId): Link {
    const targets = this.#links.get(from) ?? new Map<NodeId, Link>();
    if (targets.size === 0) this.#links.set(from, targets);
    const link = targets.get(to) ?? new Link();
    targets.set(to, link);
    return link;
  }

  /** All links that were ever used, with their ends. */
  *all(): Generator<readonly [from: NodeId, to: NodeId, link: Link]> {
    for (const [from, targets] of this.#links) {
      for (const [to, link] of targets) yield [from, to, link];
    }
  }

  #delayMs(kind: keyof RaftRpc): number {
    const { choices } = this.#options;
    const { tailPerMille, slowKind, slowMs } = this.faults;
    let ms = this.delayMs * exponential(choices, 'net.delay');
    if (happens(choices, 'net.tail', tailPerMille)) ms *= 100;
    if (kind === slowKind) ms += slowMs * exponential(choices, 'net.slow');
    return ms;
  }
}

/** One wire, in one direction. */
export class Link {
  isCut = false;
  cloggedUntil = 0;
  lastAt = 0;
  /** Calls that were sent here, to be sent once more. */
  readonly remembered: { readonly message: SimMessage; readonly again: () => void }[] = [];
  /** The same for calls from long ago. */
  readonly kept: { readonly message: SimMessage; readonly again: () => void }[] = [];
  readonly underWay = new Set<Crossing>();
  /** Connections that were dialled this way. */
  readonly wires = new Set<BreakableWire>();
  /** What is wrong with this link alone. */
  trouble: LinkTrouble | undefined = undefined;
  #forgotten = 0;
  /** Of those that are no longer among the last, one in so many is kept. */
  #keepOneIn = 16;

  remember(message: SimMessage, again: () => void): void {
    this.remembered.push({ message, again });
    if (this.remembered.length <= rememberedPerLink) return;
    const oldest = this.remembered.shift();
    this.#forgotten += 1;
    if (oldest === undefined || this.#forgotten % this.#keepOneIn !== 0) return;
    if (this.kept.length === keptPerLink) {
      // Thinned out, so that they are spread over all the time there was.
      for (let at = keptPerLink - 1; at > 0; at -= 2) this.kept.splice(at, 1);
      this.#keepOneIn *= 2;
    }
    this.kept.push(oldest);
  }

  /** The connection breaks: all that is on its way is lost, and callers may be told so. */
  reset({ isTold = false }: { readonly isTold?: boolean } = {}): number {
    const lost = [...this.underWay];
    this.underWay.clear();
    for (const { lose, fail } of lost) {
      lose();
      if (isTold) fail?.();
    }
    for (const wire of [...this.wires]) wire.break({ isTold });
    return lost.length;
  }

  /** Nothing is wrong any more. */
  cure(): void {
    this.isCut = false;
    this.cloggedUntil = 0;
    this.trouble?.end();
    this.trouble = undefined;
  }
}
