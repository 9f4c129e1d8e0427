import { BaseClient } from '../../../src/client/base-client.ts';
import type { ClientOptions } from '../../../src/client/parts.ts';
import type {
  ColdMethod,
  ColdMethods,
  CommandBatch,
  Transport,
  TransportOptions,
  WatchReceiver,
  WatchStream,
  Wire,
  WriteMessage,
} from '../../../src/client/transport.ts';
import { KvError } from '../../../src/errors.ts';
import type {
  KvStatus,
  LeaseId,
  MemberStatus,
  Operation,
  RangeRequest,
  RangeResponse,
  Result,
  WatchRequest,
} from '../../../src/types.ts';
import { TestRuntime } from './test-runtime.ts';

/** A write as a member saw it. */
export interface SeenWrite {
  readonly member: string;
  readonly session: number;
  readonly sequence: number;
  readonly operations: readonly Operation[];
  readonly timeoutMs: number;
}

export class FakeBatch implements CommandBatch {
  readonly operations: Operation[];
  isSealed = false;

  constructor(operations: Operation[] = []) {
    this.operations = operations;
  }

  get count(): number {
    return this.operations.length;
  }

  get byteLength(): number {
    return 5 + this.operations.reduce((bytes, operation) => bytes + bytesOf(operation), 0);
  }

  add(operation: Operation): void {
    if (this.isSealed) throw new Error('The batch is sealed.');
    this.operations.push(operation);
  }

  seal(): void {
    this.isSealed = true;
  }

  split(): readonly [CommandBatch, CommandBatch] {
    const middle = this.count >> 1;
    return [
      new FakeBatch(this.operations.slice(0, middle)),
      new FakeBatch(this.operations.slice(middle)),
    ];
  }

  pick(places: readonly number[]): CommandBatch {
    return new FakeBatch(places.map((at) => this.operations[at] as Operation));
  }
}

export class FakeStream implements WatchStream {
  readonly member: string;
  readonly receiver: WatchReceiver;
  readonly watches = new Map<number, WatchRequest>();
  isClosed = false;

  constructor(member: string, receiver: WatchReceiver) {
    this.member = member;
    this.receiver = receiver;
  }

  add(watch: number, request: WatchRequest): void {
    this.watches.set(watch, request);
  }

  remove(watch: number): void {
    this.watches.delete(watch);
  }

  close(): void {
    this.isClosed = true;
  }

  /** The way to the member ends. */
  break(): void {
    this.isClosed = true;
    this.receiver.onClosed(new KvError('KV_MAYBE', 'The connection was lost.'));
  }
}

/** Members that do what a test says. */
export class FakeWire implements Wire {
  fullBatch = { count: 100, bytes: 48 * 1024 };
  fullRead = { count: 100 };
  maxUnanswered = 512;
  attemptMs = Infinity;
  readonly writes: SeenWrite[] = [];
  readonly reads: { readonly member: string; readonly requests: readonly RangeRequest[] }[] = [];
  readonly keptAlive: { readonly member: string; readonly ids: readonly LeaseId[] }[] = [];
  readonly colds: { readonly member: string; readonly method: ColdMethod }[] = [];
  readonly streams: FakeStream[] = [];
  readonly closed: string[] = [];
  /** Addresses of members; the first one leads unless `leader` says otherwise. */
  members: readonly string[];
  leader: string | undefined;
  sessions = 0;
  onWrite: (write: SeenWrite) => Promise<readonly Result[]> = async ({ operations }) =>
    operations.map(() => ({ type: 'put', revision: 2 }));
  onRanges: (
    requests: readonly RangeRequest[],
    about: { readonly member: string; readonly serializable: boolean },
  ) => Promise<readonly (RangeResponse | KvError)[]> = async (requests) =>
    requests.map(() => ({ revision: 7, kvs: [], more: false, count: 0 }));
  onSnapshot: (
    member: string,
    options: { readonly serializable: boolean; readonly signal: AbortSignal },
  ) => AsyncIterable<Uint8Array> = async function* () {
    yield Buffer.from('the state');
  };
  onKeepAlive: (ids: readonly LeaseId[], member: string) => Promise<readonly number[]> = async (
    ids,
  ) => ids.map(() => 10);
  onCold: (method: ColdMethod, member: string, params: unknown) => Promise<unknown> = (
    method,
    member,
  ) => this.cold(method, member);

