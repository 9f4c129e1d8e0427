import { KvError } from '../../errors.ts';
import { visitCommand } from '../../protocol/commands.ts';
import { errorOf } from '../../protocol/failures.ts';
import { checkCommand, checkRange, type KvLimits, limitError } from '../../protocol/limits.ts';
import type { KvStore } from '../../store/store.ts';
import type {
  LeaseId,
  LeaseTimeToLive,
  RangeRequest,
  RangeResponse,
  WatchBatch,
  WatchRequest,
} from '../../types.ts';
import type { CallContext, KvService, KvStatus, SessionNumber } from '../service.ts';
import type { WatchHub } from '../watch/hub.ts';
import type { Health } from './health.ts';
import type { Leadership } from './leadership.ts';
import type { LeaseCalls } from './lease-calls.ts';
import type { MemberCalls } from './member-calls.ts';
import type { KvRaft } from './node.ts';
import { statusOf } from './status.ts';

export interface MemberServiceOptions {
  readonly raft: KvRaft;
  readonly store: KvStore;
  readonly hub: WatchHub;
  readonly leases: LeaseCalls;
  readonly leadership: Leadership;
  readonly calls: MemberCalls;
  readonly health: Health;
  readonly limits: KvLimits;
  readonly scheme: 'tcp' | 'tls';
}

/** What a member does for its clients, made of its Raft node and its store. */
export class MemberService implements KvService {
  readonly #options: MemberServiceOptions;

  constructor(options: MemberServiceOptions) {
    this.#options = options;
  }

  async openSession({ signal }: CallContext): Promise<number> {
    const { raft } = this.#options;
    const { id } = await this.#serving(() => raft.openSession({ signal }));
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
    const { health, limits, raft } = this.#options;
    health.demandServing();
    checkCommand(command, limits);
    this.#demandRoomForLeases(command);
    if (session !== undefined) checkSession(session);
    try {
      const { response } = await raft.write(
        command,
        session === undefined ? { signal } : { signal, session },
      );
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

  range(request: RangeRequest): RangeResponse {
    const { health, limits, store } = this.#options;
    health.demandServing();
    checkRange(request, limits);
    return store.range(request);
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

  status(): KvStatus {
    return statusOf(this.#options);
  }

  hash(): { readonly revision: number; readonly hash: string } {
    const { store } = this.#options;
    return { revision: store.revision, hash: store.hash() };
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

  /** @throws {KvError} whatever goes wrong. */
  async #serving<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    this.#options.health.demandServing();
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
