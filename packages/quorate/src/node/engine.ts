import type { Codec } from '../contract/codec.ts';
import type { StateMachine } from '../contract/state-machine.ts';
import type { Storage } from '../contract/storage.ts';
import type { Answer } from '../core/action.ts';
import type { Event, RequestId } from '../core/event.ts';
import { RaftCore } from '../core/raft-core.ts';
import type { CoreState } from '../core/state.ts';
import type { Identity, LogIndex, NodeId } from '../core/types.ts';
import { FatalError, StoppedError } from '../errors.ts';
import { nodeRuntime, type Runtime } from '../platform/runtime.ts';
import { Applier } from './applier.ts';
import { jsonCodec } from './codec.ts';
import { Driver } from './driver.ts';
import { Intake } from './intake.ts';
import { Log } from './log.ts';
import { pictureOf, type RaftMetrics } from './metrics.ts';
import { Observers } from './observers.ts';
import { checkOptions, completeConfig, type RaftConfig, type RaftOptions } from './options.ts';
import { Peers } from './peers.ts';
import { type Recovered, recover } from './recovery.ts';
import { errorOf } from './refusal.ts';
import { Requests } from './requests.ts';
import { withSignal } from './signal.ts';

/**
 * Two nodes on one storage would vote twice. This says nothing about nodes; it only marks objects.
 */
const storagesInUse = new WeakSet<Storage>();

/**
 * All parts of one running node, put together: who tells whom. The public face is `raft.ts`, the
 * other nodes' is `rpc.ts`.
 */
export class Engine {
  readonly id: NodeId;
  readonly config: RaftConfig;
  readonly codec: Codec<unknown>;
  readonly runtime: Runtime;
  readonly stateMachine: StateMachine<unknown, unknown>;
  readonly observers: Observers;
  readonly requests: Requests;
  readonly intake: Intake;
  readonly #storage: Storage;
  readonly #log: Log;
  readonly #peers: Peers;
  readonly #applier: Applier;
  readonly #driver: Driver;
  #fatal: FatalError | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;
  /** What everybody is told from the moment on in which the node stops. */
  #stopped: { readonly reason: unknown; readonly reasonIfLogged: unknown } | undefined = undefined;

  static async start<Command, Response>(typed: RaftOptions<Command, Response>): Promise<Engine> {
    // The types of commands and responses end here: the node only hands them through.
    const options = typed as unknown as RaftOptions<unknown, unknown>;
    checkOptions(options);
    const config = completeConfig(options.config);
    const runtime = options.runtime ?? nodeRuntime;
    const { storage } = options;
    if (storagesInUse.has(storage)) {
      throw new RangeError(
        `The storage for node ${options.id} is in use by a node that runs. Close that one first, or give this one storage of its own.`,
      );
    }
    storagesInUse.add(storage);
    try {
      const recovered = await recover(storage, options.id, () => runtime.randomId());
      return new Engine(options, config, runtime, recovered);
    } catch (error) {
      storagesInUse.delete(storage);
      throw error;
    }
  }

