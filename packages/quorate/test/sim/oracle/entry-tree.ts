import { noLogId } from '../../../src/core/log-shape.ts';
import type { Entry, LogId, Membership, Payload, Term } from '../../../src/core/types.ts';
import { Hash, payloadHash } from './hash.ts';
import { demand } from './violation.ts';

/** One entry, as whoever made it made it. */
export interface KnownEntry {
  readonly logId: LogId;
  /** Of all the entries that come before it. */
  readonly before: number;
  /** The same with the entry itself. */
  readonly prefix: number;
  readonly payload: Payload;
  /** Somebody else has it too. */
  isShared: boolean;
}

/**
 * All entries that were ever made. Each knows the one before it, so that equal log ids mean equal
 * logs up to there: S6 and S7 are checked when an entry comes into a log, and every other check may
 * then compare terms alone. Costs one hash of the payload for each entry that a log takes.
 */
export class EntryTree {
  readonly #entries = new Map<number, KnownEntry>();

  /** `node` makes this entry, after the entry `parent`. */
  make(node: string, parent: LogId, entry: Entry): void {
    const { term, index } = entry.logId;
    this.#checkOrder(node, parent, entry);
    const known = this.find(entry.logId);
    demand(
      known === undefined || isAgain(known),
      'S7',
      () => `${node} made entry ${index} of term ${term}, and there was one already`,
    );
    this.#add(parent, entry);
  }

  /** `node` takes an entry from elsewhere and puts it after its entry `parent`. */
  take(node: string, parent: LogId, entry: Entry): void {
    this.check(node, parent, entry).isShared = true;
  }

  /** `node` has this entry after `parent`: as whoever made it, and where that one had it. */
  check(node: string, parent: LogId, entry: Entry): KnownEntry {
    const { term, index } = entry.logId;
    const name = `entry ${index} of term ${term}`;
    this.#checkOrder(node, parent, entry);
    const known = this.find(entry.logId);
    demand(known !== undefined, 'S7', () => `${node} has ${name}, which nobody made`);
    demand(
      known.payload === entry.payload || payloadHash(known.payload) === payloadHash(entry.payload),
      'S7',
      () => `${node} has another content for ${name}`,
    );
    // The entry is the same by now, so the whole log is if all before it is.
    demand(
      this.#prefixBefore(parent) === known.before,
      'S6',
      () => `${node} has another log before ${name} than who made it`,
    );
    return known;
  }

  find({ term, index }: LogId): KnownEntry | undefined {
    return this.#entries.get(keyOf(term, index));
  }

  /** The hash of the log that ends in `logId`; 0 for the empty log. */
  prefixOf(logId: LogId): number | undefined {
    return logId.index === 0 ? 0 : this.find(logId)?.prefix;
  }

  /** The membership that an entry brings, if it brings one. */
  membershipOf(logId: LogId): Membership | undefined {
    const payload = this.find(logId)?.payload;
    return payload?.type === 'membership' ? payload.membership : undefined;
  }

  #add(parent: LogId, entry: Entry): void {
    const { logId, payload } = entry;
    const before = this.#prefixBefore(parent);
    const prefix = new Hash().add(before).add(logId.term).add(payloadHash(payload)).value;
    const known = { logId, before, prefix, payload, isShared: false };
    this.#entries.set(keyOf(logId.term, logId.index), known);
  }

  #prefixBefore(parent: LogId): number {
    return this.prefixOf(parent) ?? -1;
  }

  #checkOrder(node: string, parent: LogId, { logId }: Entry): void {
    demand(
      logId.index === parent.index + 1 && logId.term >= parent.term,
      'S6',
      () =>
        `${node} put entry ${logId.index} of term ${logId.term} after entry ${parent.index} of term ${parent.term}`,
    );
  }
}

/** The first entry may be lost with a disk before anybody heard of it, and is made again then. */
function isAgain({ logId, isShared }: KnownEntry): boolean {
  return logId.term === noLogId.term && !isShared;
}

function keyOf(term: Term, index: number): number {
  return term * 2 ** 24 + index;
}
