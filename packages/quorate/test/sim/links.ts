import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import { type Choices, happens } from './choices.ts';
import { exponential } from './delays.ts';
import type { EventQueue } from './event-queue.ts';
import type { SimMessage } from './hooks.ts';

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
  readonly delayMs: number;
  /** Messages from one node to another arrive in the order they were sent. */
  readonly ordered: boolean;
}

/** Something on its way from one node to another. */
export interface Crossing {
  readonly kind: keyof RaftRpc;
  readonly arrive: () => void;
  readonly lose: () => void;
}

/** So many of the last messages of a link can come once more. */
const rememberedPerLink = 8;

/** The wires between all nodes, one for each direction. */
export class Links {
  readonly faults: NetFaults = {
    lossPerMille: 0,
    duplicatePerMille: 0,
    tailPerMille: 0,
    slowKind: undefined,
    slowMs: 0,
  };
  readonly #options: LinksOptions;
  readonly #links = new Map<NodeId, Map<NodeId, Link>>();

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** Sends something on its way; it arrives later, or is lost. */
  cross(from: NodeId, to: NodeId, crossing: Crossing): void {
    const { queue, choices, ordered } = this.#options;
    const link = this.of(from, to);
    if (link.isCut || happens(choices, 'net.loss', this.faults.lossPerMille)) {
      crossing.lose();
      return;
    }
    let at = queue.now + this.#delayMs(crossing.kind);
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
    const { choices, delayMs } = this.#options;
    const { tailPerMille, slowKind, slowMs } = this.faults;
    let ms = delayMs * exponential(choices, 'net.delay');
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
  readonly underWay = new Set<Crossing>();

  remember(message: SimMessage, again: () => void): void {
    this.remembered.push({ message, again });
    if (this.remembered.length > rememberedPerLink) this.remembered.shift();
  }

  /** The connection breaks: all that is on its way is lost. */
  reset(): number {
    const lost = [...this.underWay];
    this.underWay.clear();
    for (const { lose } of lost) lose();
    return lost.length;
  }
}
