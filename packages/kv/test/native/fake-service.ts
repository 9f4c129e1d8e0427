import { KvError } from '../../src/errors.ts';
import type { CallContext, KvService, KvStatus, SessionNumber } from '../../src/server/service.ts';
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
} from '../../src/types.ts';

export interface Written {
  readonly command: Uint8Array;
  readonly session: SessionNumber | undefined;
}

/** A watch that hands out what a test gives it, and counts how often it is asked. */
export class FakeWatch implements AsyncIterableIterator<WatchBatch> {
  readonly request: WatchRequest;
  asked = 0;
  isOver = false;
  readonly #batches: WatchBatch[] = [];
  readonly #onOver: () => void;
  #waiting: PromiseWithResolvers<IteratorResult<WatchBatch>> | undefined;
  #failure: unknown;

  constructor(request: WatchRequest, signal: AbortSignal, onOver: () => void) {
    this.request = request;
    this.#onOver = onOver;
    signal.addEventListener('abort', () => this.#end());
  }

  give(batch: WatchBatch): void {
    this.#batches.push(batch);
    this.#settle();
  }

  fail(error: unknown): void {
    this.#failure = error;
    this.#settle();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<WatchBatch>> {
    this.asked += 1;
    if (this.#waiting !== undefined) throw new Error('asked again before it has answered');
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#settle();
    return promise;
  }

  async return(): Promise<IteratorResult<WatchBatch>> {
    this.#end();
    return { done: true, value: undefined };
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const batch = this.#batches.shift();
    if (batch === undefined && this.#failure === undefined && !this.isOver) return;
    this.#waiting = undefined;
    if (batch !== undefined) waiting.resolve({ done: false, value: batch });
    else if (this.isOver) waiting.resolve({ done: true, value: undefined });
    else {
      waiting.reject(this.#failure);
      this.#end();
    }
  }

  #end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#onOver();
    this.#settle();
  }
}

/** A member that keeps nothing: it notes what it is asked, and answers what a test wants. */
export class FakeService implements KvService {
  readonly written: Written[] = [];
  readonly asked: string[] = [];
  readonly signals: AbortSignal[] = [];
  /** Those that are not over. */
  readonly watches = new Set<FakeWatch>();
  readonly everyWatch: FakeWatch[] = [];
  barriers = 0;
  revision = 5;
  answerWrite: (command: Uint8Array, context: CallContext) => Promise<Uint8Array> = async (bytes) =>
    bytes;
  answerBarrier: () => Promise<void> = async () => undefined;
  answerRange: (request: RangeRequest, mostBytes?: number) => RangeResponse = () => ({
    revision: this.revision,
    kvs: [],
    more: false,
    count: 0,
  });
  answerKeepAlive: (id: LeaseId) => Promise<{ ttl: number }> = async (id) => ({ ttl: id * 10 });
  refuseWatch: (request: WatchRequest) => KvError | undefined = () => undefined;

  async openSession(): Promise<number> {
    this.asked.push('openSession');
    return 77;
  }

  async closeSession(id: number): Promise<void> {
    this.asked.push(`closeSession ${id}`);
  }

  write(
    command: Uint8Array,
    context: CallContext & { readonly session?: SessionNumber },
  ): Promise<Uint8Array> {
    this.written.push({ command: command.slice(), session: context.session });
    return this.answerWrite(command, context);
  }

  async barrier(): Promise<void> {
    this.barriers += 1;
    await this.answerBarrier();
  }

  range(request: RangeRequest, mostBytes?: number): RangeResponse {
    return this.answerRange(request, mostBytes);
  }

  watch(request: WatchRequest, { signal }: CallContext): AsyncIterable<WatchBatch> {
    const refusal = this.refuseWatch(request);
    if (refusal !== undefined) throw refusal;
    const watch: FakeWatch = new FakeWatch(request, signal, () => this.watches.delete(watch));
    this.watches.add(watch);
    this.everyWatch.push(watch);
    return watch;
  }

  leaseKeepAlive(id: LeaseId): Promise<{ readonly ttl: number }> {
    return this.answerKeepAlive(id);
  }

  async leaseTimeToLive(
    id: LeaseId,
    { keys }: CallContext & { readonly keys?: boolean },
  ): Promise<LeaseTimeToLive> {
    return { id, remaining: 1.5, ttl: 30, keys: keys === true ? [Uint8Array.of(0, 255)] : [] };
  }

  async leases(): Promise<readonly LeaseId[]> {
    return [3, 4];
  }

  status(): KvStatus {
    return {
      cluster: 'c',
      member: 'a',
      version: '1.0.0',
      role: 'leader',
      leader: 'a',
      term: 1,
      revision: this.revision,
      compactedRevision: 1,
      keys: 0,
      leases: 2,
      watchers: this.watches.size,
      lastLogIndex: 1,
      committed: 1,
      applied: 1,
      members: [],
      isServing: true,
      problems: [],
      alerts: [],
    };
  }

  hash(): { readonly revision: number; readonly hash: string } {
    return { revision: this.revision, hash: '0123456789abcdef' };
  }

  async memberAdd({ id, address }: MemberAddRequest): Promise<MembershipChange> {
    this.asked.push(`memberAdd ${id} ${address}`);
    return { changed: true, members: [] };
  }

  async memberPromote({ id, insteadOf }: MemberPromoteRequest): Promise<MembershipChange> {
    this.asked.push(`memberPromote ${id} ${insteadOf}`);
    return { changed: true, members: [] };
  }

  async memberRemove({ id, force }: MemberRemoveRequest): Promise<MembershipChange> {
    this.asked.push(`memberRemove ${id} ${force}`);
    return { changed: true, members: [] };
  }

  async *snapshot({ serializable = false }): AsyncGenerator<Uint8Array> {
    this.asked.push(`snapshot${serializable ? ' serializable' : ''}`);
    yield Buffer.from('the ');
    yield Buffer.from('state');
  }

  async transferLeadership(to: string | undefined): Promise<void> {
    this.asked.push(`transferLeadership ${String(to)}`);
    if (to === 'nobody') throw new KvError('KV_NO_LEADER', 'There is no member nobody.');
  }
}
