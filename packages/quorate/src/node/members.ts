import type {
  CallOptions,
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  Network,
  RaftRpc,
} from '../contract/network.ts';
import type { CoreState } from '../core/state.ts';
import type { EffectiveMembership, Identity, NodeId, NodeInfo } from '../core/types.ts';
import { admit, dismiss } from './admission.ts';
import { DiskWatch } from './disk-watch.ts';
import type { Engine } from './engine.ts';
import { handOver } from './hand-over.ts';
import { IdentityGuard } from './identity-guard.ts';
import { Incarnations } from './incarnations.ts';
import type { Log } from './log.ts';
import { commitChange } from './membership-calls.ts';
import { Questions } from './questions.ts';

/** Another node, and how to reach it. */
export interface Place {
  /** What the network is to call it; for a node that is known by its address alone, that. */
  readonly id: NodeId;
  readonly info: NodeInfo & { readonly incarnation?: string };
  /** It is known by its address alone. */
  readonly isStranger?: boolean;
}

/**
 * Who the others are: whether they are who they were, and whether this node is; and whether another
 * one had better lead.
 */
export class Members {
  readonly guard: IdentityGuard;
  readonly incarnations: Incarnations;
  readonly #disk: DiskWatch;
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #log: Pick<Log, 'meet'>;
  readonly #questions: Questions;
  readonly #run: string;
  readonly #closing = new Set<Promise<void>>();
  readonly #waits = new Set<{ readonly cancel: () => void }>();

  constructor(engine: Engine, network: Network, log: Pick<Log, 'meet'>) {
    const { runtime, config } = engine;
    this.#engine = engine;
    this.#network = network;
    this.#log = log;
    this.#questions = new Questions(runtime);
    this.#run = runtime.randomId();
    const { callTimeoutMs, electionTimeoutMs } = config;
    const identifyWithin =
      (ms: number) =>
      (id: NodeId, info: NodeInfo): Promise<IdentifyResponse> =>
        this.#identifyWithin(ms, { id, info });
    const state = (): Readonly<CoreState> => engine.state;
    const identity = (): Identity => engine.identity;
    this.guard = new IdentityGuard({
      state,
      identity,
      identify: identifyWithin(callTimeoutMs),
      within: (ms, ended) => this.#within(ms, ended),
      now: () => runtime.now(),
      electionTimeoutMs,
      changed: () => engine.observers.changed(),
      // Not within the step that told of it.
      quarantine: (reason) => queueMicrotask(() => engine.post({ type: 'quarantine', reason })),
    });
    this.incarnations = new Incarnations({
      state,
      identity,
      identify: identifyWithin(callTimeoutMs),
      runtime,
      retryMs: electionTimeoutMs.max,
      change: (change) => commitChange(engine, change, undefined),
    });
    this.#disk = new DiskWatch({
      silentMs: electionTimeoutMs.max,
      handOver: () => void handOver(engine),
    });
  }

  /** Asks the others, now that the node can answer them. */
  start(): void {
    this.guard.askAll();
  }

  /** Call it after every step. */
  follow(state: Readonly<CoreState>): void {
    this.guard.follow(state);
    this.incarnations.follow(state);
    this.#disk.follow(state);
  }

  /** Another node called, and is who it says that it is. */
  heard(from: Identity): void {
    if (this.#engine.identity.cluster === undefined) this.#log.meet(from);
    this.guard.heard(from);
  }

  /** What this node answers when it is asked who it is. */
  identified(from: Identity | undefined): IdentifyResponse {
    const membership = this.committed;
    const remembers = from && this.guard.met(from);
    const { leader, applied } = this.#engine.state;
    return {
      identity: { ...this.#engine.identity, run: this.#run },
      leader,
      applied,
      ...(membership === undefined ? {} : { membership }),
      ...(remembers === undefined ? {} : { remembers }),
    };
  }

  /** Takes part in the change that another node asks for. */
  join(request: JoinRequest, signal: AbortSignal | undefined): Promise<MembersResponse> {
    return admit(this.#engine, request, signal);
  }

  leave(request: LeaveRequest, signal: AbortSignal | undefined): Promise<MembersResponse> {
    return dismiss(this.#engine, request, signal);
  }

  /** The newest membership that is known to be committed; `undefined` if there is none. */
  get committed(): EffectiveMembership | undefined {
    const { memberships, committed } = this.#engine.state;
    const newest = memberships.all.findLast(({ logId }) => logId.index <= committed);
    return newest === undefined || newest.logId.index === 0 ? undefined : newest;
  }

  identify(place: Place): Promise<IdentifyResponse> {
    return this.#identifyWithin(this.#engine.config.callTimeoutMs, place);
  }

  /** Resolves when `ended` does, after `ms`, or when this node ends. */
  async #within(ms: number, ended: Promise<void>): Promise<void> {
    const timer = Promise.withResolvers<void>();
    const handle = this.#engine.runtime.setTimer(() => timer.resolve(), ms);
    const stop = { cancel: () => (handle.cancel(), timer.resolve()) };
    this.#waits.add(stop);
    await Promise.race([ended, timer.promise]);
    this.#waits.delete(stop);
    handle.cancel();
  }

  #identifyWithin(ms: number, place: Place): Promise<IdentifyResponse> {
    return this.ask(place, ms, (rpc, options) => rpc.identify(options));
  }

  /** Asks who answers at an address, of whatever cluster that is. */
  identifyStranger(place: Place): Promise<IdentifyResponse> {
    const { callTimeoutMs } = this.#engine.config;
    return this.ask(place, callTimeoutMs, (rpc, { from, signal, timeoutMs }) => {
      const nobodys = from && { from: { ...from, cluster: undefined } };
      const wait = timeoutMs === undefined ? {} : { timeoutMs };
      return rpc.identify({ ...nobodys, ...wait, ...(signal && { signal }) });
    });
  }

  /** Makes one call, on a connection of its own, and ends it after `timeoutMs`. */
  async ask<Answer>(
    { id, info, isStranger = false }: Place,
    timeoutMs: number,
    put: (rpc: RaftRpc, options: CallOptions) => Promise<Answer>,
  ): Promise<Answer> {
    const { incarnation, ...address } = info;
    const connection = this.#network.connect(id, address, { isStranger });
    const from: Identity = { ...this.#engine.identity, run: this.#run };
    const to = incarnation === undefined ? { node: id } : { node: id, incarnation };
    try {
      const question = { from, to, timeoutMs };
      return await this.#questions.ask(question, async (options) => put(connection, options));
    } finally {
      this.#retire(connection);
    }
  }

  /** Ends what is under way. */
  stop(reason: unknown): void {
    this.#questions.close(reason);
    for (const wait of this.#waits) wait.cancel();
  }

  async close(): Promise<void> {
    await this.incarnations.close();
    await Promise.all(this.#closing);
  }

  #retire(connection: AsyncDisposable): void {
    const closed: Promise<void> = Promise.resolve(connection[Symbol.asyncDispose]())
      .catch(() => undefined) // A connection that does not close well is of no more use either way.
      .finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