  private constructor(
    options: RaftOptions<unknown, unknown>,
    config: RaftConfig,
    runtime: Runtime,
    recovered: Recovered,
  ) {
    this.id = options.id;
    this.#storage = options.storage;
    this.config = config;
    this.runtime = runtime;
    this.codec = options.codec ?? jsonCodec;
    this.stateMachine = options.stateMachine;
    this.requests = new Requests(config.maxWaitingCalls);
    this.observers = new Observers(() => this.metrics, config.maxWaitingCalls);
    const core = this.#makeCore(options, recovered);
    const fail = (cause: unknown): void => this.fail(cause);
    const post = (event: Event): void => this.post(event);
    this.#log = new Log({
      store: options.storage.log,
      identity: recovered.identity,
      last: recovered.state.last.index,
      tailCacheBytes: config.tailCacheBytes,
      onPersisted: (write) => this.#onPersisted(write),
      onFailure: fail,
    });
    this.#peers = new Peers(this.id, {
      network: options.network,
      log: this.#log,
      config,
      runtime,
      identity: () => this.#log.identity,
      currentTerm: () => core.state.term,
      post,
      onFailure: fail,
    });
    this.intake = new Intake(this, this.#log);
    this.#applier = new Applier({
      stateMachine: this.stateMachine,
      codec: this.codec,
      log: this.#log,
      applied: recovered.state.applied.index,
      maxBatchBytes: config.maxAppendBytes,
      onApplied: (last, commands, responses) => {
        this.intake.writes.applied(commands, responses);
        post({ type: 'applied', index: last });
        this.intake.reads.applied(last);
      },
      onFailure: fail,
    });
    this.#driver = new Driver(core, runtime, {
      log: this.#log,
      peers: this.#peers,
      applier: this.#applier,
      requests: this.requests,
      onLeadershipLost: (committed: LogIndex) => this.intake.loseLeadership(committed),
      onStep: () => this.observers.changed(),
      onFailure: fail,
    });
  }

  get state(): Readonly<CoreState> {
    return this.#driver.core.state;
  }

  get identity(): Identity {
    return this.#log.identity;
  }

  get metrics(): RaftMetrics {
    const isRunning = this.#stopped === undefined;
    return pictureOf(this.state, { isRunning, fatal: this.#fatal });
  }

  post(event: Event): void {
    this.#driver.post(event);
  }

  /**
   * @throws {StoppedError | FatalError} if the node no longer runs; one that says that it may have
   * been applied, if what the caller waits for `isLogged`.
   */
  demandRunning({ isLogged = false }: { isLogged?: boolean } = {}): void {
    if (this.#stopped === undefined) return;
    throw isLogged ? this.#stopped.reasonIfLogged : this.#stopped.reason;
  }

  /** Puts a question to the core. Rejects with the refusal's error if it is refused. */
  async ask(event: (request: RequestId) => Event, signal?: AbortSignal): Promise<Answer> {
    this.demandRunning();
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
    if (this.#fatal !== undefined || this.#closed !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `Node ${this.id} stopped: ${reason}`;
    this.#fatal = new FatalError(message, { cause });
    const unknown = new FatalError(message, { cause, maybeApplied: true });
    this.#halt(this.#fatal, unknown);
    this.#closed = this.#release();
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      const message = `Node ${this.id} was closed.`;
      const unknown = new StoppedError(
        `${message} What is in its log may still be committed by the others.`,
        {
          maybeApplied: true,
        },
      );
      // Set before anybody is told, so that whoever calls back finds a closed node.
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#closed = promise;
      this.#halt(new StoppedError(message), unknown);
      resolve(this.#release());
    }
    return this.#closed;
  }

  #makeCore(options: RaftOptions<unknown, unknown>, recovered: Recovered): RaftCore {
    const { config, runtime } = this;
    const coreOptions = {
      id: this.id,
      heartbeatMs: config.heartbeatMs,
      electionTimeoutMs: config.electionTimeoutMs,
      maxInflightAppends: options.network.ordered ? config.maxInflightAppends : 1,
      preVote: true,
      checkQuorum: true,
      random: () => runtime.random(),
    };
    return new RaftCore(coreOptions, recovered.state, runtime.now());
  }

  #onPersisted(write: number): void {
    this.post({ type: 'persisted', write });
    this.intake.flush();
  }

  #halt(reason: unknown, reasonIfLogged: unknown): void {
    this.#stopped = { reason, reasonIfLogged };
    this.#driver.stop();
    this.requests.failAll(reason);
    this.intake.stop((maybeApplied) => (maybeApplied ? reasonIfLogged : reason));
    this.observers.end(reason);
  }

  async #release(): Promise<void> {
    await Promise.all([this.#peers.close(), this.#applier.close(), this.#log.close()]);
    storagesInUse.delete(this.#storage);
  }
}