  constructor(members: readonly string[]) {
    this.members = members;
    this.leader = members[0];
  }

  /** What a member answers if the test does not say. */
  async cold(method: ColdMethod, member: string): Promise<unknown> {
    if (method === 'status') return this.status(member);
    if (method === 'openSession') {
      this.sessions += 1;
      return this.sessions;
    }
    return undefined;
  }

  status(member: string): KvStatus {
    return {
      cluster: 'c',
      member,
      version: '1',
      role: member === this.leader ? 'leader' : 'follower',
      leader: this.leader,
      term: 1,
      revision: 7,
      compactedRevision: 0,
      keys: 0,
      leases: 0,
      watchers: 0,
      lastLogIndex: 1,
      committed: 1,
      applied: 1,
      members: this.members.map((id) => ({
        id,
        role: 'voter',
        peerAddress: id,
        clientAddress: id,
      })),
      isServing: true,
      problems: [],
      alerts: [],
    };
  }

  newBatch(): CommandBatch {
    return new FakeBatch();
  }

  nameOf(address: string): string {
    return address;
  }

  addressOf({ clientAddress }: MemberStatus): string | undefined {
    return clientAddress;
  }

  connect(member: string): Transport {
    return {
      write: ({ session, sequence, batch }: WriteMessage, { timeoutMs }: TransportOptions) => {
        const { operations } = batch as FakeBatch;
        const write = { member, session, sequence, operations, timeoutMs };
        this.writes.push(write);
        return this.onWrite(write);
      },
      ranges: (requests, { serializable }) => {
        this.reads.push({ member, requests });
        return this.onRanges(requests, { member, serializable });
      },
      keepAlive: (ids) => {
        this.keptAlive.push({ member, ids });
        return this.onKeepAlive(ids, member);
      },
      cold: async <Method extends ColdMethod>(
        method: Method,
        params: ColdMethods[Method]['params'],
      ) => {
        this.colds.push({ member, method });
        return (await this.onCold(method, member, params)) as ColdMethods[Method]['answer'];
      },
      openWatches: (receiver) => {
        const stream = new FakeStream(member, receiver);
        this.streams.push(stream);
        return stream;
      },
      snapshot: (options) => this.onSnapshot(member, options),
      close: async () => {
        this.closed.push(member);
      },
    };
  }
}

/** A client of such members, on a clock of its own. */
export class FakeClient extends BaseClient {
  readonly runtime: TestRuntime;

  constructor(wire: FakeWire, options: Partial<ClientOptions> = {}) {
    const runtime = new TestRuntime();
    super(wire, runtime, { servers: wire.members, ...options });
    this.runtime = runtime;
  }
}

/** What a call has ended with, without waiting for it. */
export interface Watched<Answer> {
  answer?: Answer;
  error?: unknown;
  isOver: boolean;
}

export function watched<Answer>(promise: Promise<Answer>): Watched<Answer> {
  const seen: Watched<Answer> = { isOver: false };
  promise.then(
    (answer) => Object.assign(seen, { answer, isOver: true }),
    (error: unknown) => Object.assign(seen, { error, isOver: true }),
  );
  return seen;
}

export const lost = (): KvError => new KvError('KV_MAYBE', 'The connection was lost.');
export const noLeader = (): KvError => new KvError('KV_NO_LEADER', 'There is no leader.');

function bytesOf(operation: Operation): number {
  return operation.type === 'put' ? 9 + operation.key.length + operation.value.length : 20;
}
