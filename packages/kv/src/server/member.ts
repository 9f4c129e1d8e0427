import { KvError } from '../errors.ts';
import { pause } from '../pause.ts';
import { channelName } from '../protocol/messages.ts';
import { snapshotChannelName } from '../protocol/snapshots.ts';
import type { Applied } from '../store/machine.ts';
import type { Alerts } from './alerts/alerts.ts';
import { LeaseClock } from './leases/lease-clock.ts';
import { formCluster } from './member/forming.ts';
import { openStore } from './member/machines.ts';
import { Marks } from './member/marks.ts';
import { type KvRaft, type MemberHost, messageOf } from './member/node.ts';
import { type Opened, openMember } from './member/opening.ts';
import { infoOf, type KvMemberOptions, type MemberSettings, settingsOf } from './member/options.ts';
import { type MemberParts, makeParts, type StoreParts } from './member/parts.ts';
import { propose, revocationsOf } from './member/proposals.ts';
import { publish } from './member/publishing.ts';
import type { ServedStore } from './member/served-store.ts';
import type { FrozenState, Snapshotting } from './member/snapshotting.ts';
import { endsWithin } from './member/waiting.ts';
import { nativeHandler } from './native/handler.ts';
import { snapshotHandler } from './native/snapshot-handler.ts';
import type { KvService } from './service.ts';
import { WatchHub } from './watch/hub.ts';

export type { CompactionPolicy } from './member/compaction.ts';
export type { KvRaft } from './member/node.ts';
export type { KvMemberOptions } from './member/options.ts';

const readyLookMs = 20;
/** For writes that a member has in hand when it is to stop. */
const settleMs = 1000;

/**
 * One member of the key-value cluster inside a process: its Raft node, its store, and the port at
 * which members and clients reach it.
 *
 *     const member = await KvMember.start({
 *       name: 'a',
 *       directory: '/var/lib/quorate',
 *       listen: { host: '10.0.0.1', port: 7001 },
 *       peers: { a: '10.0.0.1:7001', b: '10.0.0.2:7001', c: '10.0.0.3:7001' },
 *     });
 *     await member.ready();
 */
export class KvMember implements AsyncDisposable {
  readonly name: string;
  /** What it does for clients. */
  readonly service: KvService;
  readonly raft: KvRaft;
  /** Its state. Only the log may change it; look, and do not touch. */
  readonly store: ServedStore;
  /** Where members and clients reach it, `host:port`. */
  readonly address: string;
  readonly #settings: MemberSettings;
  readonly #opened: Opened;
  readonly #parts: MemberParts;
  readonly #hub: WatchHub;
  readonly #clock: LeaseClock;
  readonly #ending = new AbortController();
  /** What runs beside the calls, until it is aborted. */
  readonly #running: Promise<unknown>;
  #isRaftClosed: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Starts a member. Resolves once it takes calls, and, with `join`, once it has its place in the
   * cluster; a member of a new cluster may have no leader yet: see `ready`.
   *
   * @throws {TypeError | RangeError} if an option is wrong.
   * @throws what opening the directory or the port throws, with nothing left open.
   */
  static async start(options: KvMemberOptions): Promise<KvMember> {
    const settings = settingsOf(options);
    const { runtime, limits } = settings;
    const marks = new Marks();
    let member: KvMember | undefined;
    const kept = await openStore(settings, {
      onCompacting: () => hub.compacting(),
      onApplied: (applied) => {
        if (applied.restored) marks.clear();
        for (const mark of applied.marks) marks.keep(mark);
        // What the start itself restores is there before anybody could hear of it.
        clock.applied(applied);
        if (applied.restored) hub.restored();
        else hub.applied();
        if (member !== undefined) member.#applied(applied);
      },
    });
    const { store } = kept;
    const hub = new WatchHub({ store, limits, runtime });
    const clock = new LeaseClock({
      store,
      runtime,
      revoke: async (leases, { signal }) => {
        // It may have lost its office and won another since the deadlines were set: not by these.
        if (!member?.leads() || signal.aborted) {
          throw new KvError('KV_NO_LEADER', 'This member leads no more, so it revokes nothing.');
        }
        await propose(member.raft, revocationsOf(leases, member.raft.metrics), { signal });
      },
    });
    try {
      const opened = await openMember(settings, kept);
      member = new KvMember(settings, opened, { store, hub, clock, marks });
      return member;
    } catch (error) {
      clock.close();
      hub.close(new KvError('KV_STOPPING', 'The member could not be started.'));
      await kept.close();
      throw error;
    }
  }

