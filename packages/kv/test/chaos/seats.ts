import type { KvStatus } from '../../src/types.ts';
import type { MemberProcess } from './member-process.ts';

/** A seat has an address of its own. It is free, or a member has it. */
export interface Seat {
  readonly port: number;
  readonly httpPort: number;
  member: Seated | undefined;
  process: MemberProcess | undefined;
  /** As the process that is there has told it last. */
  status: KvStatus | undefined;
  /** It has opened its data since it was started. */
  isOpen: boolean;
}

/** Names never come back: in the seat `a` there is `a` first, then `a2`. */
export interface Seated {
  readonly name: string;
  /** It comes to a cluster that runs. */
  readonly joins: boolean;
  /** From here on it is nobody's business how it ends. */
  isLeaving: boolean;
  /** Its disk is lost, or it has left: it is not started any more. */
  isOut: boolean;
}

/** Who is where. Of the seats one is free, for whoever comes next. */
export class Seats {
  readonly #seats: ReadonlyMap<string, Seat>;
  /** How many have had each seat. */
  readonly #counts = new Map<string, number>();

  /** Two ports for each; the first members have all seats but the last. */
  constructor(slots: readonly string[], ports: readonly number[]) {
    const seats = slots.map((slot, at) => {
      const [port = 0, httpPort = 0] = ports.slice(2 * at);
      const seat: Seat = {
        ...{ port, httpPort },
        ...{ member: undefined, process: undefined, status: undefined, isOpen: false },
      };
      return [slot, seat] as const;
    });
    this.#seats = new Map(seats);
    for (const slot of slots.slice(0, -1)) this.#give(slot, { joins: false });
  }

  get all(): readonly Seat[] {
    return [...this.#seats.values()];
  }

  get slots(): readonly string[] {
    return [...this.#seats.keys()];
  }

  /** Those of members that take part, or are to do so. */
  get taken(): readonly string[] {
    return this.slots.filter((slot) => this.at(slot).member?.isOut === false);
  }

  /** Of those who believe that they lead, the one in the newest term. */
  get leader(): string | undefined {
    const leaders = this.slots.filter((slot) => {
      const { process, status } = this.at(slot);
      return process?.isAlive === true && !process.isPaused && status?.role === 'leader';
    });
    return leaders.toSorted((one, other) => this.#termOf(other) - this.#termOf(one))[0];
  }

  at(slot: string): Seat {
    const seat = this.#seats.get(slot);
    if (seat === undefined) throw new RangeError(`There is no seat ${slot}.`);
    return seat;
  }

  nameOf(slot: string): string {
    return this.at(slot).member?.name ?? slot;
  }

  addressOf(slot: string): string {
    return `127.0.0.1:${this.at(slot).port}`;
  }

  /** Whoever a fault strikes in place of a seat that is free. */
  standInFor(slot: string): string {
    const at = this.slots.indexOf(slot);
    const inTurn = [...this.slots.slice(at), ...this.slots];
    return inTurn.find((one) => this.taken.includes(one)) ?? slot;
  }

  /** Gives the free seat to a new member. */
  take(): string {
    const slot = this.slots.find((one) => this.at(one).member === undefined);
    if (slot === undefined) throw new Error('No seat is free.');
    this.#give(slot, { joins: true });
    return slot;
  }

  /** How the member in this seat comes to its cluster, as options of the program. */
  wayOf(slot: string): readonly string[] {
    if (this.at(slot).member?.joins === true) {
      const others = this.taken.filter((one) => one !== slot);
      return ['--join', others.map((one) => this.addressOf(one)).join(',')];
    }
    const first = this.slots.slice(0, -1);
    return ['--peers', first.map((one) => `${one}=${this.addressOf(one)}`).join(',')];
  }

  #give(slot: string, { joins }: { readonly joins: boolean }): void {
    const count = (this.#counts.get(slot) ?? 0) + 1;
    this.#counts.set(slot, count);
    const name = count === 1 ? slot : `${slot}${count}`;
    this.at(slot).member = { name, joins, isLeaving: false, isOut: false };
  }

  #termOf(slot: string): number {
    return this.at(slot).status?.term ?? 0;
  }
}
