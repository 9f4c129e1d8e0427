import type { Knobs } from './knobs.ts';
import type { Message } from './message.ts';
import { isRequest } from './message.ts';
import type { Random } from './random.ts';

const maxInFlight = 80;
const keptCount = 24;

/** The messages under way, some old ones to be repeated, and which links are cut. */
export class Wire {
  readonly flight: Message[] = [];
  readonly #kept: Message[] = [];
  readonly #random: Random;
  readonly #delivery: Knobs['delivery'];
  /** `false` once nothing may be lost any more. */
  isCrowded = true;
  /** For each node, as bits, whom it cannot reach. */
  #cut: number[] = [];

  constructor(random: Random, delivery: Knobs['delivery']) {
    this.#random = random;
    this.#delivery = delivery;
  }

  /** Returns the message that had to give way, if there are too many. */
  send(message: Message): Message | undefined {
    this.flight.push(message);
    const isRare = message.type === 'timeoutNow';
    if ((this.#random.uint32() & 15) === 0 || isRare) this.keep(message);
    if (!this.isCrowded || this.flight.length <= maxInFlight) return undefined;
    return this.flight.splice(this.#random.below(maxInFlight), 1)[0];
  }

  /** Takes the next message to deliver, in the order of this walk. */
  take(): Message | undefined {
    const { flight } = this;
    if (flight.length === 0) return undefined;
    const place = this.#random.below(flight.length);
    if (this.#delivery === 'random') {
      const message = flight[place];
      flight[place] = flight.at(-1) as Message;
      flight.pop();
      return message;
    }
    const near = this.#random.chance(0.75) ? 0 : place >> 1;
    return flight.splice(this.#delivery === 'oldest' ? near : flight.length - 1 - near, 1)[0];
  }

  /** A message under way, or an old one, which may be terms old. */
  repeatable(options: { old: boolean }): Message | undefined {
    const from = options.old ? this.#kept : this.flight;
    return from.length === 0 ? undefined : this.#random.pick(from);
  }

  takeAny(): Message | undefined {
    if (this.flight.length === 0) return undefined;
    return this.flight.splice(this.#random.below(this.flight.length), 1)[0];
  }

  takeFirst(isWanted: (message: Message) => boolean | undefined): Message | undefined {
    const place = this.flight.findIndex(isWanted);
    return place < 0 ? this.#kept.find(isWanted) : this.flight.splice(place, 1)[0];
  }

  isCut(message: Message): boolean {
    const [sender, receiver] = isRequest(message)
      ? [message.from, message.to]
      : [message.to, message.from];
    return ((this.#cut[sender] ?? 0) & (1 << receiver)) !== 0;
  }

  get isWhole(): boolean {
    return this.#cut.length === 0;
  }

  heal(): void {
    this.#cut = [];
  }

  /** Cuts the nodes of `side` off from the others: both ways, or only one. */
  cut(count: number, side: number, options: { out: boolean; in: boolean }): void {
    const all = (1 << count) - 1;
    this.#cut = Array.from({ length: count }, (_, at) => {
      const isInside = (side & (1 << at)) !== 0;
      if (isInside) return options.out ? all & ~side : 0;
      return options.in ? side : 0;
    });
  }

  /** Cuts one link, both ways. */
  cutPair(one: number, other: number): void {
    if (one === other) return;
    this.#cut[one] = (this.#cut[one] ?? 0) | (1 << other);
    this.#cut[other] = (this.#cut[other] ?? 0) | (1 << one);
  }

  /** Sets it aside: it may come very late, and often. */
  keep(message: Message): void {
    if (this.#kept.length < keptCount) this.#kept.push(message);
    else this.#kept[this.#random.below(keptCount)] = message;
  }
}
