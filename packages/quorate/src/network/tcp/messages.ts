import type {
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
} from '../../contract/network.ts';
import type * as message from '../../core/message.ts';
import {
  readIdentifyResponse,
  readJoinRequest,
  readLeaveRequest,
  readMembersResponse,
} from '../messages/member-messages.ts';
import {
  type FieldReader,
  FieldWriter,
  jsonBytes,
  readMessage,
  WireFormatError,
} from './fields.ts';
import * as raft from './raft-messages.ts';

/*
 * Bodies of the frames `request` and `response`. A question begins with the number of its method;
 * of what follows, and of the answers, docs/wire-format.md has a table. Version 1.
 */

/** What each call asks. */
export interface Requests {
  readonly requestVote: message.VoteRequest;
  readonly appendEntries: message.AppendEntriesRequest;
  /** The content follows in chunks. */
  readonly installSnapshot: message.InstallSnapshotRequest;
  readonly timeoutNow: message.TimeoutNowRequest;
  readonly readIndex: message.ReadIndexRequest;
  readonly forward: message.ForwardRequest;
  readonly identify: undefined;
  readonly join: JoinRequest;
  readonly leave: LeaveRequest;
}

/** What each call is answered. */
export interface Responses {
  readonly requestVote: message.VoteResponse;
  readonly appendEntries: message.AppendEntriesResponse;
  readonly installSnapshot: message.InstallSnapshotResponse;
  readonly timeoutNow: undefined;
  readonly readIndex: message.ReadIndexResponse;
  readonly forward: message.ForwardResponse;
  readonly identify: IdentifyResponse;
  readonly join: MembersResponse;
  readonly leave: MembersResponse;
}

export type Method = keyof Requests;

export type MethodRequest = {
  readonly [M in Method]: { readonly method: M; readonly request: Requests[M] };
}[Method];

/** A call of the application: one answer, or a stream of chunks. */
export interface ChannelRequest {
  readonly method: 'channel';
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly bytes: Uint8Array;
}

export type ChannelKind = 'call' | 'stream';

/** They stand in bytes, so they never change. */
export const methodNumbers: Readonly<Record<Method | 'channel', number>> = {
  requestVote: 1,
  appendEntries: 2,
  installSnapshot: 3,
  timeoutNow: 4,
  readIndex: 5,
  forward: 6,
  identify: 7,
  join: 8,
  leave: 9,
  channel: 255,
};

interface Codec<M extends Method> {
  readonly writeRequest: (method: number, request: Requests[M]) => readonly Uint8Array[];
  readonly readRequest: (reader: FieldReader) => Requests[M];
  readonly writeResponse: (response: Responses[M]) => readonly Uint8Array[];
  readonly readResponse: (reader: FieldReader) => Responses[M];
}

const membersCodec = {
  writeResponse: (response: MembersResponse) => [jsonBytes(response)],
  readResponse: (reader: FieldReader) => readMembersResponse(reader.json(), 'answer'),
};

const codecs: { readonly [M in Method]: Codec<M> } = {
  requestVote: {
    writeRequest: raft.writeVoteRequest,
    readRequest: raft.readVoteRequest,
    writeResponse: raft.writeVoteResponse,
    readResponse: raft.readVoteResponse,
  },
  appendEntries: {
    writeRequest: raft.writeAppendRequest,
    readRequest: raft.readAppendRequest,
    writeResponse: raft.writeAppendResponse,
    readResponse: raft.readAppendResponse,
  },
  installSnapshot: {
    writeRequest: raft.writeSnapshotRequest,
    readRequest: raft.readSnapshotRequest,
    writeResponse: raft.writeSnapshotResponse,
    readResponse: raft.readSnapshotResponse,
  },
  timeoutNow: {
    writeRequest: raft.writeTimeoutNowRequest,
    readRequest: raft.readTimeoutNowRequest,
    writeResponse: () => [],
    readResponse: () => undefined,
  },
  readIndex: {
    writeRequest: raft.writeReadIndexRequest,
    readRequest: raft.readReadIndexRequest,
    writeResponse: raft.writeReadIndexResponse,
    readResponse: raft.readReadIndexResponse,
  },
  forward: {
    writeRequest: raft.writeForwardRequest,
    readRequest: raft.readForwardRequest,
    writeResponse: raft.writeForwardResponse,
    readResponse: raft.readForwardResponse,
  },
  identify: {
    writeRequest: (method) => writeJson(method, undefined),
    readRequest: () => undefined,
    writeResponse: (response) => [jsonBytes(response)],
    readResponse: (reader) => readIdentifyResponse(reader.json(), 'answer'),
  },
  join: {
    ...membersCodec,
    writeRequest: writeJson,
    readRequest: (reader) => readJoinRequest(reader.json(), 'question'),
  },
  leave: {
    ...membersCodec,
    writeRequest: writeJson,
    readRequest: (reader) => readLeaveRequest(reader.json(), 'question'),
  },
};