  private constructor(settings: MemberSettings, opened: Opened, stored: StoreParts) {
    const { name, runtime, logger, limits } = settings;
    const { raft, address } = opened;
    const host: MemberHost = { name, raft, runtime, logger, signal: this.#ending.signal };
    const leave = (reason: KvError): void => this.#leaveService(reason);
    this.name = name;
    this.raft = raft;
    this.store = stored.store;
    this.address = address;
    this.#settings = settings;
    this.#opened = opened;
    this.#hub = stored.hub;
    this.#clock = stored.clock;
    this.#parts = makeParts(host, { settings, opened }, stored, leave);
    this.service = this.#parts.service;
    opened.server.handle(channelName, nativeHandler(this.service, { limits }));
    opened.server.handle(snapshotChannelName, snapshotHandler(this.service));
    this.#running = this.#run(host);
  }

  /** Looks now; a change is told to the parts before this returns. */
  leads(): boolean {
    return this.#parts.leadership.look();
  }

  /** A leader is known, the state is up to date, and nothing is wrong with this member itself. */
  get isReady(): boolean {
    return this.#parts.health.refusal === undefined && this.#parts.leadership.isCaughtUp;
  }

  /** Where parts of the program beside the member raise alerts of their own, as backups do. */
  get alerts(): Pick<Alerts, 'report' | 'clear' | 'raised'> {
    return this.#parts.alerts;
  }

  /** Freezes the state for a backup; see `Snapshotting.freeze`. */
  freeze(options: Parameters<Snapshotting['freeze']>[0]): Promise<FrozenState> {
    return this.#parts.snapshots.freeze(options);
  }

  /** What is wrong; empty while all is well. */
  get problems(): readonly string[] {
    return this.#parts.health.problemsWith(this.raft.metrics);
  }

  /**
   * Resolves once the member is ready.
   *
   * @throws {KvError} `KV_UNHEALTHY` or `KV_STOPPING` if it does not serve any more.
   * @throws `signal.reason`
   */
  async ready({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { runtime } = this.#settings;
    while (!this.isReady) {
      signal?.throwIfAborted();
      this.#parts.health.demandServing();
      await pause(runtime, readyLookMs, signal ?? this.#ending.signal);
    }
  }

  /**
   * Stops: refuses what is new with `KV_STOPPING`, ends all watches, hands the leadership over if
   * it has it, which takes one of the longest election timeouts at most, answers what is in the log
   * by then, and closes the port and the directory. Takes `closeTimeoutMs` at most; what hangs
   * then, as a disk may, is left behind, and the logger is told.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(host: MemberHost): Promise<void> {
    const { network, address } = this.#opened;
    const { join, name } = this.#settings;
    const info = infoOf(this.#settings, address);
    const forming = async (): Promise<void> => {
      if (join !== undefined) return;
      const { peers = { [name]: address } } = this.#settings;
      await formCluster(host, { network, peers, info, health: this.#parts.health });
    };
    await Promise.all([forming(), this.#parts.leadership.run(), publish(host, { network, info })]);
  }

  #applied({ marks }: Applied): void {
    if (marks.length > 0) this.#parts.checks.compare();
  }

  /** Nothing that this state answers may get out any more. */
  #leaveService(reason: KvError): void {
    const { logger } = this.#settings;
    this.#parts.health.refuse(reason);
    this.#stopWorking();
    this.#hub.close(reason);
    void this.#closeRaft({ handOver: false }).catch((error: unknown) => {
      logger.error({ error: messageOf(error) }, 'could not close the node');
    });
  }

  #stopWorking(): void {
    this.#parts.compaction.close();
    this.#parts.checks.close();
    this.#parts.snapshots.close();
    this.#clock.close();
  }

  #closeRaft(options: { readonly handOver: boolean }): Promise<void> {
    this.#isRaftClosed ??= this.raft.close(options);
    return this.#isRaftClosed;
  }

  async #close(): Promise<void> {
    const { runtime, closeTimeoutMs, logger, name } = this.#settings;
    const reason = new KvError('KV_STOPPING', `Member ${name} is stopping.`);
    this.#parts.health.refuse(reason);
    this.#hub.close(reason);
    const ended = this.#end();
    try {
      if (await endsWithin(runtime, closeTimeoutMs, ended)) return;
      logger.error({ closeTimeoutMs }, 'did not end in time; something hangs, and is left behind');
    } catch (error) {
      logger.error({ error: messageOf(error) }, 'did not end well');
      throw error;
    }
  }

  /** While the node runs, what clients have in hand can become certain with the next leader. */
  async #handOver(): Promise<boolean> {
    const { runtime } = this.#settings;
    let isDone = true;
    if (this.leads()) {
      isDone = await this.raft.transferLeadership().then(
        () => true,
        () => false, // Nobody can take over; what is in the log is answered as the node ends.
      );
    }
    await endsWithin(runtime, settleMs, this.#parts.own.settled());
    return isDone;
  }

  async #end(): Promise<void> {
    const { server, network, storage, kept } = this.#opened;
    // While the leadership is handed over this member still has its office: leases must not wait.
    const handOver = await this.#handOver();
    await this.#closeRaft({ handOver });
    this.#stopWorking();
    this.#ending.abort(new KvError('KV_STOPPING', `Member ${this.name} is stopping.`));
    this.#parts.alerts.close();
    // Ends the calls that are under way, so that nobody who waits for one is waited for.
    await this.#parts.calls.close();
    await network[Symbol.asyncDispose]();
    await this.#running;
    await server.close();
    await storage[Symbol.asyncDispose]();
    await kept.close();
  }
}
