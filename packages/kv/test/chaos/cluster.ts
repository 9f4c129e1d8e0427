import { type ChildProcess, fork } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FaultyCluster } from '../../../quorate/test/chaos/faults.ts';
import type { Findings } from '../../../quorate/test/chaos/findings.ts';
import type { Charge } from '../../../quorate/test/chaos/guard.ts';
import { LinkTable } from '../../../quorate/test/chaos/link-table.ts';
import type { Order, OrderAnswer } from '../../../quorate/test/chaos/protocol.ts';
import type { KvStatus } from '../../src/types.ts';
import { MemberProcess } from './member-process.ts';
import type { DiskLevel } from './plan.ts';
import { lastingPorts } from './ports.ts';
import { Rooms } from './rooms.ts';
import { Seats } from './seats.ts';
import { StatusWitness } from './status-witness.ts';

const guardProgram = fileURLToPath(
  new URL('../../../quorate/test/chaos/guard.ts', import.meta.url),
);
const lookMs = 100;
const answerMs = 1500;
const orderMs = 7000;

export interface KvChaosClusterOptions {
  /** Each member has a folder in it, and each seat a log. */
  readonly directory: string;
  /** The folder goes with a runner that is killed before anything was found. */
  readonly isTemporary: boolean;
  readonly findings: Findings;
  /** Each member has a small disk of this size, where this user may mount one. */
  readonly diskMegabytes: number | undefined;
}

/** The hash of a member's state at a revision. */
export interface MemberHash {
  readonly revision: number;
  readonly hash: string;
}

/** Members of the key-value server, each a process, and the links between them. */
export class KvChaosCluster implements FaultyCluster {
  readonly links: LinkTable;
  readonly seats: Seats;
  readonly witness: StatusWitness;
  readonly #options: KvChaosClusterOptions;
  readonly #rooms: Rooms;
  readonly #guard: ChildProcess;
  readonly #over = new AbortController();
  /** Processes of others that end with the runner. */
  readonly #charges = new Set<number>();
  /** So many wish that nobody is started at the moment. */
  #stops = 0;
  #looking: Promise<unknown> = Promise.resolve();

