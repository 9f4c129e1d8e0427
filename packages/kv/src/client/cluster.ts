import { KvError } from '../errors.ts';
import type {
  KvStatus,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MembershipChange,
} from '../types.ts';
import type { CallsHost } from './calls-host.ts';
import type { ColdCalls, ColdWaiting } from './cold-calls.ts';
import { asKvError } from './failures.ts';
import type { Member } from './members.ts';
import type { ColdMethod, ColdMethods } from './transport.ts';
import type { Waiting } from './turn-message.ts';

/** How a call waits, as in every call of a client. */
export interface ClusterCallOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long it is tried, in milliseconds. Default: that of the client. */
  readonly timeoutMs?: number | undefined;
}

export interface StatusOptions extends ClusterCallOptions {
  /** Ask the member of this name itself. Default: the leader, or somebody if none is known. */
  readonly member?: string | undefined;
}

/** What one member says of itself, or why it says nothing. */
export interface MemberReport {
  /** `undefined` of an address that was given, where nobody answers and nobody is known to be. */
  readonly id: string | undefined;
  /** Where it was asked. */
  readonly address: string | undefined;
  readonly status?: KvStatus;
  readonly error?: KvError;
}

export interface ClusterHost {
  readonly host: CallsHost;
  readonly cold: ColdCalls;
  readonly waits: (options: ClusterCallOptions) => Waiting;
}

/** One member that does not answer must not keep the others' answers waiting for longer. */
const longestLookMs = 2000;

/** The members of the cluster: how each of them is, and who they are. */
export class Cluster {
  readonly #host: CallsHost;
  readonly #cold: ColdCalls;
  readonly #waits: ClusterHost['waits'];

  constructor({ host, cold, waits }: ClusterHost) {
    this.#host = host;
    this.#cold = cold;
    this.#waits = waits;
  }

  /**
   * How the leader, or somebody else if none is known, sees the cluster; or `member` itself.
   *
   * @throws {KvError} `KV_MEMBER_NOT_FOUND`, and whatever keeps the member from answering.
   */
  async status({ member, ...options }: StatusOptions = {}): Promise<KvStatus> {
    if (member === undefined) return this.#newest(options);
    const reports = await this.statusOfAll(options);
    const found = reports.find(({ id }) => id === member);
    if (found?.status !== undefined) return found.status;
    if (found?.error !== undefined) throw found.error;
    const known = reports.flatMap(({ id }) => (id === undefined ? [] : [id]));
    const message = `There is no member ${member}; known are ${known.join(', ') || 'none'}.`;
    throw new KvError('KV_MEMBER_NOT_FOUND', message, { details: { member, members: known } });
  }

