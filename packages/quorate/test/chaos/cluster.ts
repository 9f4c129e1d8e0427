import { type ChildProcess, fork } from 'node:child_process';
import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CallError, type Caller } from './call.ts';
import type { Findings } from './findings.ts';
import type { Charge } from './guard.ts';
import { LinkTable } from './link-table.ts';
import { NodeProcess } from './node-process.ts';
import type { NetworkName, Order, OrderAnswer, Picture, Report, StateAnswer } from './protocol.ts';
import { Witness } from './witness.ts';

const guardProgram = fileURLToPath(new URL('guard.ts', import.meta.url));
/** Longer than a node takes for an order. */
const orderMs = 7000;
const stateMs = 2000;

interface Slot {
  /** Of the node that has it now; its processes come and go. */
  name: string;
  generation: number;
  process: NodeProcess | undefined;
  port: number | undefined;
  picture: Picture | undefined;
}

/** The processes, one in each slot, and the links between them. */
export class ChaosCluster {
  readonly links: LinkTable;
  readonly witness: Witness;
  readonly #directory: string;
  readonly #isTemporary: boolean;
  readonly #network: NetworkName;
  readonly #findings: Findings;
  readonly #caller: Caller;
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #guard: ChildProcess;
  #isOver = false;

  private constructor(
    slots: readonly string[],
    links: LinkTable,
    { directory, isTemporary, network, findings, caller }: ChaosClusterOptions,
  ) {
    this.links = links;
    this.witness = new Witness(findings);
    this.#directory = directory;
    this.#isTemporary = isTemporary;
    this.#network = network;
    this.#findings = findings;
    this.#caller = caller;
    const places = slots.map((slot) => [slot, emptySlot(slot)] as const);
    this.#slots = new Map(places);
    const execArgv = ['--disable-warning=ExperimentalWarning'];
    // In a group of its own, so that what ends the runner's does not end the guard.
    this.#guard = fork(guardProgram, {
      execArgv,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    this.#tellGuard();
    findings.signal.addEventListener('abort', () => this.#tellGuard());
    process.once('exit', this.#onExit);
  }

  static async open(slots: readonly string[], options: ChaosClusterOptions): Promise<ChaosCluster> {
    return new ChaosCluster(slots, await LinkTable.open(slots), options);
  }

  get slots(): readonly string[] {
    return [...this.#slots.keys()];
  }

  get names(): readonly string[] {
    return [...this.#slots.values()].map(({ name }) => name);
  }

  nameOf(slot: string): string {
    return this.#slot(slot).name;
  }

  portOf(slot: string): number | undefined {
    return this.#slot(slot).port;
  }

  pictureOf(slot: string): Picture | undefined {
    return this.#slot(slot).picture;
  }

  processOf(slot: string): NodeProcess | undefined {
    return this.#slot(slot).process;
  }

  /** Of those who believe that they lead, the one in the newest term. */
  get leader(): string | undefined {
    let leader: string | undefined;
    let newest = -1;
    for (const [slot, { picture, process }] of this.#slots) {
      if (process?.isAlive !== true || process.isPaused) continue;
      if (picture?.role !== 'leader' || !picture.isRunning || picture.term <= newest) continue;
      leader = slot;
      newest = picture.term;
    }
    return leader;
  }

  /** Starts the node in a slot, from what is on its disk, unless it runs. */
  async start(slot: string): Promise<void> {
    const place = this.#slot(slot);
    if (!this.#mayStart(place)) return;
    const { name } = place;
    const directory = path.join(this.#directory, name);
    await mkdir(directory, { recursive: true });
    // One that was killed keeps its data locked until it is gone.
    await place.process?.gone;
    if (!this.#mayStart(place) || place.name !== name) return;
    const links = this.links.addressesFor(slot);
    const started = { name, network: this.#network, directory, links };
    const log = path.join(this.#directory, `${name}.log`);
    this.witness.starts(name);
    place.process = new NodeProcess(started, log, {
      onReport: (report) => this.#take(slot, name, report),
      onDeath: (how) => {
        if (!this.#isOver) this.#findings.add('node-died', `The process of node ${name} ${how}.`);
      },
    });
    this.#tellGuard();
    // For who finds processes later and wonders whose they are.
    await appendFile(path.join(this.#directory, 'processes.txt'), `${place.process.pid}\n`);
  }

  /** Kills the process in a slot, if there is one. */
  async kill(slot: string): Promise<void> {
    const place = this.#slot(slot);
    this.#leave(slot, place);
    await place.process?.kill();
    this.#tellGuard();
  }

  /** A new node with a new name and an empty disk takes the slot; the old one must be out. */
  async replace(slot: string): Promise<string> {
    await this.kill(slot);
    const place = this.#slot(slot);
    place.generation += 1;
    place.name = `${slot}${place.generation}`;
    await this.start(slot);
    return place.name;
  }

  /** Never rejects. */
  async order(slot: string, order: Order): Promise<OrderAnswer> {
    const port = this.portOf(slot);
    if (port === undefined) return { done: false, why: `Node ${this.nameOf(slot)} does not run.` };
    try {
      return (await this.#caller.call(port, '/order', order, orderMs)) as OrderAnswer;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      return { done: false, why: error.message };
    }
  }

  /** `undefined` if it does not answer. */
  async stateOf(slot: string): Promise<StateAnswer | undefined> {
    const port = this.portOf(slot);
    if (port === undefined) return undefined;
    try {
      return (await this.#caller.call(port, '/state', {}, stateMs)) as StateAnswer;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      return undefined;
    }
  }

  /** Kills everything at once. */
  killNow(): void {
    this.#isOver = true;
    for (const { process } of this.#slots.values()) void process?.kill();
  }

  async close(): Promise<void> {
    this.killNow();
    for (const { process } of this.#slots.values()) await process?.gone;
    await this.links.close();
    process.removeListener('exit', this.#onExit);
    this.#charge({ pids: [] });
    if (this.#guard.connected) this.#guard.disconnect();
  }

  #take(slot: string, name: string, report: Report): void {
    const place = this.#slot(slot);
    if (place.name !== name) return;
    switch (report.type) {
      case 'listening':
        place.port = report.port;
        this.links.lead(slot, report.nodePort);
        return;
      case 'picture':
        place.picture = report;
        this.witness.sees(name, report);
        return;
      case 'chain':
        this.witness.compares(name, report);
        return;
      case 'failed':
        this.#findings.add('node-did-not-start', `Node ${name}: ${report.message}`);
    }
  }

  #mayStart({ process }: Slot): boolean {
    return !this.#isOver && process?.isAlive !== true;
  }

  #leave(slot: string, place: Slot): void {
    place.port = undefined;
    place.picture = undefined;
    this.links.lead(slot, undefined);
  }

  get #pids(): readonly number[] {
    return [...this.#slots.values()].flatMap(({ process: node }) =>
      node?.isAlive === true ? (node.pid ?? []) : [],
    );
  }

  #tellGuard(): void {
    const pids = this.#pids;
    // What was found stays, however the runner ends.
    const mayGo = this.#isTemporary && this.#findings.all.length === 0;
    this.#charge(mayGo ? { pids, folder: this.#directory } : { pids });
  }

  /** The runner ends by a mistake of its own: then the folder is needed. */
  readonly #onExit = (): void => this.#charge({ pids: this.#pids });

  #charge(charge: Charge): void {
    if (this.#guard.connected) this.#guard.send(charge);
  }

  #slot(slot: string): Slot {
    const place = this.#slots.get(slot);
    if (place === undefined) throw new RangeError(`There is no slot ${slot}.`);
    return place;
  }
}

export interface ChaosClusterOptions {
  /** Each node has a folder and a log in it. */
  readonly directory: string;
  /** The folder goes with a runner that is killed before anything was found. */
  readonly isTemporary: boolean;
  readonly network: NetworkName;
  readonly findings: Findings;
  readonly caller: Caller;
}

function emptySlot(name: string): Slot {
  return { name, generation: 1, process: undefined, port: undefined, picture: undefined };
}
