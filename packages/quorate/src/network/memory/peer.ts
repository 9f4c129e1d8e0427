import type {
  CallOptions,
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  RaftRpc,
} from '../../contract/network.ts';
import type * as message from '../../core/message.ts';
import type { NodeId } from '../../core/types.ts';
import { UnreachableError } from '../../errors.ts';

/** Waits until one more chunk of a snapshot has crossed the wire. */
export type CrossChunk = () => Promise<void> | undefined;

/** Carries one call to a node and its answer back, as well as the wire between them allows. */
export type Exchange = <Result>(
  call: keyof RaftRpc,
  to: NodeId,
  options: CallOptions | undefined,
  /** Puts the question on the other side. */
  ask: (rpc: RaftRpc, crossChunk: CrossChunk) => Promise<Result> | Result,
) => Promise<Result>;

/** Carries an append, at once if it can. */
export type Append = (
  to: NodeId,
  request: message.AppendEntriesRequest,
  options: CallOptions | undefined,
) => Promise<message.AppendEntriesResponse> | message.AppendEntriesResponse;

/** What a stand-in speaks over. */
export interface Wire {
  readonly exchange: Exchange;
  readonly append: Append;
}

/** The stand-in for a node on the same `MemoryNetwork`. */
export class MemoryPeer implements RaftRpc, AsyncDisposable {
  readonly #target: NodeId;
  #exchange: Exchange;
  #append: Append;

  constructor(target: NodeId, { exchange, append }: Wire) {
    this.#target = target;
    this.#exchange = exchange;
    this.#append = append;
  }

  requestVote(request: message.VoteRequest, options?: CallOptions): Promise<message.VoteResponse> {
    return this.#exchange('requestVote', this.#target, options, (rpc) =>
      rpc.requestVote(request, options),
    );
  }

  appendEntries(
    request: message.AppendEntriesRequest,
    options?: CallOptions,
  ): Promise<message.AppendEntriesResponse> | message.AppendEntriesResponse {
    return this.#append(this.#target, request, options);
  }

  installSnapshot(
    request: message.InstallSnapshotRequest,
    chunks: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<message.InstallSnapshotResponse> {
    return this.#exchange('installSnapshot', this.#target, options, (rpc, crossChunk) =>
      rpc.installSnapshot(request, eachCrossing(chunks, crossChunk), options),
    );
  }

  timeoutNow(request: message.TimeoutNowRequest, options?: CallOptions): Promise<void> {
    return this.#exchange('timeoutNow', this.#target, options, (rpc) =>
      rpc.timeoutNow(request, options),
    );
  }

  readIndex(
    request: message.ReadIndexRequest,
    options?: CallOptions,
  ): Promise<message.ReadIndexResponse> {
    return this.#exchange('readIndex', this.#target, options, (rpc) =>
      rpc.readIndex(request, options),
    );
  }

  forward(
    request: message.ForwardRequest,
    options?: CallOptions,
  ): Promise<message.ForwardResponse> {
    return this.#exchange('forward', this.#target, options, (rpc) => rpc.forward(request, options));
  }

  identify(options?: CallOptions): Promise<IdentifyResponse> {
    return this.#exchange('identify', this.#target, options, (rpc) => rpc.identify(options));
  }

  join(request: JoinRequest, options?: CallOptions): Promise<MembersResponse> {
    return this.#exchange('join', this.#target, options, (rpc) => rpc.join(request, options));
  }

  leave(request: LeaveRequest, options?: CallOptions): Promise<MembersResponse> {
    return this.#exchange('leave', this.#target, options, (rpc) => rpc.leave(request, options));
  }

  /** Calls that are under way still get their answer; later ones are refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    const refuse = async (to: NodeId): Promise<never> => {
      throw new UnreachableError(`The connection to node ${to} was closed on this side.`);
    };
    this.#exchange = (_call, to) => refuse(to);
    this.#append = refuse;
  }
}

async function* eachCrossing(
  chunks: AsyncIterable<Uint8Array>,
  crossChunk: CrossChunk,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    await crossChunk();
    yield chunk;
  }
}
