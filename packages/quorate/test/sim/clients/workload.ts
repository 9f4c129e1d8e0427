import type { NodeId } from '../../../src/core/types.ts';
import { completeConfig } from '../../../src/node/options.ts';
import { pick } from '../choices.ts';
import type { SimWorld, Workload } from '../hooks.ts';
import type { SimOracle } from '../oracle/sim-oracle.ts';
import { demand } from '../oracle/violation.ts';
import { CallBook } from './call-book.ts';
import { Client, type Manners } from './client.ts';
import { Operations } from './operations.ts';

/** How many clients there are, as often as each is here. */
export const clientCounts: readonly number[] = [3, 1, 2, 5, 8, 20];

/** The clients of one run, from the first call to the last answer. */
export class ClientWorkload implements Workload {
  readonly book: CallBook;
  /** Whether everything that the last phase asks of clients has been done. */
  isFinished = false;
  readonly #world: SimWorld;
  readonly #oracle: SimOracle;
  readonly #operations: Operations;
  readonly #clients: Client[];
  readonly #manners: Manners;
  readonly #idleMs: number;
  #running: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #awakeAt = 0;

  constructor(world: SimWorld, oracle: SimOracle) {
    this.#world = world;
    this.#oracle = oracle;
    this.book = new CallBook(world, oracle);
    const choose = <Item>(name: string, items: readonly Item[]): Item =>
      pick(world.choices, `workload.${name}`, items);
    const keyCount = choose('keyCount', [1, 2, 3, 5]);
    this.#operations = new Operations(world.choices, { keyCount });
    const count = choose('clients', clientCounts);
    this.#manners = {
      reads: choose('reads', [30, 0, 60, 90]),
      sessions: choose('sessions', [0, 30, 60, 100]),
      crashes: choose('crashes', [0, 10, 50]),
      // Many at once are one thing to see, and many calls in all another, which costs its time.
      thinkMs: Math.max(msPerCall * count, choose('thinkMs', [100, 20, 5, 300])),
      patienceMs: choose('patienceMs', [2000, 500, 5000]),
      asks: choose('asks', ['anybody', 'same', 'leaders']),
      leases: world.knobs.leases,
    };
    this.#idleMs = choose('idleMs', [0, 500, 1500, 3000]);
    this.#clients = Array.from({ length: count }, (_, at) => {
      const usesSessions =
        world.choices.choose('workload.usesSession', 100) < this.#manners.sessions;
      return this.#newClient(`c${at + 1}`, this.#manners, usesSessions);
    });
  }

  /** The calls that have not ended, for people. */
  get openCalls(): readonly string[] {
    return this.#clients.flatMap(({ openCalls }) => openCalls);
  }

  get stepCount(): number {
    return this.book.steps;
  }

  start(): void {
    this.#scheduleIdle();
    this.#running = Promise.all(this.#clients.map((client) => this.#guarded(() => client.run())));
  }

  /** Resolves when all calls have ended, a fresh one too, and leadership has proved stable. */
  async finish(): Promise<void> {
    this.#isStopping = true;
    this.#awakeAt = 0;
    await this.#guarded(async () => {
      const { phase } = this.#world;
      const core = phase.name === 'calm' ? phase.core : [...this.#world.nodes.keys()];
      let isRunning = true;
      void this.#running.then(() => {
        isRunning = false;
      });
      await this.#until(() => {
        for (const client of this.#clients) client.abandon((node) => !this.#mustAnswer(node, core));
        return !isRunning && this.#clients.every(({ openCount }) => openCount === 0);
      });
      await this.#callAfresh(core);
      await this.#takeSnapshots(core);
      await this.#stayStable(core);
      this.isFinished = true;
    });
  }

  /**
   * A node that is cut off for good answers nobody. One that passes nothing on tries a write of a
   * session until it leads itself, if ever, and one that was removed and does not know it, until it
   * is told.
   */
  #mustAnswer(node: NodeId, core: readonly NodeId[]): boolean {
    if (!this.#isMember(node, core)) return false;
    const { nodes, knobs } = this.#world;
    const leads = nodes.get(node)?.state?.role === 'leader';
    return core.includes(node) && (leads || completeConfig(knobs.config).forwardWrites);
  }

  /** A write that was never made before goes through, and everything can be read everywhere. */
  async #callAfresh(core: readonly NodeId[]): Promise<void> {
    const client = this.#newClient('last', patient, false);
    await this.#retry(
      () => this.#leaderOf(core),
      (node) => client.perform(this.#operations.fresh(), node),
    );
    const readers = core.map(async (id, at) => {
      const reader = this.#newClient(`last-${at + 1}`, patient, false);
      for (const key of this.#operations.newestKeys) {
        // One that was removed, or is in quarantine, may not know yet and will not serve.
        const mayServe = (): boolean => this.#isMember(id, core);
        await this.#retry(
          () => (mayServe() ? id : undefined),
          (node) => reader.perform({ op: 'read', key }, node),
          mayServe,
        );
      }
      await this.#until(() => reader.openCount === 0);
    });
    await Promise.all(readers);
    await this.#until(() => client.openCount === 0);
  }

  /** In some runs every member builds a snapshot that was asked for, of all that it has applied. */
  async #takeSnapshots(core: readonly NodeId[]): Promise<void> {
    if (this.#world.choices.choose('workload.lastSnapshots', 3) !== 2) return;
    await Promise.all(
      core.map(async (id) => {
        while (this.#isMember(id, core)) {
          const applied = this.#world.nodes.get(id)?.state?.applied ?? 0;
          const outcome = await this.#world.call(id, (raft) => raft.takeSnapshot());
          if (outcome.type === 'value') {
            const { index } = outcome.value;
            demand(
              index >= applied,
              'S19',
              () => `${id} had ${applied}, its snapshot has ${index}`,
            );
            return;
          }
          await this.#sleep(50);
        }
      }),
    );
  }

  /** Tries until it is done, as long as there is any use in it. */
  async #retry(
    find: () => NodeId | undefined,
    perform: (node: NodeId) => Promise<string>,
    isOfUse: () => boolean = () => true,
  ): Promise<void> {
    while (isOfUse()) {
      const node = find();
      if (node !== undefined && (await perform(node)) === 'done') return;
      await this.#sleep(50);
    }
  }

  #leaderOf(core: readonly NodeId[]): NodeId | undefined {
    return core.find((id) => this.#world.nodes.get(id)?.state?.role === 'leader');
  }

  #isMember(id: NodeId, core: readonly NodeId[]): boolean {
    const { nodes } = this.#world;
    const state = nodes.get(this.#leaderOf(core) ?? id)?.state;
    const isListed = state !== undefined && Object.hasOwn(state.membership.nodes, id);
    return isListed && nodes.get(id)?.state?.isQuarantined === false;
  }

  /**
   * Nothing is wrong any more, so nobody wants another leader (E8). A change of members or a
   * transfer that was begun before may still unseat one; so it is looked at more than once.
   */
  async #stayStable(core: readonly NodeId[]): Promise<void> {
    const { config, clock } = this.#world.knobs;
    const { electionTimeoutMs, callTimeoutMs } = completeConfig(config);
    for (let look = 0; look < maxLooks; look += 1) {
      await this.#until(() => this.#leaderOf(core) !== undefined);
      const before = this.#officeIn(core);
      await this.#sleep((8 * electionTimeoutMs.max) / clock.slowest);
      const after = this.#officeIn(core);
      if (before === after) break;
      const isLast = look + 1 === maxLooks;
      demand(!isLast, 'E8', () => `${before}; with nothing wrong, ${after} a while later`);
    }
    // Calls that their clients have given up end as well; a node may have passed one on in vain.
    const { bounds } = this.#oracle;
    const end = this.#world.now + (4 * electionTimeoutMs.max + 2 * callTimeoutMs) / clock.slowest;
    const isAtRest = (): boolean => bounds.isIdle(core) && bounds.hasShortLogs(core);
    await this.#until(() => isAtRest() || this.#world.now > end);
    bounds.checkIdle(core);
    bounds.checkLogs(core);
  }

  /** Who leads, and the highest term. */
  #officeIn(core: readonly NodeId[]): string {
    const terms = core.map((id) => this.#world.nodes.get(id)?.state?.term ?? 0);
    return `${this.#leaderOf(core) ?? 'nobody'} leads, and the term is ${Math.max(...terms)}`;
  }

  #newClient(name: string, manners: Manners, usesSessions: boolean): Client {
    return new Client({
      name,
      world: this.#world,
      book: this.book,
      operations: this.#operations,
      manners,
      usesSessions,
      isStopping: () => this.#isStopping,
      awake: () => this.#sleepUntilAwake(),
    });
  }

  /** Now and then nobody calls for a while, as long as they did before. */
  #scheduleIdle(): void {
    if (this.#idleMs === 0) return;
    this.#world.setTimer(() => {
      if (this.#isStopping) return;
      this.#awakeAt = this.#world.now + this.#idleMs;
      this.#world.mark('all clients idle');
      this.#scheduleIdle();
    }, 2 * this.#idleMs);
  }

  async #sleepUntilAwake(): Promise<void> {
    for (;;) {
      const ms = this.#awakeAt - this.#world.now;
      if (ms <= 0) return;
      await this.#sleep(Math.ceil(ms));
    }
  }

  /** Looks now, and then every few milliseconds. */
  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#sleep(20);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.setTimer(() => resolve(), ms);
    });
  }

  /** What a client finds out is the end of the run, as what the oracle finds out. */
  async #guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#world.fail(error);
    }
  }
}

/** All clients together make one call in so many milliseconds, bursts left aside. */
const msPerCall = 8;

/** In so many stretches of time leadership may change for reasons from before. */
const maxLooks = 4;

/** Whoever makes the last calls waits for them as long as the library lets them wait. */
const patient: Manners = {
  reads: 0,
  sessions: 0,
  crashes: 0,
  thinkMs: 0,
  patienceMs: 60_000,
  asks: 'anybody',
  leases: false,
};
