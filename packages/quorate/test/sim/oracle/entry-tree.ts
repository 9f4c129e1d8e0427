import { noLogId } from '../../../src/core/log-shape.ts';
import type { Entry, LogId, Membership, Payload, Term } from '../../../src/core/types.ts';
import { Hash, payloadHash } from './hash.ts';
import { demand } from './violation.ts';

/** One entry, as whoever made it made it. */
export interface KnownEntry {
  readonly logId: LogId;
  /** Of the entry and of all that come before it. */
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
      payloadHash(known.payload) === payloadHash(entry.payload),
      'S7',
      () => `${node} has another content for ${name}`,
    );
    demand(
      this.#prefixAfter(parent, entry) === known.prefix,
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
    const prefix = this.#prefixAfter(parent, entry);
    const known = { logId, prefix, payload, isShared: false };
    this.#entries.set(keyOf(logId.term, logId.index), known);
  }

  #prefixAfter(parent: LogId, { logId, payload }: Entry): number {
    const before = this.prefixOf(parent) ?? -1;
    return new Hash().add(before).add(logId.term).add(payloadHash(payload)).value;
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