  /** Who knows of no leader may have been removed, and not know who is in the cluster either. */
  async #newest(options: ClusterCallOptions): Promise<KvStatus> {
    const { runtime } = this.#host;
    const waiting = this.#waits(options);
    const startedAt = runtime.now();
    // A member that hangs must not take all of the time: it need ask nobody for this.
    const status = await this.#cold.run(
      ({ transport }, mostMs) =>
        transport.cold('status', {}, { timeoutMs: Math.min(mostMs, longestLookMs) }),
      waiting,
    );
    const leftMs = waiting.timeoutMs - (runtime.now() - startedAt);
    if (status.leader !== undefined || leftMs <= 0) return status;
    const all = await this.statusOfAll({ ...options, timeoutMs: leftMs });
    return newestOf(all) ?? status;
  }

  /**
   * Asks every member itself, all at a time. Whoever does not answer is in the list with an error;
   * it takes two seconds for that at most, or `timeoutMs` if that is less. Rejects only by the
   * signal.
   */
  async statusOfAll(options: ClusterCallOptions = {}): Promise<readonly MemberReport[]> {
    const { signal, timeoutMs } = this.#waits(options);
    signal?.throwIfAborted();
    const lookMs = Math.min(timeoutMs, longestLookMs);
    const asked = new Map<string, Promise<MemberReport>>();
    const askAll = async (): Promise<readonly MemberReport[]> => {
      for (const member of this.#host.members.all) {
        if (!asked.has(member.name)) asked.set(member.name, this.#ask(member, lookMs));
      }
      return untilAborted(Promise.all(asked.values()), signal);
    };
    const newest = newestOf(await askAll());
    if (newest === undefined) return askAll();
    this.#host.members.learn(newest);
    return this.#named(newest, await askAll());
  }

  /** Adds a learner, or a member that becomes a voter by itself once it has caught up. */
  add(request: MemberAddRequest, options: ClusterCallOptions = {}): Promise<MembershipChange> {
    return this.#call('memberAdd', request, this.#waits(options));
  }

  /** Makes a learner a voter, once it has caught up: give it time. */
  promote(
    request: MemberPromoteRequest,
    options: ClusterCallOptions = {},
  ): Promise<MembershipChange> {
    // A try that is given up is refused the second time, since the first one goes on.
    return this.#call('memberPromote', request, {
      ...this.#waits(options),
      attemptMs: Infinity,
    });
  }

  /** Removes a member. Its name never comes back. */
  remove(
    request: MemberRemoveRequest,
    options: ClusterCallOptions = {},
  ): Promise<MembershipChange> {
    return this.#call('memberRemove', request, this.#waits(options));
  }

  /** Hands the leadership over, to `to` or to the voter whose log is furthest. */
  async transferLeadership(to?: string, options: ClusterCallOptions = {}): Promise<void> {
    const params = to === undefined ? {} : { to };
    await this.#call('transferLeadership', params, this.#waits(options));
  }

  #call<Method extends ColdMethod>(
    method: Method,
    params: ColdMethods[Method]['params'],
    waiting: ColdWaiting,
  ): Promise<ColdMethods[Method]['answer']> {
    return this.#cold.run(
      ({ transport }, timeoutMs) => transport.cold(method, params, { timeoutMs }),
      waiting,
    );
  }

  async #ask(member: Member, timeoutMs: number): Promise<MemberReport> {
    const { address } = member;
    try {
      const status = await member.transport.cold('status', {}, { timeoutMs });
      return { id: status.member, address, status };
    } catch (thrown) {
      return { id: undefined, address, error: asKvError(thrown) };
    }
  }

  /** Puts names to those who did not answer; members come in their order, then what is left. */
  #named({ members }: KvStatus, reports: readonly MemberReport[]): readonly MemberReport[] {
    const { wire } = this.#host;
    const rest = new Set(reports);
    const named = members.map((member): MemberReport => {
      const address = wire.addressOf(member);
      const name = address === undefined ? undefined : wire.nameOf(address);
      const isIts = (report: MemberReport): boolean =>
        report.id === member.id ||
        (report.id === undefined && name !== undefined && nameAt(wire, report) === name);
      const its = reports.filter(isIts);
      for (const one of its) rest.delete(one);
      const { id } = member;
      const best = its.find(({ status }) => status !== undefined) ?? its[0];
      if (best !== undefined) return { ...best, id };
      return { id, address, error: notAsked(id) };
    });
    return [...named, ...rest];
  }
}

function nameAt(wire: CallsHost['wire'], { address }: MemberReport): string | undefined {
  return address === undefined ? undefined : wire.nameOf(address);
}

function notAsked(id: string): KvError {
  const message = `${id} has not said yet where clients reach it: it was not started since it was added, or reaches no leader.`;
  return new KvError('KV_NO_LEADER', message);
}

/** What the one says that has heard of the newest leadership; rather one that knows who leads. */
function newestOf(reports: readonly MemberReport[]): KvStatus | undefined {
  let newest: KvStatus | undefined;
  for (const { status } of reports) {
    if (status === undefined || status.members.length === 0) continue;
    if (newest === undefined || isNewer(status, newest)) newest = status;
  }
  return newest;
}

function isNewer(one: KvStatus, other: KvStatus): boolean {
  const knows = one.leader !== undefined;
  if (knows !== (other.leader !== undefined)) return knows;
  return one.term > other.term || (one.term === other.term && one.applied > other.applied);
}

function untilAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
