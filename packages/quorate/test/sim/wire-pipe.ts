import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import type { Choices } from './choices.ts';
import type { EventQueue } from './event-queue.ts';
import type { Links } from './links.ts';

/** What all pipes have in common. */
export interface PipeWorld {
  readonly links: Links;
  readonly queue: EventQueue;
  readonly choices: Choices;
  readonly countFault: (kind: string) => void;
}

/** What travels, in its order: bytes, and how the one who sends them begins and ends. */
export type Item =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'open' | 'fin' | 'reset' };

export interface PipeOptions {
  readonly from: NodeId;
  readonly to: NodeId;
  /** It goes back to who has dialled. */
  readonly isAnswer: boolean;
  /** So many bytes may be under way, or have come and not been read. */
  readonly windowBytes: number;
  /** The next thing in order is there. */
  readonly onItem: (item: Item) => void;
  /** All that was written has left. */
  readonly onSent: () => void;
  /** The one who sends hears that the connection broke. */
  readonly onBroken: (code: 'ECONNRESET' | 'ETIMEDOUT') => void;
}

const longestSegment = 16 * 1024;
/** What was lost is sent again after this time, twice as long each time. */
const firstRetryMs = 50;
const longestRetryMs = 1600;
/** Then the sender takes the connection for broken. */
const maxTries = 7;

/**
 * One direction of a connection, as the kernels of two machines keep it over links that delay and
 * lose: all comes once and in order, whatever becomes of the segments, or the connection breaks.
 */
export class WirePipe {
  /** What is sent here comes to nobody, and nobody is told. */
  isVoid = false;
  /** What the segments are about, for faults that are about one kind of calls. */
  kind: keyof RaftRpc = 'identify';
  /** The machine of the sender is off: nothing is sent once more. */
  isOff = false;
  unsentBytes = 0;
  readonly #world: PipeWorld;
  readonly #options: PipeOptions;
  #unsent: Uint8Array[] = [];
  #end: Item | undefined;
  #hasEnded = false;
  #unreadBytes = 0;
  #sent = 0;
  #arrived = 0;
  readonly #early = new Map<number, Item>();

  constructor(world: PipeWorld, options: PipeOptions) {
    this.#world = world;
    this.#options = options;
  }

  open(): void {
    this.#send({ type: 'open' });
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#end !== undefined) return;
    this.#unsent.push(bytes);
    this.unsentBytes += bytes.length;
    this.#pump();
  }

  /** After what was written, and once. */
  end(how: 'fin' | 'reset'): void {
    this.#end ??= { type: how };
    this.#pump();
  }

  /** There is nobody here who could take what comes the other way; said once, out of turn. */
  refuse(): void {
    const { from, to, isAnswer, onItem } = this.#options;
    this.#world.links.cross(from, to, {
      kind: 'identify',
      isAnswer,
      arrive: () => onItem({ type: 'reset' }),
      lose: () => {},
    });
  }

  /** What has not left is lost. */
  drop(): void {
    this.#unsent = [];
    this.unsentBytes = 0;
  }

  /** The receiver has taken so many bytes. */
  read(bytes: number): void {
    this.#unreadBytes -= bytes;
    this.#pump();
  }

  #pump(): void {
    const hadMore = this.unsentBytes > 0;
    while (this.unsentBytes > 0 && this.#unreadBytes < this.#options.windowBytes) {
      const bytes = this.#cut();
      this.unsentBytes -= bytes.length;
      this.#unreadBytes += bytes.length;
      this.#send({ type: 'bytes', bytes });
    }
    if (this.unsentBytes > 0) return;
    if (this.#end !== undefined && !this.#hasEnded) {
      this.#hasEnded = true;
      this.#send(this.#end);
    }
    if (hadMore) this.#options.onSent();
  }

  /** The next segment: all there is, or what is in the way of it, or less. */
  #cut(): Uint8Array {
    const { choices } = this.#world;
    const first = this.#unsent.shift() as Uint8Array;
    const room = this.#options.windowBytes - this.#unreadBytes;
    let size = Math.min(first.length, longestSegment, room);
    if (choices.choose('net.wireCut', 16) >= 13) {
      size = Math.max(1, Math.floor((size * choices.choose('net.wireCutAt', 64)) / 64));
    }
    if (size < first.length) this.#unsent.unshift(first.subarray(size));
    return first.subarray(0, size);
  }

  #send(item: Item): void {
    this.#transmit({ item, number: this.#sent, kind: this.kind }, 1);
    this.#sent += 1;
  }

  #transmit(segment: Segment, tries: number): void {
    if (this.isVoid) return;
    const { from, to, isAnswer, onBroken } = this.#options;
    this.#world.links.cross(from, to, {
      kind: segment.kind,
      isAnswer,
      arrive: () => this.#arrive(segment.number, segment.item),
      lose: () => this.#lost(segment, tries),
      fail: () => onBroken('ECONNRESET'),
    });
  }

  /** Sent again after a while; seldom worse. */
  #lost(segment: Segment, tries: number): void {
    const { links, choices, queue, countFault } = this.#world;
    if (this.isVoid || this.isOff) return;
    if (links.faults.lossPerMille > 0) {
      const how = choices.choose('net.wireLoss', 12);
      if (how === 10) return this.#flip(segment);
      if (how === 11) {
        countFault('net.wire reset');
        this.#options.onBroken('ECONNRESET');
        return;
      }
    }
    if (tries === maxTries) {
      this.isVoid = true;
      this.#options.onBroken('ETIMEDOUT');
      return;
    }
    const ms = Math.min(longestRetryMs, firstRetryMs * 2 ** (tries - 1));
    queue.after(ms, () => this.#transmit(segment, tries + 1));
  }

  /** A bit changes on the way, and the checksums of the network do not notice. */
  #flip({ item, number }: Segment): void {
    const { choices, queue, countFault } = this.#world;
    let damaged = item;
    if (item.type === 'bytes') {
      const bytes = item.bytes.slice();
      const at = choices.choose('net.wireFlipAt', longestSegment) % bytes.length;
      bytes[at] = (bytes[at] as number) ^ (1 << choices.choose('net.wireFlipBit', 8));
      damaged = { type: 'bytes', bytes };
      countFault('net.wire flip');
    }
    queue.after(0, () => this.#arrive(number, damaged));
  }

  #arrive(number: number, item: Item): void {
    if (this.isVoid) return;
    this.#early.set(number, item);
    for (;;) {
      const next = this.#early.get(this.#arrived);
      if (next === undefined) return;
      this.#early.delete(this.#arrived);
      this.#arrived += 1;
      this.#options.onItem(next);
    }
  }
}

interface Segment {
  readonly item: Item;
  readonly number: number;
  readonly kind: keyof RaftRpc;
}
