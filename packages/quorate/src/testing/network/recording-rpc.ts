import type {
  CallOptions,
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  RaftRpc,
} from '../../contract/network.ts';
import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  ForwardRequest,
  ForwardResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  TimeoutNowRequest,
  VoteRequest,
  VoteResponse,
} from '../../core/message.ts';

export interface Arrival {
  readonly call: keyof RaftRpc;
  readonly request: unknown;
  readonly options: CallOptions | undefined;
}

/** A node that remembers what it was asked, and answers with what the test has put into it. */
export class RecordingRpc implements RaftRpc {
  readonly arrivals: Arrival[] = [];
  /** Runs when a call arrives; throw to refuse it, wait to be slow. */
  onArrival: (arrival: Arrival) => void | Promise<void> = () => {};
  onSnapshot: (chunks: AsyncIterable<Uint8Array>, options?: CallOptions) => Promise<number> =
    countBytes;
  append: AppendEntriesResponse = { term: 3, accepted: true, match: 12 };
  forwarded: ForwardResponse = {
    logId: { term: 3, index: 13 },
    response: new Uint8Array([0, 255, 10]),
  };
  members: MembersResponse = {
    membership: {
      cluster: 'cluster-1',
      voters: [['b']],
      nodes: { b: { address: '10.0.0.2:7', incarnation: 'disk-b' }, ç: {} },
      logId: { term: 3, index: 11 },
    },
  };
  identified: IdentifyResponse = {
    identity: { cluster: 'cluster-1', node: 'b', incarnation: 'disk-b', starts: 2 },
    leader: 'a',
  };

  async requestVote(request: VoteRequest, options?: CallOptions): Promise<VoteResponse> {
    await this.#arrive({ call: 'requestVote', request, options });
    return { term: request.term, granted: !request.preVote };
  }

  async appendEntries(
    request: AppendEntriesRequest,
    options?: CallOptions,
  ): Promise<AppendEntriesResponse> {
    await this.#arrive({ call: 'appendEntries', request, options });
    return this.append;
  }

  async installSnapshot(
    request: InstallSnapshotRequest,
    chunks: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<InstallSnapshotResponse> {
    await this.#arrive({ call: 'installSnapshot', request, options });
    const stored = request.offset + (await this.onSnapshot(chunks, options));
    return { term: request.term, stored, match: 0 };
  }

  async timeoutNow(request: TimeoutNowRequest, options?: CallOptions): Promise<void> {
    await this.#arrive({ call: 'timeoutNow', request, options });
  }

  async readIndex(request: ReadIndexRequest, options?: CallOptions): Promise<ReadIndexResponse> {
    await this.#arrive({ call: 'readIndex', request, options });
    return { term: 3, index: 12 };
  }

  async forward(request: ForwardRequest, options?: CallOptions): Promise<ForwardResponse> {
    await this.#arrive({ call: 'forward', request, options });
    return this.forwarded;
  }

  async identify(options?: CallOptions): Promise<IdentifyResponse> {
    await this.#arrive({ call: 'identify', request: undefined, options });
    return this.identified;
  }

  async join(request: JoinRequest, options?: CallOptions): Promise<MembersResponse> {
    await this.#arrive({ call: 'join', request, options });
    return this.members;
  }

  async leave(request: LeaveRequest, options?: CallOptions): Promise<MembersResponse> {
    await this.#arrive({ call: 'leave', request, options });
    return this.members;
  }

  async #arrive(arrival: Arrival): Promise<void> {
    this.arrivals.push(arrival);
    await this.onArrival(arrival);
  }
}

async function countBytes(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0;
  for await (const chunk of chunks) count += chunk.byteLength;
  return count;
}

/** A promise that the test settles itself. */
export class Latch<Value = void> {
  readonly promise: Promise<Value>;
  open!: (value: Value) => void;

  constructor() {
    this.promise = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}
