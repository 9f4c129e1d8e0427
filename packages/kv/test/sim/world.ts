import { between, type Choices } from '../../../quorate/test/sim/choices.ts';
import { drive } from '../../../quorate/test/sim/drive.ts';
import { EventQueue } from '../../../quorate/test/sim/event-queue.ts';
import { addText } from '../../../quorate/test/sim/hash.ts';
import { Links } from '../../../quorate/test/sim/links.ts';
import { WireNet, wirePort } from '../../../quorate/test/sim/wire-net.ts';
import { byteString } from '../../src/bytes.ts';
import type { Change } from '../checks/watches.ts';
import { Chronicle } from './chronicle.ts';
import { SimClient } from './client.ts';
import type { FaultKind, KvKnobs } from './knobs.ts';
import { SimMember } from './member.ts';
import { eventsOf } from './member-events.ts';
import { QuorumWatch } from './quorum-watch.ts';
import { Records } from './records.ts';
import { guardStrange } from './strange-state.ts';
import type { Trouble } from './trouble.ts';
import { KvViolation } from './violation.ts';

export interface KvWorldOptions {
  readonly choices: Choices;
  readonly knobs: KvKnobs;
  /** Told of each thing that happens. */
  readonly onTold?: ((line: string) => void) | undefined;
}

/** A run that goes on for longer than this does not come to an end by itself. */
const maxEvents = 3_000_000;

