import { freeWay, Link, type Manner } from './links.ts';

/** What is done with the link from one slot to another; nothing, if `undefined`. */
export type Effect = (
  from: string,
  to: string,
) => { readonly requests?: Manner; readonly answers?: Manner } | undefined;

/** The links between all slots, and what is done with them at the moment. */
export class LinkTable {
  readonly #slots: readonly string[];
  readonly #links = new Map<string, Link>();
  readonly #effects = new Set<Effect>();

  private constructor(slots: readonly string[]) {
    this.#slots = slots;
  }

  static async open(slots: readonly string[]): Promise<LinkTable> {
    const table = new LinkTable(slots);
    for (const [from, to] of table.#pairs()) table.#links.set(`${from}${to}`, await Link.open());
    return table;
  }

  /** Where `from` reaches the others. */
  addressesFor(from: string): Record<string, string> {
    const others = this.#slots.filter((slot) => slot !== from);
    return Object.fromEntries(others.map((to) => [to, this.#at(from, to).address]));
  }

  /** Who has the slot listens at that port. */
  lead(to: string, port: number | undefined): void {
    for (const from of this.#slots) if (from !== to) this.#at(from, to).lead(port);
  }

  /** Begins an effect; where several meet, the worst holds. The result ends it. */
  add(effect: Effect): () => void {
    this.#effects.add(effect);
    this.#treat();
    return () => {
      this.#effects.delete(effect);
      this.#treat();
    };
  }

  clear(): void {
    this.#effects.clear();
    this.#treat();
  }

  /** Resets the connections of those links. */
  reset(isMeant: (from: string, to: string) => boolean): void {
    for (const [from, to] of this.#pairs()) if (isMeant(from, to)) this.#at(from, to).reset();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  #treat(): void {
    for (const [from, to] of this.#pairs()) {
      const effects = [...this.#effects].flatMap((effect) => effect(from, to) ?? []);
      const requests = worst(effects.flatMap((effect) => effect.requests ?? []));
      const answers = worst(effects.flatMap((effect) => effect.answers ?? []));
      this.#at(from, to).treat({ requests, answers });
    }
  }

  *#pairs(): Generator<readonly [from: string, to: string]> {
    for (const from of this.#slots) {
      for (const to of this.#slots) if (from !== to) yield [from, to];
    }
  }

  #at(from: string, to: string): Link {
    const link = this.#links.get(`${from}${to}`);
    if (link === undefined) throw new RangeError(`There is no link from ${from} to ${to}.`);
    return link;
  }
}

function worst(manners: readonly Manner[]): Manner {
  return manners.reduce(
    (all, one) => ({
      isHeld: all.isHeld || one.isHeld,
      delayMs: Math.max(all.delayMs, one.delayMs),
      bytesPerSecond: Math.min(all.bytesPerSecond, one.bytesPerSecond),
    }),
    freeWay,
  );
}
