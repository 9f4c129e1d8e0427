import type { Logger } from 'quorate';
import { walStorage } from 'quorate/storage/wal';
import { type CrashKind, SimDisk } from '../../../quorate/test/sim/disk.ts';

import { wirePort } from '../../../quorate/test/sim/wire-net.ts';
import { KvMember, type KvMemberOptions } from '../../src/server/member.ts';
import { KvProcess } from './process.ts';
import { KvViolation } from './violation.ts';
import type { KvWorld } from './world.ts';

/** A stop that takes longer than it may is told as an error, and is none. */
const harmless = ['did not end in time; something hangs, and is left behind'];

/** One member: its disk, and its processes one after the other. */
export class SimMember {
  readonly name: string;
  readonly disk: SimDisk;
  /** How fast the clock of its next process goes. */
  rate = 1;
  process: KvProcess | undefined;
  member: KvMember | undefined;
  /** How much of what this process has applied was looked at. */
  seen = 1;
  readonly #world: KvWorld;
  #life = 0;
  #isClosing = false;
  #isEnded = false;
  readonly #place: Partial<KvMemberOptions>;

  /** @param place by whom it joins, if it is none of the first members. */
  constructor(name: string, world: KvWorld, place: Partial<KvMemberOptions> = {}) {
    this.name = name;
    this.#world = world;
    this.#place = place;
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
    this.#life += 1;
    this.#isClosing = false;
    this.seen = 1;
    const process = new KvProcess({
      node: this.name,
      life: this.#life,
      queue,
      choices,
      rate: this.rate,
    });
    this.process = process;
    this.disk.attach(process);
    this.#world.tell(`start ${this.name} ${this.#life}`);
    this.#run(process).catch((error: unknown) => {
      if (!process.isDead) this.#world.fail(error);
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

  /** Closes the member as a program does that ends. */
  async close(): Promise<void> {
    const { member, process } = this;
    if (member === undefined || process === undefined || this.#isClosing) return;
    this.#isClosing = true;
    this.#world.tell(`close ${this.name}`);
    await member.close();
    if (process.isDead) return;
    this.#end(process, 'kill');
    this.#world.tell(`closed ${this.name}`);
  }

  /** Looks at what the member has applied since it was looked at before. */
  look(): void {
    const { member } = this;
    if (member === undefined) return;
    const { chronicle } = this.#world;
    const { revision, compactedRevision } = member.store;
    if (revision === this.seen && compactedRevision <= chronicle.compacted) return;
    this.seen = chronicle.look(this.name, member.store, this.seen);
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
    this.look();
  }

  #end(process: KvProcess, kind: CrashKind): void {
    this.look();
    process.kill();
    this.member = undefined;
    this.disk.crash(kind);
  }

  /** Nothing that is worth an error may happen: no disk fails here, and no state is wrong. */
  #logger(process: KvProcess): Logger {
    const ignore = (): void => undefined;
    return {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (details, message) => {
        if (process.isDead || harmless.includes(message)) return;
        // One that was removed says so, until it is ended.
        if (this.#world.replacement?.old === this) return;
        const text = `Member ${this.name} says: ${message} ${JSON.stringify(details)}`;
        this.#world.fail(new KvViolation('health', text));
      },
    };
  }
}