const methods: ReadonlyMap<number, Method> = new Map(
  (Object.keys(codecs) as Method[]).map((method) => [methodNumbers[method], method]),
);

/**
 * The body of a request, in parts to write in order. Large payloads are parts of their own, as they
 * are: they must not change until they are sent.
 *
 * @throws {RangeError} if a name in it is no well-formed string of at most 65535 bytes.
 */
export function writeRequest<M extends Method>(
  method: M,
  request: Requests[M],
): readonly Uint8Array[] {
  return codecs[method].writeRequest(methodNumbers[method], request);
}

export function writeChannelRequest(
  channel: string,
  kind: ChannelKind,
  bytes: Uint8Array,
): readonly Uint8Array[] {
  const writer = new FieldWriter(4 + 3 * channel.length);
  writer.u8(methodNumbers.channel);
  writer.u8(channelKinds.indexOf(kind));
  writer.string(channel);
  return [...writer.finish(), bytes];
}

/**
 * Reads the body of a request. Payloads are views of it, so it stays in memory as long as they.
 *
 * @throws {WireFormatError} if it is none.
 */
export function readRequest(body: Uint8Array): MethodRequest | ChannelRequest {
  return readMessage('question', body, readAnyRequest);
}

export function writeResponse<M extends Method>(
  method: M,
  response: Responses[M],
): readonly Uint8Array[] {
  return codecs[method].writeResponse(response);
}

/**
 * Reads the body of a response to a call of `method`.
 *
 * @throws {WireFormatError} if it is none.
 */
export function readResponse<M extends Method>(method: M, body: Uint8Array): Responses[M] {
  const { readResponse: read } = codecs[method];
  return readMessage(`answer to ${method}`, body, (reader) => {
    const response = read(reader);
    reader.end();
    return response;
  });
}

/** How many more bytes of a stream may be sent. */
export function writeCredit(bytes: number): readonly Uint8Array[] {
  const writer = new FieldWriter(4);
  writer.u32(bytes);
  return writer.finish();
}

/** @throws {WireFormatError} if it is none. */
export function readCredit(body: Uint8Array): number {
  return readMessage('credit', body, (reader) => {
    const bytes = reader.u32();
    reader.end();
    return bytes;
  });
}

const channelKinds = ['call', 'stream'] as const;

function readAnyRequest(reader: FieldReader): MethodRequest | ChannelRequest {
  const number = reader.u8();
  if (number === methodNumbers.channel) return readChannelRequest(reader);
  const method = methods.get(number);
  if (method === undefined) throw new WireFormatError(`There is no method ${number}.`);
  const request = codecs[method].readRequest(reader);
  reader.end();
  // The codec of a method reads what that method asks.
  return { method, request } as MethodRequest;
}

function readChannelRequest(reader: FieldReader): ChannelRequest {
  const number = reader.u8();
  const kind = channelKinds[number];
  if (kind === undefined) throw new WireFormatError(`There is no call of kind ${number}.`);
  return { method: 'channel', channel: reader.string(), kind, bytes: reader.rest() };
}

function writeJson(method: number, value: unknown): readonly Uint8Array[] {
  const json = value === undefined ? new Uint8Array(0) : jsonBytes(value);
  const writer = new FieldWriter(1 + json.length);
  writer.u8(method);
  writer.raw(json);
  return writer.finish();
}
