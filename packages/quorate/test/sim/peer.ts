import type {
  CallOptions,
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  RaftRpc,
} from '../../src/contract/network.ts';
import type * as message from '../../src/core/message.ts';
import type { NodeId } from '../../src/core/types.ts';

/** Carries one call to a node and its answer back. `ask` puts the question on the other side. */
export type Exchange = <Result>(
  to: NodeId,
  call: {
    readonly kind: keyof RaftRpc;
    readonly request: unknown;
    readonly options: CallOptions | undefined;
    readonly ask: (rpc: RaftRpc, options: CallOptions, how: Delivery) => Promise<Result>;
  },
) => Promise<Result>;

/** How a call comes to the other side. */
export interface Delivery {
  /** The request as it is there, if it is not the same object. */
  readonly request: unknown;
  /** Brings the chunks of a snapshot over, one after the other. */
  readonly chunks: (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/** The stand-in for a node elsewhere. */
export class SimPeer implements RaftRpc, AsyncDisposable {
  readonly #to: NodeId;
  readonly #exchange: Exchange;

  constructor(to: NodeId, exchange: Exchange) {
    this.#to = to;
    this.#exchange = exchange;
  }

  requestVote(request: message.VoteRequest, options?: CallOptions): Promise<message.VoteResponse> {
    return this.#exchange(this.#to, {
      kind: 'requestVote',
      request,
      options,
      ask: (rpc, there) => rpc.requestVote(request, there),
    });
  }

  appendEntries(
    request: message.AppendEntriesRequest,
    options?: CallOptions,
  ): Promise<message.AppendEntriesResponse> {
    return this.#exchange(this.#to, {
      kind: 'appendEntries',
      request,
      options,
      ask: (rpc, there, how) =>
        Promise.resolve(rpc.appendEntries(how.request as message.AppendEntriesRequest, there)),
    });
  }

  installSnapshot(
    request: message.InstallSnapshotRequest,
    chunks: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<message.InstallSnapshotResponse> {
    return this.#exchange(this.#to, {
      kind: 'installSnapshot',
      request,
      options,
      ask: (rpc, there, how) => rpc.installSnapshot(request, how.chunks(chunks), there),
    });
  }

  timeoutNow(request: message.TimeoutNowRequest, options?: CallOptions): Promise<void> {
    return this.#exchange(this.#to, {
      kind: 'timeoutNow',
      request,
      options,
      ask: (rpc, there) => rpc.timeoutNow(request, there),
    });
  }

  readIndex(
    request: message.ReadIndexRequest,
    options?: CallOptions,
  ): Promise<message.ReadIndexResponse> {
    return this.#exchange(this.#to, {
      kind: 'readIndex',
      request,
      options,
      ask: (rpc, there) => rpc.readIndex(request, there),
    });
  }

  forward(
    request: message.ForwardRequest,
    options?: CallOptions,
  ): Promise<message.ForwardResponse> {
    return this.#exchange(this.#to, {
      kind: 'forward',
      request,
      options,
      ask: (rpc, there) => rpc.forward(request, there),
    });
  }

  identify(options?: CallOptions): Promise<IdentifyResponse> {
    return this.#exchange(this.#to, {
      kind: 'identify',
      request: undefined,
      options,
      ask: (rpc, there) => rpc.identify(there),
    });
  }

  join(request: JoinRequest, options?: CallOptions): Promise<MembersResponse> {
    return this.#exchange(this.#to, {
      kind: 'join',
      request,
      options,
      ask: (rpc, there) => rpc.join(request, there),
    });
  }

  leave(request: LeaveRequest, options?: CallOptions): Promise<MembersResponse> {
    return this.#exchange(this.#to, {
      kind: 'leave',
      request,
      options,
      ask: (rpc, there) => rpc.leave(request, there),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
