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
import type { Runtime } from '../../platform/runtime.ts';
import type { ReadAddress } from './address.ts';
import { Lanes } from './lanes.ts';
import type { LinkOptions } from './link.ts';
import {
  type Method,
  type Requests,
  type Responses,
  readResponse,
  writeRequest,
} from './messages.ts';
import { OpenCall } from './open-call.ts';
import { SnapshotStream } from './snapshot-stream.ts';

export interface TcpPeerOptions {
  /** What messages call it. */
  readonly name: string;
  /** Who must answer; `undefined`: whoever does. */
  readonly target: { readonly node: NodeId } | undefined;
  readonly address: ReadAddress;
  readonly link: Omit<LinkOptions, 'lane' | 'address' | 'target'>;
  readonly callTimeoutMs: number;
  readonly snapshotTimeoutMs: number;
  readonly onClose: () => void;
}

type ReadAnswer<M extends Method> = (body: Uint8Array) => Responses[M];

const readers: { readonly [M in Method]: ReadAnswer<M> } = {
  requestVote: (body) => readResponse('requestVote', body),
  appendEntries: (body) => readResponse('appendEntries', body),
  installSnapshot: (body) => readResponse('installSnapshot', body),
  timeoutNow: (body) => readResponse('timeoutNow', body),
  readIndex: (body) => readResponse('readIndex', body),
  forward: (body) => readResponse('forward', body),
  identify: (body) => readResponse('identify', body),
  join: (body) => readResponse('join', body),
  leave: (body) => readResponse('leave', body),
};

/** The stand-in for a node behind TCP. Its connections are its own, and close with it. */
export class TcpPeer implements RaftRpc, AsyncDisposable {
  readonly #options: TcpPeerOptions;
  readonly #runtime: Runtime;
  readonly #lanes: Lanes | undefined;
  readonly #problem: string = '';
  readonly #names = new Map<Method, string>();
  readonly #where: string;

  constructor(options: TcpPeerOptions) {
    this.#options = options;
    this.#runtime = options.link.runtime;
    const { address, name, target, link } = options;
    if ('problem' in address) {
      this.#problem = address.problem;
      this.#where = name;
      return;
    }
    this.#where = `${name} at ${address.host}:${address.port}`;
    this.#lanes = new Lanes({ ...link, address, ...(target === undefined ? {} : { target }) });
  }

  get openCalls(): number {
    return this.#lanes?.openCalls ?? 0;
  }

  get queuedBytes(): number {
    return this.#lanes?.queuedBytes ?? 0;
  }

  requestVote(request: message.VoteRequest, options?: CallOptions): Promise<message.VoteResponse> {
    return this.#ask('requestVote', request, options, brief(options));
  }

  appendEntries(
    request: message.AppendEntriesRequest,
    options?: CallOptions,
  ): Promise<message.AppendEntriesResponse> {
    return this.#ask('appendEntries', request, options, brief(options));
  }

  installSnapshot(
    request: message.InstallSnapshotRequest,
    chunks: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<message.InstallSnapshotResponse> {
    return this.#ask('installSnapshot', request, options, options?.signal, chunks);
  }

  timeoutNow(request: message.TimeoutNowRequest, options?: CallOptions): Promise<void> {
    return this.#ask('timeoutNow', request, options, brief(options));
  }

  readIndex(
    request: message.ReadIndexRequest,
    options?: CallOptions,
  ): Promise<message.ReadIndexResponse> {
    return this.#ask('readIndex', request, options, options?.signal);
  }

  forward(
    request: message.ForwardRequest,
    options?: CallOptions,
  ): Promise<message.ForwardResponse> {
    return this.#ask('forward', request, options, options?.signal);
  }

  identify(options?: CallOptions): Promise<IdentifyResponse> {
    return this.#ask('identify', undefined, options, brief(options));
  }

  join(request: JoinRequest, options?: CallOptions): Promise<MembersResponse> {
    return this.#ask('join', request, options, options?.signal);
  }

  leave(request: LeaveRequest, options?: CallOptions): Promise<MembersResponse> {
    return this.#ask('leave', request, options, options?.signal);
  }

  /** Ends the calls that are under way. Resolves when no socket and no timer is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lanes?.[Symbol.asyncDispose]();
    this.#options.onClose();
  }

  #ask<M extends Method>(
    method: M,
    request: Requests[M],
    options: CallOptions | undefined,
    signal: AbortSignal | undefined,
    chunks?: AsyncIterable<Uint8Array>,
  ): Promise<Responses[M]> {
    if (this.#lanes === undefined) return Promise.reject(new UnreachableError(this.#problem));
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    let body: readonly Uint8Array[];
    try {
      body = writeRequest(method, request);
    } catch (error) {
      // Something in the request fits into no message.
      return Promise.reject(error);
    }
    return this.#start(this.#lanes, { method, request, body, options, signal, chunks });
  }

  #start<M extends Method>(lanes: Lanes, question: Question<M>): Promise<Responses[M]> {
    const { method, request, body, options, signal, chunks } = question;
    let bodyBytes = 0;
    for (const part of body) bodyBytes += part.length;
    const now = this.#runtime.now();
    const { callTimeoutMs, snapshotTimeoutMs } = this.#options;
    const timeoutMs =
      chunks === undefined ? (options?.timeoutMs ?? callTimeoutMs) : snapshotTimeoutMs;
    const link = chunks === undefined ? lanes.laneFor(bodyBytes) : lanes.bulk;
    const call = new OpenCall<Responses[M]>({
      name: this.#nameOf(method),
      body,
      bodyBytes,
      read: readers[method],
      hasEffect: method === 'forward' || method === 'timeoutNow',
      now,
      timeoutMs,
      from: options?.from,
      to: options?.to,
      stream: chunks && new SnapshotStream(link, this.#runtime, chunks, { timeoutMs }),
    });
    return hasEntries(request) ? lanes.append(call, signal) : link.start(call, signal);
  }

  #nameOf(method: Method): string {
    const name = this.#names.get(method) ?? `${method} to ${this.#where}`;
    this.#names.set(method, name);
    return name;
  }
}

interface Question<M extends Method> {
  readonly method: M;
  readonly request: Requests[M];
  readonly body: readonly Uint8Array[];
  readonly options: CallOptions | undefined;
  readonly signal: AbortSignal | undefined;
  readonly chunks: AsyncIterable<Uint8Array> | undefined;
}

function hasEntries(request: Requests[Method]): boolean {
  return request !== undefined && 'entries' in request && request.entries.length > 0;
}

/**
 * The signal of a call that is over soon by itself. It may be made only when somebody asks for it,
 * which costs; so with a deadline nobody does.
 */
function brief(options: CallOptions | undefined): AbortSignal | undefined {
  return options?.timeoutMs === undefined ? options?.signal : undefined;
}