  private constructor(
    { links, seats, rooms }: { links: LinkTable; seats: Seats; rooms: Rooms },
    options: KvChaosClusterOptions,
  ) {
    this.links = links;
    this.seats = seats;
    this.#rooms = rooms;
    this.#options = options;
    this.witness = new StatusWitness(options.findings);
    // In a group of its own, so that what ends the runner's does not end the guard.
    this.#guard = fork(guardProgram, {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    options.findings.signal.addEventListener('abort', () => this.#tellGuard());
    process.once('exit', this.#onExit);
  }

  /** Of the slots the last one is free at first. */
  static async open(
    slots: readonly string[],
    options: KvChaosClusterOptions,
  ): Promise<KvChaosCluster> {
    const links = await LinkTable.open(slots);
    const seats = new Seats(slots, await lastingPorts(2 * slots.length));
    for (const slot of slots) links.lead(slot, seats.at(slot).port);
    const rooms = await Rooms.open({ ...options, slots });
    return new KvChaosCluster({ links, seats, rooms }, options);
  }

  /** All seats, also one that is free. */
  get slots(): readonly string[] {
    return this.seats.slots;
  }

  get taken(): readonly string[] {
    return this.seats.taken;
  }

  get leader(): string | undefined {
    return this.seats.leader;
  }

  /** Where members are, or will be. Clients reach them directly. */
  get addresses(): readonly string[] {
    return this.slots.map((slot) => this.seats.addressOf(slot));
  }

  nameOf(slot: string): string {
    return this.seats.nameOf(slot);
  }

  standInFor(slot: string): string {
    return this.seats.standInFor(slot);
  }

  processOf(slot: string): MemberProcess | undefined {
    return this.seats.at(slot).process;
  }

  /** Starts the member from what is on its disk, unless it runs, or must not. */
  async start(slot: string): Promise<void> {
    const seat = this.seats.at(slot);
    // One that was killed keeps its data locked until it is gone.
    if (seat.process?.isAlive !== true) await seat.process?.gone;
    const { member } = seat;
    if (this.#over.signal.aborted || this.#stops > 0 || seat.process?.isAlive === true) return;
    if (member === undefined || member.isOut) return;
    const { directory, findings } = this.#options;
    const { port, httpPort } = seat;
    const start = {
      ...{ name: member.name, port, httpPort, comesBy: this.seats.wayOf(slot) },
      ...{ routes: this.#routesOf(slot), room: this.#rooms.fileOf(slot) },
      folder: this.#rooms.folderOf(slot, member.name),
      ...{ log: path.join(directory, `${slot}.log`), within: this.#rooms.words },
    };
    const startedAt = performance.now();
    seat.isOpen = false;
    seat.process = new MemberProcess(start, (how) => {
      if (this.#over.signal.aborted || member.isLeaving) return;
      // Without any room none can be started; who runs has to live through that.
      if (!seat.isOpen && this.#rooms.wasFullSince(slot, startedAt)) {
        if (!this.#rooms.isFull(slot)) void this.start(slot);
        return;
      }
      findings.add('member-died', `The process of member ${member.name} ${how}.`);
    });
    this.#tellGuard();
    await this.noteProcess(seat.process.pid);
  }

  /** Kills the process, if there is one. */
  async kill(slot: string): Promise<void> {
    const seat = this.seats.at(slot);
    seat.status = undefined;
    await seat.process?.kill();
    this.#tellGuard();
  }

  /** Ends it by SIGTERM, if it runs. */
  async stop(slot: string): Promise<void> {
    const seat = this.seats.at(slot);
    await seat.process?.stop();
    seat.status = undefined;
    this.#tellGuard();
  }

  /** What becomes of the member in this seat is no finding any more. */
  dismiss(slot: string): void {
    const { member } = this.seats.at(slot);
    if (member !== undefined) member.isLeaving = true;
  }

  /** The member in this seat is killed, and its disk is lost. */
  async lose(slot: string): Promise<void> {
    this.dismiss(slot);
    const { member } = this.seats.at(slot);
    if (member !== undefined) member.isOut = true;
    await this.kill(slot);
    await this.#rooms.removeFolder(slot, this.nameOf(slot));
  }

  /** The member in this seat has left: it is ended, if it runs, and the seat is free. */
  async vacate(slot: string): Promise<void> {
    const seat = this.seats.at(slot);
    if (seat.member !== undefined) seat.member.isOut = true;
    await this.stop(slot);
    await this.#rooms.removeFolder(slot, this.nameOf(slot));
    seat.process = undefined;
    seat.member = undefined;
  }

  /** Nobody is started meanwhile; then all are. */
  async standStill(work: () => Promise<void>): Promise<void> {
    this.#stops += 1;
    try {
      await work();
    } finally {
      this.#stops -= 1;
    }
    await Promise.all(this.slots.map((slot) => this.start(slot)));
  }

  /** There is so little room on its disk, or, if nothing is said, as much as there is. */
  async setRoom(slot: string, level?: DiskLevel): Promise<void> {
    await this.#rooms.set(slot, level);
    // It may have ended for lack of room to start in.
    if (level === undefined) await this.start(slot);
  }

  /** A process that is to end if the runner does. Returns what to call when it has ended. */
  charge(pid: number | undefined): () => void {
    if (pid === undefined) return () => undefined;
    this.#charges.add(pid);
    this.#tellGuard();
    return () => {
      this.#charges.delete(pid);
      this.#tellGuard();
    };
  }

  /** For who finds processes later and wonders whose they are. */
  async noteProcess(pid: number | undefined): Promise<void> {
    await appendFile(path.join(this.#options.directory, 'processes.txt'), `${pid}\n`);
  }

  /** Asks all members again and again who they are, until all is over. */
  look(): void {
    this.#looking = Promise.all(this.slots.map((slot) => this.#lookAt(slot)));
  }

  /** Whether the member is up to date. */
  async isReady(slot: string): Promise<boolean> {
    return (await this.#ask(slot, '/readyz')) !== undefined;
  }

  async hashOf(slot: string): Promise<MemberHash | undefined> {
    return (await this.#ask(slot, '/v1/hash')) as MemberHash | undefined;
  }

  /** Never rejects. Members take only one order of the library's. */
  async order(slot: string, order: Order): Promise<OrderAnswer> {
    const { type } = order;
    if (type !== 'transfer') return { done: false, why: `A member takes no order ${type}.` };
    const { to } = order;
    const body = JSON.stringify(to === undefined ? {} : { to });
    const answer = await this.#ask(slot, '/v1/leader/transfer', { body, ms: orderMs });
    return answer === undefined ? { done: false, why: 'It was refused.' } : { done: true };
  }

  /** Where this seat's member answers HTTP. */
  httpOf(slot: string): string {
    return `http://127.0.0.1:${this.seats.at(slot).httpPort}`;
  }

  /** Kills everything at once. */
  killNow(): void {
    this.#over.abort();
    for (const { process } of this.seats.all) void process?.kill();
  }

  async close(): Promise<void> {
    this.killNow();
    await this.#looking;
    for (const { process } of this.seats.all) await process?.gone;
    const { isTemporary, findings } = this.#options;
    await this.#rooms.close({ isKept: !isTemporary || findings.all.length > 0 });
    this.#tellGuard();
    process.removeListener('exit', this.#onExit);
    if (this.#guard.connected) this.#guard.disconnect();
    await this.links.close();
  }

  async #lookAt(slot: string): Promise<void> {
    const { signal } = this.#over;
    const seat = this.seats.at(slot);
    while (!signal.aborted) {
      const { process, member } = seat;
      const status = process?.isAlive === true ? await this.#ask(slot, '/v1/status') : undefined;
      if (seat.process === process && process?.isAlive === true) {
        seat.status = status as KvStatus | undefined;
        const { status: told } = seat;
        if (told !== undefined && told.role !== 'starting') seat.isOpen = true;
        // One that ends, or leaves, is out of service by right.
        const isBound = !process.isStopping && member?.isLeaving === false;
        if (told !== undefined && isBound) this.witness.sees(member.name, told);
      }
      await sleep(lookMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The answer, or `undefined` if there is none, or a refusal. */
  async #ask(
    slot: string,
    where: string,
    { body, ms = answerMs }: { readonly body?: string; readonly ms?: number } = {},
  ): Promise<unknown> {
    const url = `${this.httpOf(slot)}${where}`;
    const signal = AbortSignal.any([AbortSignal.timeout(ms), this.#over.signal]);
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    try {
      const response = await fetch(
        url,
        body === undefined ? { signal } : { ...post, body, signal },
      );
      const answer: unknown = await response.json();
      return response.ok ? answer : undefined;
    } catch {
      return undefined;
    }
  }

  #routesOf(slot: string): Record<string, number> {
    const links = Object.entries(this.links.addressesFor(slot));
    const routes = links.map(([to, address]) => [
      this.seats.at(to).port,
      Number(new URL(`tcp://${address}`).port),
    ]);
    return Object.fromEntries(routes) as Record<string, number>;
  }

  get #pids(): readonly number[] {
    const members = this.seats.all.flatMap(({ process: member }) =>
      member?.isAlive === true ? (member.pid ?? []) : [],
    );
    return [...members, ...this.#charges];
  }

  #tellGuard(): void {
    const { isTemporary, findings, directory } = this.#options;
    // What was found stays, however the runner ends.
    const mayGo = isTemporary && findings.all.length === 0;
    this.#charge({ pids: this.#pids, ...(mayGo ? { folder: directory } : {}) });
  }

  /** The runner ends by a mistake of its own: then the folder is needed. */
  readonly #onExit = (): void => this.#charge({ pids: this.#pids });

  #charge(charge: Charge): void {
    if (this.#guard.connected) this.#guard.send(charge);
  }
}
