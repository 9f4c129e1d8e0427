import type { Codec } from '../contract/codec.ts';
import type { Storage } from '../contract/storage.ts';
import type { Answer } from '../core/action.ts';
import { assert } from '../core/assert.ts';
import type { Event, RequestId } from '../core/event.ts';
import type { RaftCore } from '../core/raft-core.ts';
import type { CoreState } from '../core/state.ts';
import type { Identity, LogIndex, NodeId, SnapshotMeta } from '../core/types.ts';
import { nodeRuntime, type Runtime } from '../platform/runtime.ts';
import { type AppliedBatch, Applier } from './applier.ts';
import { jsonCodec } from './codec.ts';
import { Driver } from './driver.ts';
import { type CloseOptions, Ending, type Stopped } from './ending.ts';
import { handOver } from './hand-over.ts';
import { Intake } from './intake.ts';
import { Log } from './log.ts';
import { Machine } from './machine.ts';
import { makeCore } from './make-core.ts';
import { Members } from './members.ts';
import { pictureOf, type RaftMetrics, waitingIn } from './metrics.ts';
import { Observers } from './observers.ts';
import { checkOptions, completeConfig, type RaftConfig, type RaftOptions } from './options.ts';
import { Peers } from './peers.ts';
import { type Recovered, recover } from './recovery.ts';
import { errorOf } from './refusal.ts';
import { Requests } from './requests.ts';
import { SendPace } from './send-pace.ts';
import { withSignal } from './signal.ts';
import { Receiving } from './snapshot-receiver.ts';
import { Snapshotter } from './snapshotter.ts';
import { releaseStorage, takeStorage } from './storages-in-use.ts';
import { Transfers } from './transfers.ts';
import { TurnClock } from './turn-clock.ts';
import { Witness } from './witness.ts';

/** What a node begins with. */
interface Started {
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly machine: Machine;
  readonly recovered: Recovered;
}

/**
 * All parts of one running node, put together: who tells whom. The public face is `raft.ts`, the
 * other nodes' is `rpc.ts`.
 */
export class Engine {
  readonly id: NodeId;
  readonly config: RaftConfig;
  readonly codec: Codec<unknown>;
  readonly responseCodec: Codec<unknown>;
  readonly runtime: Runtime;
  readonly machine: Machine;
  readonly observers: Observers;
  readonly witness: Witness;
  readonly requests: Requests;
  readonly intake: Intake;
  readonly snapshotter: Snapshotter;
  readonly receiving: Receiving;
  readonly members: Members;
  readonly #storage: Storage;
  readonly #log: Log;
  readonly #peers: Peers;
  readonly #applier: Applier;
  readonly #driver: Driver;
  readonly clock: TurnClock;
  readonly #ending: Ending;
  /** Resolves when the snapshot that is being restored is in its place. */
  #restoring: Promise<void> = Promise.resolve();
  #endRestoring: () => void = () => undefined;

  static async start<Command, Response>(typed: RaftOptions<Command, Response>): Promise<Engine> {
    // The types of commands and responses end here: the node only hands them through.
    const options = typed as unknown as RaftOptions<unknown, unknown>;
    checkOptions(options);
    const config = completeConfig(options.config);
    const runtime = options.runtime ?? nodeRuntime;
    const { storage } = options;
    takeStorage(storage, options.id);
    try {
      const machine = new Machine(options.stateMachine);
      const randomId = (): string => runtime.randomId();
      const recovered = await recover({ storage, id: options.id, machine, randomId });
      return new Engine(options, { config, runtime, machine, recovered });
    } catch (error) {
      releaseStorage(storage);
      throw error;
    }
  }

