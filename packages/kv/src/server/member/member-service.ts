import { KvError } from '../../errors.ts';
import { visitCommand } from '../../protocol/commands.ts';
import { errorOf } from '../../protocol/failures.ts';
import { checkCommand, checkRange, type KvLimits, limitError } from '../../protocol/limits.ts';
import type {
  LeaseId,
  LeaseTimeToLive,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MembershipChange,
  RangeRequest,
  RangeResponse,
  WatchBatch,
  WatchRequest,
} from '../../types.ts';
import type { Alerts } from '../alerts/alerts.ts';
import type { CallContext, KvService, KvStatus, SessionNumber } from '../service.ts';
import type { WatchHub } from '../watch/hub.ts';
import type { Health } from './health.ts';
import type { Leadership } from './leadership.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { MemberCalls } from './member-calls.ts';
import type { MembershipCalls } from './membership.ts';
import { demandPlace } from './membership-refusals.ts';
import type { KvRaft } from './node.ts';
import type { OwnSession } from './own-session.ts';
import type { ServedStore, StoreKind } from './served-store.ts';
import type { Snapshotting } from './snapshotting.ts';
import { statusOf } from './status.ts';

export interface MemberServiceOptions {
  readonly raft: KvRaft;
  /** For writes that come without a session. */
  readonly own: OwnSession;
  readonly store: ServedStore;
  readonly storeKind: StoreKind;
  readonly hub: WatchHub;
  readonly leases: LeaseCalls;
  readonly leadership: Leadership;
  readonly calls: MemberCalls;
  readonly membership: MembershipCalls;
  readonly health: Health;
  readonly alerts: Alerts;
  readonly snapshots: Snapshotting;
  readonly limits: KvLimits;
  readonly scheme: 'tcp' | 'tls';
}

/** What a member does for its clients, made of its Raft node and its store. */
export class MemberService implements KvService {
  readonly #options: MemberServiceOptions;
  /** Ranges so far. */
  #reads = 0;

  constructor(options: MemberServiceOptions) {
    this.#options = options;
  }

  async openSession({ signal }: CallContext): Promise<number> {
    const { raft, alerts } = this.#options;
    const { id } = await this.#serving(() => {
      alerts.demandRoomForRecord();
      return raft.openSession({ signal });
    });
    return id;
  }

  async closeSession(id: number, { signal }: CallContext): Promise<void> {
    checkNumber('The id of a session', id);
    await this.#serving(() => this.#options.raft.closeSession(id, { signal }));
  }

  async write(
    command: Uint8Array,
    { signal, session }: CallContext & { readonly session?: SessionNumber },
  ): Promise<Uint8Array> {
    const { health, limits, raft, alerts, own, leadership } = this.#options;
    health.demandServing();
    if (leadership.picture.leader === undefined) demandPlace(raft.metrics);
    checkCommand(command, limits);
    alerts.demandRoomFor(command);
    this.#demandRoomForLeases(command);
    if (session !== undefined) checkSession(session);
    try {
      const response =
        session === undefined
          ? await own.write(command, signal)
          : (await raft.write(command, { signal, session })).response;
      if (health.refusal?.code !== 'KV_UNHEALTHY') return response;
    } catch (error) {
      throw errorOf(error);
    }
    const message = 'This member was taken out of service while the write was under way.';
    throw new KvError('KV_MAYBE', message);
  }

  async barrier({ signal }: CallContext): Promise<void> {
    await this.#serving(() => this.#options.raft.readBarrier({ signal }));
    this.#options.health.demandServing();
  }

  range(
    request: RangeRequest,
    mostBytes: number = Infinity,
  ): RangeResponse | Promise<RangeResponse> {
    const { health, limits, store } = this.#options;
    health.demandServing();
    checkRange(request, limits);
    this.#reads += 1;
    const answer = store.range(request, mostBytes);
    return answer instanceof Promise ? this.#stillServing(answer) : answer;
  }

  watch(request: WatchRequest, context: CallContext): AsyncIterable<WatchBatch> {
    // A member that does not serve has closed it, and it refuses by itself.
    return this.#options.hub.watch(request, context);
  }

  async leaseKeepAlive(id: LeaseId, { signal }: CallContext): Promise<{ readonly ttl: number }> {
    this.#options.health.demandServing();
    if (signal.aborted) throw errorOf(signal.reason);
    return this.#options.leases.keepAlive(id);
  }

  leaseTimeToLive(
    id: LeaseId,
    { signal, keys = false }: CallContext & { readonly keys?: boolean },
  ): Promise<LeaseTimeToLive> {
    return this.#serving(() => this.#options.leases.timeToLive(id, { keys, signal }));
  }

  async leases(context: CallContext): Promise<readonly LeaseId[]> {
    await this.barrier(context);
    return Array.from(this.#options.store.leases(), ({ id }) => id);
  }

  snapshot(context: CallContext & { readonly serializable?: boolean }): AsyncIterable<Uint8Array> {
    return this.#options.snapshots.read(context);
  }

  status(): KvStatus {
    return statusOf({ ...this.#options, reads: this.#reads });
  }

  hash(): { readonly revision: number; readonly hash: string } {
    const { store } = this.#options;
    return { revision: store.revision, hash: store.hash() };
  }

  memberAdd(request: MemberAddRequest, context: CallContext): Promise<MembershipChange> {
    return this.#serving(() => this.#options.membership.add(request, context));
  }

  memberPromote(request: MemberPromoteRequest, context: CallContext): Promise<MembershipChange> {
    return this.#serving(() => this.#options.membership.promote(request, context));
  }

  memberRemove(request: MemberRemoveRequest, context: CallContext): Promise<MembershipChange> {
    return this.#serving(() => this.#options.membership.remove(request, context));
  }

  async transferLeadership(to: string | undefined, { signal }: CallContext): Promise<void> {
    const { raft, leadership, calls } = this.#options;
    await this.#serving(async () => {
      const leads = leadership.look();
      const { leader } = leadership.picture;
      if (leads || leader === undefined) return raft.transferLeadership(to, { signal });
      await calls.ask(leader, 'transferLeadership', to === undefined ? {} : { to }, signal);
    });
  }

  /** What took time to read must not get out once the state cannot be trusted. */
  async #stillServing<Answer>(reading: Promise<Answer>): Promise<Answer> {
    try {
      return await reading;
    } catch (error) {
      throw errorOf(error);
    } finally {
      this.#options.health.demandServing();
    }
  }

  /** @throws {KvError} whatever goes wrong. */
  async #serving<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const { health, leadership, raft } = this.#options;
    health.demandServing();
    if (leadership.picture.leader === undefined) demandPlace(raft.metrics);
    try {
      return await call();
    } catch (error) {
      throw errorOf(error);
    }
  }

  /** The number of leases is looked at before the log; those under way may exceed it by a few. */
  #demandRoomForLeases(command: Uint8Array): void {
    const { store, limits } = this.#options;
    if (store.leaseCount < limits.maxLeases) return;
    visitCommand(command, {
      put: () => undefined,
      other: ({ type }) => {
        if (type !== 'leaseGrant') return;
        throw limitError(limits, 'maxLeases', store.leaseCount + 1, 'KV_LIMIT');
      },
    });
  }
}

function checkSession({ id, sequence }: SessionNumber): void {
  checkNumber('The id of a session', id);
  checkNumber('The number of a write of a session', sequence);
}

function checkNumber(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new KvError('KV_INVALID', `${what} must be a whole number above 0; it is ${value}.`);
}
