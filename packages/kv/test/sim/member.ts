import type { Logger } from 'quorate';
import { walStorage } from 'quorate/storage/wal';
import { type CrashKind, SimDisk } from '../../../quorate/test/sim/disk.ts';

import { wirePort } from '../../../quorate/test/sim/wire-net.ts';
import { KvMember, type KvMemberOptions } from '../../src/server/member.ts';
import { memoryStoreOf } from '../store/kit.ts';
import { httpAddressOf } from './http-fetch.ts';
import { SimHttpServer } from './http-server.ts';
import { KvProcess } from './process.ts';
import type { KvWorld } from './world.ts';

/** Who is told of what becomes of a member. */
export interface MemberEvents {
  /** It takes calls, and, if it joins, has its place. */
  started(member: SimMember): void;
  /** Its program could not start; its process is gone. */
  startFailed(member: SimMember, error: unknown): void;
  /** Its node has stopped by itself, and so has its program. */
  stopped(member: SimMember, fatal: Error): void;
  /** A process of it is gone, for whatever reason. */
  ended(member: SimMember): void;
  /** Something is in its log that is worth an error. */
  complains(member: SimMember, message: string, details: Readonly<Record<string, unknown>>): void;
}

/** One member: its disk, and its processes one after the other. */
export class SimMember {
  readonly name: string;
  readonly disk: SimDisk;
  /** How fast the clock of its next process goes. */
  rate = 1;
  process: KvProcess | undefined;
  member: KvMember | undefined;
  /** Answers as soon as the process has begun. */
  http: SimHttpServer | undefined;
  /** How much of what this process has applied was looked at. */
  seen = 1;
  life = 0;
  readonly #world: KvWorld;
  #isClosing = false;
  #isEnded = false;
  readonly #place: Partial<KvMemberOptions>;
  readonly #events: MemberEvents;

  constructor(
    name: string,
    world: KvWorld,
    {
      events,
      place = {},
    }: {
      readonly events: MemberEvents;
      /** By whom it joins, if it is none of the first members. */
      readonly place?: Partial<KvMemberOptions> | undefined;
    },
  ) {
    this.name = name;
    this.#world = world;
    this.#place = place;
    this.#events = events;
    this.disk = new SimDisk({
      queue: world.queue,
      choices: world.choices,
      delayMs: world.knobs.disk.delayMs,
      onOperation: () => false,
      onFailed: () => undefined,
      onStall: () => world.countFault('disk.stall'),
    });
  }

  get address(): string {
    return `${this.name}:${wirePort}`;
  }

  /** It takes calls. */
  get isUp(): boolean {
    return this.member !== undefined && !this.#isClosing;
  }

  /** A process of it lives, though it may still be starting. */
  get isAlive(): boolean {
    return this.process !== undefined && !this.process.isDead;
  }

  get isPaused(): boolean {
    return this.process?.isPaused ?? false;
  }

  get leads(): boolean {
    return this.member?.raft.metrics.role === 'leader';
  }

  /** Starts a process on what is on the disk. */
  start(): void {
    if (this.isAlive || this.#isEnded) return;
    const { queue, choices } = this.#world;
    this.life += 1;
    this.#isClosing = false;
    this.seen = 1;
    const process = new KvProcess({
      node: this.name,
      life: this.life,
      queue,
      choices,
      rate: this.rate,
    });
    this.process = process;
    this.http = new SimHttpServer(this.name, process, this.#logger(process));
    this.disk.attach(process);
    this.#world.tell(`start ${this.name} ${this.life}`);
    this.#run(process).catch((error: unknown) => {
      if (process.isDead) return;
      this.#end(process, 'kill');
      this.#world.tell(`could not start ${this.name}`);
      this.#events.startFailed(this, error);
    });
  }

  /** Ends the process in the middle of things. */
  crash(kind: CrashKind): void {
    const { process } = this;
    if (process === undefined || process.isDead) return;
    this.#end(process, kind);
    this.#world.tell(`crash ${this.name} ${kind}`);
  }

  /** There is no process of it from now on. */
  end(): void {
    this.#isEnded = true;
    this.crash('kill');
  }

  /** Its disk is lost: it comes back with an empty one, and the same name. */
  wipe(): void {
    this.crash('kill');
    this.disk.replace();
    this.#world.quorum.wiped(this.name);
    this.#world.tell(`wipe ${this.name}`);
    this.start();
  }

  /** Closes the member as a program does that ends. */
  async close(): Promise<void> {
    const { member, process } = this;
    if (member === undefined || process === undefined || this.#isClosing) return;
    this.#isClosing = true;
    this.#world.tell(`close ${this.name}`);
    this.http?.close();
    await member.close();
    if (process.isDead) return;
    this.#end(process, 'kill');
    this.#world.tell(`closed ${this.name}`);
  }

  /** Looks at what the member has applied since it was looked at before. */
  look(): void {
    const { member } = this;
    if (member === undefined) return;
    const { chronicle, quorum } = this.#world;
    const { revision, compactedRevision } = member.store;
    if (revision === this.seen && compactedRevision <= chronicle.compacted) return;
    if (this.#isStrange) this.seen = revision;
    else this.seen = chronicle.look(this.name, memoryStoreOf(member), this.seen);
    quorum.look(this);
  }

  /** What it has is known not to be what the others have. */
  get #isStrange(): boolean {
    const { trouble } = this.#world;
    return trouble?.type === 'state' && trouble.member === this && trouble.state !== undefined;
  }

  async #run(process: KvProcess): Promise<void> {
    const { knobs, net, peers } = this.#world;
    const { segmentBytes, preallocate } = knobs.disk;
    const { files } = this.disk;
    const options = { files, runtime: process, segmentBytes, preallocate };
    const storage = await walStorage('/data', options);
    const sockets = net.socketsOf(this.name, process);
    const member = await KvMember.start({
      name: this.name,
      directory: '/data',
      listen: { host: this.name, port: wirePort },
      http: httpAddressOf(this.name),
      ...(this.#place.join === undefined ? { peers } : this.#place),
      storage,
      runtime: process,
      sockets: { acceptor: sockets, dialer: sockets },
      config: knobs.config,
      compaction: knobs.compaction,
      hashCheckMs: knobs.hashCheckMs,
      logger: this.#logger(process),
    });
    if (process.isDead) return;
    this.member = member;
    this.http?.use(member.service);
    this.look();
    this.#events.started(this);
    const fatal = await failureOf(member);
    if (fatal === undefined || process.isDead || this.#isClosing) return;
    this.#isClosing = true;
    this.#world.tell(`${this.name} stops: ${fatal.message}`);
    await member.close();
    if (process.isDead) return;
    this.#end(process, 'kill');
    this.#events.stopped(this, fatal);
  }

  #end(process: KvProcess, kind: CrashKind): void {
    this.look();
    this.#world.quorum.note(this);
    process.kill();
    this.member = undefined;
    this.http = undefined;
    this.disk.crash(kind);
    this.#events.ended(this);
  }

  #logger(process: KvProcess): Logger {
    const ignore = (): void => undefined;
    return {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (details, message) => {
        if (!process.isDead) this.#events.complains(this, message, details as typeof noDetails);
      },
    };
  }
}

const noDetails: Readonly<Record<string, unknown>> = {};

/** Why the node has stopped by itself, once it has; `undefined` once it was closed. */
async function failureOf({ raft }: KvMember): Promise<Error | undefined> {
  try {
    return (await raft.waitFor(({ fatal }) => fatal !== undefined)).fatal;
  } catch {
    return raft.metrics.fatal;
  }
}
