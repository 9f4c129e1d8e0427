import { KvError } from '../errors.ts';
import type { KvStatus, MemberStatus } from '../types.ts';
import { asKvError, isMembersFault } from './failures.ts';
import type { ClientRuntime } from './runtime.ts';
import type { Transport, Wire } from './transport.ts';

export interface MembersOptions {
  /** Addresses by which the cluster is found. */
  readonly servers: readonly string[];
  /** Whether the others are learned from them. Default `true`. */
  readonly discover?: boolean | undefined;
  readonly wire: Wire;
  readonly runtime: ClientRuntime;
}

/** How long each member may take to say who leads. */
const statusTimeoutMs = 1000;
/** Who leads is asked again after so long, if there is anything to do. */
const staleMs = 5000;
/** After a failure, not at once again. */
const refreshPauseMs = 50;
/** A member that failed is left alone for so long, and longer each time. */
const firstRestMs = 50;
const longestRestMs = 2000;
/** Addresses that are kept beside those that the caller gave; no cluster has as many members. */
const maxLearned = 64;

/** One address where a member may be. */
export class Member {
  readonly address: string;
  readonly name: string;
  readonly #wire: Wire;
  #transport: Transport | undefined;
  failures = 0;
  restsUntil: number = -Infinity;

  constructor(address: string, wire: Wire) {
    this.address = address;
    this.name = wire.nameOf(address);
    this.#wire = wire;
  }

  get transport(): Transport {
    this.#transport ??= this.#wire.connect(this.address);
    return this.#transport;
  }

  async close(): Promise<void> {
    const transport = this.#transport;
    this.#transport = undefined;
    await transport?.close();
  }
}

/**
 * Knows where members are and which one leads, as far as they have said so. Any of them answers
 * everything; the leader does so without asking another one.
 */
export class Members {
  readonly #wire: Wire;
  readonly #runtime: ClientRuntime;
  /** What the caller named stays, whatever members say. By their names on the wire, as below. */
  readonly #given: ReadonlySet<string>;
  readonly #members = new Map<string, Member>();
  readonly #closing = new Set<Promise<void>>();
  readonly #discovers: boolean;
  #leader: string | undefined;
  /** Which one is asked while no leader is known; another one after each failure. */
  #turn: number;
  #refreshing: Promise<void> | undefined;
  #refreshedAt = -Infinity;
  #isClosed = false;

  /** @throws {RangeError} if an address is none, or there is none at all. */
  constructor({ servers, discover = true, wire, runtime }: MembersOptions) {
    if (servers.length === 0) throw new RangeError('A client wants at least one server; got none.');
    this.#wire = wire;
    this.#runtime = runtime;
    this.#discovers = discover;
    for (const address of servers) {
      const member = new Member(address, wire);
      // A wrong address shows at once, not at the first call.
      void member.transport;
      this.#members.set(member.name, member);
    }
    this.#given = new Set(this.#members.keys());
    this.#turn = Math.floor(runtime.random() * this.#members.size);
  }