/** Everything in one run: time, wires, members, clients, and what they did and saw. */
export class KvWorld {
  readonly queue = new EventQueue();
  readonly choices: Choices;
  readonly knobs: KvKnobs;
  readonly links: Links;
  readonly net: WireNet;
  readonly members = new Map<string, SimMember>();
  readonly clients = new Map<string, SimClient>();
  /** Names and addresses of the first members. */
  readonly peers: Readonly<Record<string, string>>;
  /** A fault that has to take its course is under way until then. */
  reservedUntil = 0;
  trouble: Trouble | undefined;
  /** Members whose state was made to differ at some time. */
  readonly strange = new Set<string>();
  /** Who votes when no change is under way, as operators have it. */
  readonly wanted: { readonly voters: Set<string> };
  /** Members that have, or had, a name. */
  named: number;
  /** Of the first members so many have left, or are about to. */
  left = 0;
  readonly quorum: QuorumWatch;
  readonly records = new Records();
  readonly chronicle = new Chronicle({ onChange: (change) => this.#changed(change) });
  readonly faults = new Map<string, number>();
  readonly marks = new Map<string, number>();
  /** Nothing goes wrong any more, and workers take nothing new up. */
  isCalm = false;
  eventCount = 0;
  failure: { readonly error: unknown } | undefined;
  hash = 0x811c_9dc5;
  readonly #onTold: ((line: string) => void) | undefined;

  constructor({ choices, knobs, onTold }: KvWorldOptions) {
    this.choices = choices;
    this.knobs = knobs;
    this.#onTold = onTold;
    const { queue } = this;
    const { delayMs, refuses } = knobs.net;
    this.links = new Links({ queue, choices, delayMs, ordered: true });
    this.net = new WireNet({
      links: this.links,
      queue,
      choices,
      refuses,
      countFault: (kind) => this.countFault(kind),
      processAt: (name) => {
        const process = (this.members.get(name) ?? this.clients.get(name))?.process;
        return process?.isDead === false ? process : undefined;
      },
      onWrite: () => undefined,
    });
    const names = Array.from({ length: knobs.memberCount }, (_, at) => `member-${at + 1}`);
    this.peers = Object.fromEntries(names.map((name) => [name, `${name}:${wirePort}`]));
    this.named = names.length;
    this.wanted = { voters: new Set(names) };
    this.quorum = new QuorumWatch(this);
    const events = eventsOf(this);
    for (const name of names) this.members.set(name, new SimMember(name, this, { events }));
    for (let at = 1; at <= knobs.clientCount; at += 1) {
      this.clients.set(`client-${at}`, new SimClient(`client-${at}`, this));
    }
    if (knobs.faults['clock.rate']) {
      for (const one of [...this.members.values(), ...this.clients.values()]) {
        one.rate = this.drawRate();
      }
    }
  }

  get now(): number {
    return this.queue.now;
  }

  get isOver(): boolean {
    return this.failure !== undefined;
  }

  /** Where the members are that there are now. */
  get addresses(): readonly string[] {
    return [...this.members.values()].map(({ address }) => address);
  }

  /** A member with a new name, which takes part in the cluster once it has started and joined. */
  addMember({ isAdded }: { readonly isAdded: boolean }): SimMember {
    this.named += 1;
    const name = `member-${this.named}`;
    const member = this.#comer(name, { isAdded });
    if (this.knobs.faults['clock.rate']) member.rate = this.drawRate();
    return member;
  }

  /** One with the name of a member that has left, and an empty disk. */
  addGhost(name: string): SimMember {
    return this.#comer(name, { isAdded: false });
  }

  #comer(name: string, { isAdded }: { readonly isAdded: boolean }): SimMember {
    // One that was added stays a learner until it is promoted, also if its program says otherwise.
    const voter = !isAdded || this.choices.choose('change.votes', 2) === 1;
    const place = { join: this.addresses, voter };
    const member = new SimMember(name, this, { events: eventsOf(this), place });
    this.members.set(name, member);
    return member;
  }

  drawRate(): number {
    const { slowest, fastest } = this.knobs.clock;
    // Clocks that differ as much as they may tell most.
    const way = this.choices.choose('clock.way', 3);
    if (way > 0) return way === 1 ? slowest : fastest;
    return between(this.choices, 'clock.rate', slowest, fastest);
  }

  /** Lets things happen until `isDone`, or for `ms`. Returns whether it is done. */
  async run(ms: number, isDone: () => boolean): Promise<boolean> {
    await drive({
      queue: this.queue,
      until: this.now + ms,
      isOver: () => {
        this.#settled();
        return this.isOver || isDone();
      },
      onEvent: () => {
        this.eventCount += 1;
        this.hash = Math.imul(this.hash ^ (this.now * 1024), 0x0100_0193);
      },
      onError: (error) => this.fail(error),
    });
    return !this.isOver && isDone();
  }

  /** Something has happened: it goes into the hash of the run. */
  tell(line: string): void {
    this.hash = addText(this.hash, line);
    this.#onTold?.(`${(this.now / 1000).toFixed(4)} ${line}`);
  }

  fail(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = { error };
    this.tell(`failure ${String(error)}`);
  }

  countFault(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }

  fault(kind: FaultKind, text: string): void {
    this.countFault(kind);
    this.tell(`${kind} ${text}`);
  }

  mark(name: string): void {
    this.marks.set(name, (this.marks.get(name) ?? 0) + 1);
  }

  #settled(): void {
    if (this.eventCount > maxEvents) {
      const text = `${maxEvents} events in ${Math.round(this.now)} ms are too many.`;
      this.fail(new KvViolation('bounds', text));
    }
    if (this.isOver) return;
    try {
      for (const member of this.members.values()) member.look();
      guardStrange(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** A lease that a client may count on must not have lost its key. */
  #changed({ revision, events }: Change): void {
    const { keptLeases, leaseEvents } = this.records;
    for (const { type, kv } of events) {
      const key = byteString(kv.key);
      this.tell(`change ${revision} ${type} ${key}`);
      if (type !== 'delete') continue;
      const raw = /^raw-lease-(\d+)$/.exec(key);
      if (raw !== null) {
        const lease = Number(raw[1]);
        leaseEvents.push({ type: 'deleted', lease, revision, returnedAt: this.now });
      }
      const kept = keptLeases.get(key);
      if (kept === undefined || kept.isRevoked || kept.sureMs() <= 0) continue;
      const sure = `${Math.round(kept.sureMs())} ms`;
      const text = `Lease ${kept.id} lost ${key} at ${revision}, and was sure for ${sure} more.`;
      throw new KvViolation('lease', text);
    }
  }
}