  private constructor(options: RaftOptions<unknown, unknown>, start: Started) {
    const { config, runtime, machine, recovered } = start;
    this.id = options.id;
    this.#storage = options.storage;
    this.config = config;
    this.runtime = runtime;
    this.clock = new TurnClock(runtime);
    this.codec = options.codec ?? jsonCodec;
    this.responseCodec = options.responseCodec ?? jsonCodec;
    this.#ending = this.#makeEnding();
    this.machine = machine;
    this.requests = new Requests(config.maxWaitingCalls);
    const silentMs = config.electionTimeoutMs.min;
    this.witness = new Witness({ id: this.id, logger: options.logger, silentMs });
    this.observers = new Observers(() => this.metrics, config.maxWaitingCalls);
    const core = makeCore(this.id, options.network, { config, runtime, recovered });
    this.#log = this.#makeLog(options, recovered);
    this.#peers = new Peers(this.id, {
      network: options.network,
      log: this.#log,
      snapshots: options.storage.snapshots,
      transfers: new Transfers(config),
      pace: new SendPace(config.snapshotBytesPerSecond, runtime),
      config,
      runtime,
      identity: () => this.#log.identity,
      currentTerm: () => core.state.term,
      beforeVote: (id) => this.members.guard.beforeVote(id),
      post: (event) => this.post(event),
      onSnapshotNotSent: (to, error) => this.witness.snapshotNotSent(to, error),
      onFailure: (cause) => this.fail(cause),
    });
    this.intake = new Intake(this, this.#log, this.#peers);
    this.#applier = new Applier({
      machine,
      codec: this.codec,
      responseCodec: this.responseCodec,
      log: this.#log,
      applied: recovered.state.applied,
      membership: recovered.membership,
      maxBatchBytes: config.maxAppendBytes,
      timing: { clock: this.clock, record: this.witness.latencies.apply },
      onApplied: (batch) => this.#onApplied(batch),
      onFailure: (cause) => this.fail(cause),
    });
    this.snapshotter = this.#makeSnapshotter(recovered);
    this.receiving = this.#makeReceiving();
    this.members = new Members(this, options.network, this.#log);
    this.#driver = this.#makeDriver(core);
    this.witness.started(core.state);
    this.members.start();
  }

  get state(): Readonly<CoreState> {
    return this.#driver.core.state;
  }

  get identity(): Identity {
    return this.#log.identity;
  }

  get metrics(): RaftMetrics {
    const { isRunning, fatal } = this.#ending;
    const waiting = waitingIn(this.intake, this.requests, this.#peers);
    const now = this.runtime.now();
    const quarantine = this.members.guard.reason;
    const { applied } = this.#applier;
    return pictureOf(this.state, this, { isRunning, fatal, quarantine, applied, now, waiting });
  }

  post(event: Event): void {
    this.#driver.post(event);
  }

  /** See `Ending`, also for `demandOpen`. */
  demandRunning(options?: { isLogged?: boolean }): void {
    this.#ending.demandRunning(options);
  }

  demandOpen(): void {
    this.#ending.demandOpen();
  }

  /** Puts a question to the core. Rejects with the refusal's error if it is refused. */
  async ask(event: (request: RequestId) => Event, signal?: AbortSignal): Promise<Answer> {
    this.demandOpen();
    signal?.throwIfAborted();
    let request: RequestId | undefined;
    const answered = new Promise<Answer>((resolve, reject) => {
      request = this.requests.open(resolve, reject);
      this.post(event(request));
    });
    const answer = await withSignal(answered, signal, () => this.requests.forget(request ?? 0));
    if (answer.type === 'refused') throw this.errorOf(answer);
    return answer;
  }

  errorOf(refused: Extract<Answer, { type: 'refused' }>): Error {
    return errorOf(refused.why, this.id, this.state.membership);
  }

  /** Stops for good because a promise can no longer be kept; what waits is told why. */
  fail(cause: unknown): void {
    this.#ending.fail(cause);
  }

  close(options?: CloseOptions): Promise<void> {
    return this.#ending.close(options);
  }

  #makeEnding(): Ending {
    return new Ending({
      id: this.id,
      halt: (stopped) => this.#halt(stopped),
      release: () => this.#release(),
      stopWaiting: (reason) => this.intake.stopWaiting(reason),
      handOver: () => handOver(this),
    });
  }

  #makeLog(options: RaftOptions<unknown, unknown>, { identity, state }: Recovered): Log {
    return new Log({
      store: options.storage.log,
      identity,
      last: state.last.index,
      tailCacheBytes: this.config.tailCacheBytes,
      onPersisted: (write) => this.#onPersisted(write),
      onPurged: ({ index }) => {
        this.snapshotter.purged(index);
        this.intake.flush();
      },
      onFailure: (cause) => this.fail(cause),
    });
  }

  #makeReceiving(): Receiving {
    return new Receiving({
      store: this.#storage.snapshots,
      runtime: this.runtime,
      stallMs: this.config.snapshotStallMs,
      post: (event) => this.post(event),
      isAhead: (meta) => meta.lastLogId.index > this.state.committed,
      begin: async () => {
        await this.snapshotter.beginInstall();
        await this.#restoring;
      },
      end: () => this.snapshotter.endInstall(),
    });
  }

  #makeDriver(core: RaftCore): Driver {
    return new Driver(core, this.clock, {
      log: this.#log,
      peers: this.#peers,
      applier: this.#applier,
      requests: this.requests,
      witness: this.witness,
      snapshots: {
        receive: (request, rpc) => this.receiving.receive(request, rpc),
        restore: (meta) => this.#restore(meta),
      },
      onLeadershipLost: (committed: LogIndex) => {
        this.#peers.stopSnapshots();
        this.intake.loseLeadership(committed);
      },
      onStep: () => {
        this.receiving.enterTerm(core.state.term);
        this.members.follow(core.state);
        this.intake.stepped();
        this.observers.changed();
      },
      onFailure: (cause) => this.fail(cause),
    });
  }

  #makeSnapshotter({ snapshot, state, sizes }: Recovered): Snapshotter {
    const snapshotter = new Snapshotter(this.#applier, {
      id: this.id,
      store: this.#storage.snapshots,
      machine: this.machine,
      config: this.config,
      runtime: this.runtime,
      newest: snapshot,
      purged: state.purged.index,
      onBuilt: (meta, purgeTo) => this.post({ type: 'snapshotBuilt', meta, purgeTo }),
      onNotBuilt: (error) => {
        this.witness.snapshotNotBuilt(error);
        this.observers.changed();
      },
    });
    for (const { last, count, bytes } of sizes) {
      if (last.index <= state.applied.index) snapshotter.applied({ last, count, bytes });
    }
    return snapshotter;
  }

  #onPersisted(write: number): void {
    this.post({ type: 'persisted', write });
    this.intake.flush();
  }

  #onApplied(batch: AppliedBatch): void {
    const { index } = batch.last;
    this.intake.writes.applied(batch.commands, batch.responses);
    this.post({ type: 'applied', index });
    this.intake.reads.applied(index);
    this.snapshotter.applied(batch);
  }

  /** Replaces the state by the snapshot that was just received. */
  #restore(meta: SnapshotMeta): void {
    const { snapshotter } = this;
    this.#log.joinCluster(meta.membership.cluster);
    let size = 0;
    // Nothing is built, and no other snapshot comes, until this one is in its place.
    const idle = snapshotter.beginInstall();
    const chunks = async (): Promise<AsyncIterable<Uint8Array>> => {
      await idle;
      const snapshot = await this.#storage.snapshots.current();
      assert(snapshot?.meta.id === meta.id, () => `the snapshot ${meta.id} must be the newest`);
      size = snapshot.size;
      return snapshot.chunks();
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#restoring = promise;
    this.#endRestoring = resolve;
    this.#applier.restore(meta, chunks, () => {
      const { lastLogId } = meta;
      snapshotter.restored({ lastLogId, size });
      this.intake.writes.restored(lastLogId.index);
      this.post({ type: 'applied', index: lastLogId.index });
      this.intake.reads.applied(lastLogId.index);
      snapshotter.endInstall();
      resolve();
    });
  }

  #halt({ reason, reasonIfLogged }: Stopped): void {
    this.#driver.stop();
    this.requests.failAll(reason);
    this.intake.stop((maybeApplied) => (maybeApplied ? reasonIfLogged : reason));
    this.members.stop(reason);
    this.observers.end(reason);
    this.witness.ended(this.#ending.fatal);
  }

  async #release(): Promise<void> {
    this.#endRestoring();
    await Promise.all([
      this.#peers.close(),
      this.members.close(),
      this.receiving.close(),
      this.snapshotter.close(),
      this.#applier.close(),
      this.#log.close(),
    ]);
    releaseStorage(this.#storage);
  }
}
