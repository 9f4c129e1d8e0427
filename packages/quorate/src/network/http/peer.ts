import { Agent } from 'node:http';
import { urlToHttpOptions } from 'node:url';
import type {
  CallOptions,
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  RaftRpc,
} from '../../contract/network.ts';
import type * as message from '../../core/message.ts';
import type { NodeId, NodeInfo } from '../../core/types.ts';
import { type RaftError, UnreachableError } from '../../errors.ts';
import { readError } from '../messages/error-json.ts';
import { Fields } from '../messages/fields.ts';
import * as memberMessages from '../messages/member-messages.ts';
import { type HttpAnswer, HttpCall } from './http-call.ts';
import * as messages from './messages.ts';
import { callHeaders, paths } from './wire.ts';

export interface HttpPeerOptions {
  readonly callTimeoutMs: number;
  readonly snapshotTimeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly maxSocketsPerNode: number;
}

interface Question<Result> {
  readonly call: keyof RaftRpc;
  readonly body?: unknown;
  readonly chunks?: AsyncIterable<Uint8Array>;
  readonly read: (value: unknown, path: string) => Result;
}

/** Where requests go, or why none can be sent. */
type Address =
  | { readonly hostname: string; readonly port: string; readonly base: string }
  | { readonly problem: string };

/** The stand-in for a node behind HTTP. Its sockets are its own, and close with it. */
export class HttpPeer implements RaftRpc, AsyncDisposable {
  readonly #target: NodeId;
  readonly #address: Address;
  readonly #options: HttpPeerOptions;
  readonly #agent: Agent;
  readonly #calls = new Set<HttpCall>();
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(target: NodeId, info: NodeInfo, options: HttpPeerOptions, onClose: () => void) {
    this.#target = target;
    this.#address = readAddress(target, info.address);
    this.#options = options;
    this.#onClose = onClose;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: options.maxSocketsPerNode,
      // The socket used last is the one least likely to have been closed meanwhile.
      scheduling: 'lifo',
    });
  }

  requestVote(request: message.VoteRequest, options?: CallOptions): Promise<message.VoteResponse> {
    const read = messages.readVoteResponse;
    return this.#ask({ call: 'requestVote', body: request, read }, options);
  }

  appendEntries(
    request: message.AppendEntriesRequest,
    options?: CallOptions,
  ): Promise<message.AppendEntriesResponse> {
    const body = messages.appendRequestToJson(request);
    return this.#ask({ call: 'appendEntries', body, read: messages.readAppendResponse }, options);
  }

  installSnapshot(
    request: message.InstallSnapshotRequest,
    chunks: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<message.InstallSnapshotResponse> {
    const read = messages.readSnapshotResponse;
    return this.#ask({ call: 'installSnapshot', body: request, chunks, read }, options);
  }

  timeoutNow(request: message.TimeoutNowRequest, options?: CallOptions): Promise<void> {
    const read = messages.readNothing;
    return this.#ask({ call: 'timeoutNow', body: request, read }, options);
  }

  readIndex(
    request: message.ReadIndexRequest,
    options?: CallOptions,
  ): Promise<message.ReadIndexResponse> {
    const read = messages.readReadIndexResponse;
    return this.#ask({ call: 'readIndex', body: request, read }, options);
  }

  forward(
    request: message.ForwardRequest,
    options?: CallOptions,
  ): Promise<message.ForwardResponse> {
    const body = messages.forwardRequestToJson(request);
    return this.#ask({ call: 'forward', body, read: messages.readForwardResponse }, options);
  }

  identify(options?: CallOptions): Promise<IdentifyResponse> {
    return this.#ask({ call: 'identify', read: memberMessages.readIdentifyResponse }, options);
  }

  join(request: JoinRequest, options?: CallOptions): Promise<MembersResponse> {
    const read = memberMessages.readMembersResponse;
    return this.#ask({ call: 'join', body: request, read }, options);
  }

  leave(request: LeaveRequest, options?: CallOptions): Promise<MembersResponse> {
    const read = memberMessages.readMembersResponse;
    return this.#ask({ call: 'leave', body: request, read }, options);
  }

  /** Ends the calls that are under way and closes the sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#calls) call.fail('the connection was closed on this side.');
    this.#agent.destroy();
    this.#onClose();
  }

  async #ask<Result>(question: Question<Result>, options?: CallOptions): Promise<Result> {
    options?.signal?.throwIfAborted();
    const call = this.#open(question, options);
    this.#calls.add(call);
    try {
      const answer = await call.answer;
      return readAnswer(answer, question, this.#name(question.call));
    } finally {
      this.#calls.delete(call);
    }
  }

  #open(question: Question<unknown>, options: CallOptions | undefined): HttpCall {
    const { call, body, chunks } = question;
    const address = this.#address;
    if ('problem' in address) throw new UnreachableError(address.problem);
    if (this.#isClosed) {
      throw new UnreachableError(`The connection to ${this.#target} was closed on this side.`);
    }
    const { callTimeoutMs, snapshotTimeoutMs, maxAnswerBytes } = this.#options;
    const json = body === undefined ? undefined : JSON.stringify(body);
    return new HttpCall({
      agent: this.#agent,
      hostname: address.hostname,
      port: address.port,
      method: json === undefined ? 'GET' : 'POST',
      path: address.base + paths[call],
      headers: { ...bodyHeaders(json, chunks !== undefined), ...callHeaders(options) },
      // A snapshot's body is its request in one line of JSON, and then the content as it is.
      ...(json === undefined ? {} : { body: chunks === undefined ? json : `${json}\n` }),
      ...(chunks === undefined ? {} : { chunks }),
      name: this.#name(call),
      hasEffect: hasEffect(call),
      timeoutMs: chunks === undefined ? (options?.timeoutMs ?? callTimeoutMs) : snapshotTimeoutMs,
      maxAnswerBytes,
      signal: options?.signal,
    });
  }

  #name(call: keyof RaftRpc): string {
    const address = this.#address;
    const where = 'problem' in address ? '' : ` at ${address.hostname}:${address.port}`;
    return `${call} to node ${this.#target}${where}`;
  }
}

/** What these two ask for may be done although no answer says so. */
function hasEffect(call: keyof RaftRpc): boolean {
  return call === 'forward' || call === 'timeoutNow';
}

function bodyHeaders(json: string | undefined, isStream: boolean): Record<string, string> {
  if (json === undefined) return {};
  if (isStream) return { 'content-type': 'application/octet-stream' };
  const length = String(Buffer.byteLength(json));
  return { 'content-type': 'application/json', 'content-length': length };
}

function readAddress(target: NodeId, address: string | undefined): Address {
  const wanted = 'wanted "host:port" or "http://host:port"';
  if (address === undefined) {
    return { problem: `Node ${target} has no address in its info; ${wanted}.` };
  }
  const text = address.includes('://') ? address : `http://${address}`;
  if (!URL.canParse(text) || new URL(text).protocol !== 'http:') {
    return { problem: `The address of node ${target} is "${address}"; ${wanted}.` };
  }
  const url = new URL(text);
  const hostname = urlToHttpOptions(url).hostname ?? url.hostname;
  return { hostname, port: url.port || '80', base: url.pathname.replace(/\/+$/, '') };
}

/** Returns what was answered, or throws the error that was. */
function readAnswer<Result>(answer: HttpAnswer, question: Question<Result>, name: string): Result {
  const outcome = readOutcome(answer, question, name);
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

function readOutcome<Result>(
  { status, contentType, text }: HttpAnswer,
  { call, read }: Question<Result>,
  name: string,
): { result: Result } | { error: RaftError } {
  try {
    const fields = new Fields(JSON.parse(text), 'the answer');
    if (fields.has('Err')) return { error: fields.nested('Err', readError) };
    return { result: fields.nested('Ok', read) };
  } catch (cause) {
    const start = text.length > 200 ? `${text.slice(0, 200)}...` : text;
    throw new UnreachableError(
      `${name} got an answer that is none: status ${status}, ${contentType}: ${start}`,
      { cause, maybeApplied: hasEffect(call) },
    );
  }
}
