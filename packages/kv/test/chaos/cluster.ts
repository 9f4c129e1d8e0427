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
import { lastingPorts } from './ports.ts';
import { StatusWitness } from './status-witness.ts';

const guardProgram = fileURLToPath(
  new URL('../../../quorate/test/chaos/guard.ts', import.meta.url),
);
const lookMs = 100;
const answerMs = 1500;
const orderMs = 7000;

interface Place {
  readonly port: number;
  readonly httpPort: number;
  process: MemberProcess | undefined;
  /** As the process that is there has told it last. */
  status: KvStatus | undefined;
}

export interface KvChaosClusterOptions {
  /** Each member has a folder and a log in it. */
  readonly directory: string;
  /** The folder goes with a runner that is killed before anything was found. */
  readonly isTemporary: boolean;
  readonly findings: Findings;
}

/** The hash of a member's state at a revision. */
export interface MemberHash {
  readonly revision: number;
  readonly hash: string;
}

/** Members of the key-value server, each a process, and the links between them. */
export class KvChaosCluster implements FaultyCluster {
  readonly links: LinkTable;
  readonly witness: StatusWitness;
  readonly #options: KvChaosClusterOptions;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #guard: ChildProcess;
  readonly #over = new AbortController();
  #looking: Promise<unknown> = Promise.resolve();

  private constructor(
    links: LinkTable,
    places: ReadonlyMap<string, Place>,
    options: KvChaosClusterOptions,
  ) {
    this.links = links;
    this.#places = places;
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

  static async open(
    slots: readonly string[],
    options: KvChaosClusterOptions,
  ): Promise<KvChaosCluster> {
    const links = await LinkTable.open(slots);
    const ports = await lastingPorts(2 * slots.length);
    const places = slots.map((slot, at) => {
      const [port = 0, httpPort = 0] = ports.slice(2 * at);
      links.lead(slot, port);
      return [slot, { port, httpPort, process: undefined, status: undefined }] as const;
    });
    return new KvChaosCluster(links, new Map(places), options);
  }

  get slots(): readonly string[] {
    return [...this.#places.keys()];
  }

  /** Name to `host:port`. Clients reach the members directly. */
  get peers(): Readonly<Record<string, string>> {
    const peers = [...this.#places].map(([slot, { port }]) => [slot, `127.0.0.1:${port}`] as const);
    return Object.fromEntries(peers);
  }

  /** Of those who believe that they lead, the one in the newest term. */
  get leader(): string | undefined {
    const leaders = [...this.#places].filter(
      ([, { process, status }]) =>
        process?.isAlive === true && !process.isPaused && status?.role === 'leader',
    );
    const newest = leaders.toSorted(([, one], [, other]) => termOf(other) - termOf(one))[0];
    return newest?.[0];
  }

  nameOf(slot: string): string {
    return slot;
  }

  processOf(slot: string): MemberProcess | undefined {
    return this.#place(slot).process;
  }

  /** Starts the member from what is on its disk, unless it runs. */
  async start(slot: string): Promise<void> {
    const place = this.#place(slot);
    // One that was killed keeps its data locked until it is gone.
    if (place.process?.isAlive !== true) await place.process?.gone;
    if (this.#over.signal.aborted || place.process?.isAlive === true) return;
    const { directory, findings } = this.#options;
    const { port, httpPort } = place;
    const start = { name: slot, port, httpPort, peers: this.peers, routes: this.#routesOf(slot) };
    const log = path.join(directory, `${slot}.log`);
    const folder = path.join(directory, slot);
    place.process = new MemberProcess({ ...start, folder, log }, (how) => {
      if (this.#over.signal.aborted) return;
      findings.add('member-died', `The process of member ${slot} ${how}.`);
    });
    this.#tellGuard();
    // For who finds processes later and wonders whose they are.
    await appendFile(path.join(directory, 'processes.txt'), `${place.process.pid}\n`);
  }

  /** Kills the process, if there is one. */
  async kill(slot: string): Promise<void> {
    const place = this.#place(slot);
    place.status = undefined;
    await place.process?.kill();
    this.#tellGuard();
  }

  /** Ends it by SIGTERM, if it runs. */
  async stop(slot: string): Promise<void> {
    const place = this.#place(slot);
    await place.process?.stop();
    place.status = undefined;
    this.#tellGuard();
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

  /** Kills everything at once. */
  killNow(): void {
    this.#over.abort();
    for (const { process } of this.#places.values()) void process?.kill();
  }

  async close(): Promise<void> {
    this.killNow();
    await this.#looking;
    for (const { process } of this.#places.values()) await process?.gone;
    this.#tellGuard();
    process.removeListener('exit', this.#onExit);
    if (this.#guard.connected) this.#guard.disconnect();
    await this.links.close();
  }

  async #lookAt(slot: string): Promise<void> {
    const { signal } = this.#over;
    const place = this.#place(slot);
    while (!signal.aborted) {
      const { process } = place;
      const status = process?.isAlive === true ? await this.#ask(slot, '/v1/status') : undefined;
      if (place.process === process && process?.isAlive === true) {
        place.status = status as KvStatus | undefined;
        // One that ends is out of service by right.
        const { status: told } = place;
        if (told !== undefined && !process.isStopping) this.witness.sees(slot, told);
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
    const url = `http://127.0.0.1:${this.#place(slot).httpPort}${where}`;
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
      this.#place(to).port,
      Number(new URL(`tcp://${address}`).port),
    ]);
    return Object.fromEntries(routes) as Record<string, number>;
  }

  get #pids(): readonly number[] {
    return [...this.#places.values()].flatMap(({ process: member }) =>
      member?.isAlive === true ? (member.pid ?? []) : [],
    );
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

  #place(slot: string): Place {
    const place = this.#places.get(slot);
    if (place === undefined) throw new RangeError(`There is no member ${slot}.`);
    return place;
  }
}

function termOf({ status }: Place): number {
  return status?.term ?? 0;
}