  /** All that are known, whether they rest or not. */
  get all(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** For what the leader does best: the leader if it is known, otherwise somebody. */
  leader(): Member {
    const now = this.#runtime.now();
    if (now - this.#refreshedAt > staleMs) this.refresh();
    const leader = this.#leader === undefined ? undefined : this.#members.get(this.#leader);
    if (leader !== undefined && leader.restsUntil <= now) return leader;
    return this.#somebody(now);
  }

  /** For what every member does as well: each in turn. */
  any(): Member {
    const now = this.#runtime.now();
    if (now - this.#refreshedAt > staleMs) this.refresh();
    this.#turn += 1;
    return this.#somebody(now);
  }

  /** For what takes long, and what a follower does as well: somebody who does not lead. */
  besideLeader(): Member {
    const now = this.#runtime.now();
    const followers = this.all.filter(({ name }) => name !== this.#leader);
    this.#turn += 1;
    const rested = followers.filter(({ restsUntil }) => restsUntil <= now);
    return rested[this.#turn % Math.max(1, rested.length)] ?? this.#somebody(now);
  }

  /** The member was of use. */
  worked(member: Member): void {
    member.failures = 0;
    member.restsUntil = -Infinity;
  }

  /** The member failed: others are asked for a while, and who leads is asked anew. */
  failed(member: Member, error: KvError): void {
    if (!isMembersFault(error)) return;
    const now = this.#runtime.now();
    // Many calls fail together when one connection does; that is one failure.
    if (now >= member.restsUntil) {
      const restMs = Math.min(firstRestMs * 2 ** member.failures, longestRestMs);
      member.failures = Math.min(member.failures + 1, 16);
      member.restsUntil = now + restMs * (0.5 + this.#runtime.random() / 2);
      this.#turn += 1;
    }
    if (this.#leader === member.name) this.#leader = undefined;
    if (now - this.#refreshedAt > refreshPauseMs) this.refresh();
  }

  /** Asks who leads, and who is there. Once at a time; never fails. */
  refresh(): void {
    if (this.#isClosed || this.#refreshing !== undefined) return;
    this.#refreshedAt = this.#runtime.now();
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = undefined;
      this.#refreshedAt = this.#runtime.now();
    });
  }

  /** Closes every transport. Resolves when none has anything left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#members.values()].map((member) => member.close()));
    await Promise.all(this.#closing);
    await this.#refreshing;
  }

  #somebody(now: number): Member {
    const members = this.all;
    let soonest: Member | undefined;
    for (let step = 0; step < members.length; step += 1) {
      const member = members[(this.#turn + step) % members.length] as Member;
      if (member.restsUntil <= now) return member;
      if (soonest === undefined || member.restsUntil < soonest.restsUntil) soonest = member;
    }
    if (soonest === undefined) throw new KvError('KV_INTERNAL', 'The client knows no member.');
    return soonest;
  }

  async #refresh(): Promise<void> {
    const asked = [...this.#members.values()].map((member) => this.#ask(member));
    const answers = (await Promise.all(asked)).filter((status) => status !== undefined);
    if (this.#isClosed) return;
    const newest = newestOf(answers.filter(({ leader }) => leader !== undefined));
    if (newest !== undefined) this.learn(newest);
    // Who hears of no leader may have been removed: those that it knows are asked next, too.
    else for (const { members } of answers) this.#addAll(members);
  }

  async #ask(member: Member): Promise<KvStatus | undefined> {
    try {
      return await member.transport.cold('status', {}, { timeoutMs: statusTimeoutMs });
    } catch (error) {
      // The others are asked as well; it is left alone as after any other failure.
      if (!this.#isClosed) this.#rest(member, asKvError(error));
      return undefined;
    }
  }

  #rest(member: Member, error: KvError): void {
    if (isMembersFault(error)) {
      member.restsUntil = Math.max(member.restsUntil, this.#runtime.now() + firstRestMs);
    }
  }

  /** Takes over what a member says of all of them. */
  learn({ leader, members }: KvStatus): void {
    const wanted = new Set(members.flatMap((member) => this.#nameOf(member) ?? []));
    // First, so that those who are gone do not take the places of those who are new.
    for (const [name, member] of this.#members) {
      if (wanted.has(name) || this.#given.has(name)) continue;
      this.#members.delete(name);
      this.#closeSoon(member);
    }
    const named = this.#addAll(members);
    this.#leader = [...named].find(([, id]) => id === leader)?.[0];
  }

  #nameOf(member: MemberStatus): string | undefined {
    try {
      const address = this.#wire.addressOf(member);
      return address === undefined ? undefined : this.#wire.nameOf(address);
    } catch {
      return undefined;
    }
  }

  /** Makes sure that they are known. Returns their ids by their names on the wire. */
  #addAll(members: readonly MemberStatus[]): ReadonlyMap<string, string> {
    const named = new Map<string, string>();
    for (const member of members) {
      const address = this.#wire.addressOf(member);
      if (address === undefined || named.size >= maxLearned) continue;
      const name = this.#add(address);
      if (name !== undefined) named.set(name, member.id);
    }
    return named;
  }

  /** Its name, unless this side cannot or must not use what a member says. */
  #add(address: string): string | undefined {
    try {
      const name = this.#wire.nameOf(address);
      if (this.#members.has(name)) return name;
      if (!this.#discovers || this.#learnedCount >= maxLearned) return undefined;
      const member = new Member(address, this.#wire);
      void member.transport;
      this.#members.set(name, member);
      return name;
    } catch {
      return undefined;
    }
  }

  get #learnedCount(): number {
    return this.#members.size - this.#given.size;
  }

  #closeSoon(member: Member): void {
    const closing = member.close().catch(() => undefined);
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }
}

function newestOf(statuses: readonly KvStatus[]): KvStatus | undefined {
  return statuses.toSorted((a, b) => b.term - a.term)[0];
}
