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
import { readSnapshotMeta } from '../messages/shapes.ts';
import { entriesRoom, readEntries, writeEntries } from './entries.ts';
import { type FieldReader, FieldWriter, jsonBytes, stringRoom, WireFormatError } from './fields.ts';
import { gatherBytes } from './frame.ts';

/*
 * The protocol's questions and answers as bytes; docs/wire-format.md has them in a table. A
 * question begins with the number of its method, which the caller gives and has read.
 */

type Parts = readonly Uint8Array[];

const preVote = 1;
const transfer = 2;

export function writeVoteRequest(method: number, request: VoteRequest): Parts {
  const writer = new FieldWriter(26 + stringRoom(request.candidate));
  writer.u8(method);
  writer.u8((request.preVote ? preVote : 0) | (request.transfer ? transfer : 0));
  writer.u53(request.term);
  writer.logId(request.lastLogId);
  writer.string(request.candidate);
  return writer.finish();
}

export function readVoteRequest(reader: FieldReader): VoteRequest {
  const flags = readFlags(reader, preVote | transfer);
  const term = reader.u53();
  const lastLogId = reader.logId();
  const candidate = reader.string();
  return {
    term,
    candidate,
    lastLogId,
    preVote: (flags & preVote) !== 0,
    transfer: (flags & transfer) !== 0,
  };
}

export function writeVoteResponse({ term, granted }: VoteResponse): Parts {
  const writer = new FieldWriter(9);
  writer.u8(granted ? 1 : 0);
  writer.u53(term);
  return writer.finish();
}

export function readVoteResponse(reader: FieldReader): VoteResponse {
  const granted = reader.boolean();
  return { term: reader.u53(), granted };
}

export function writeAppendRequest(method: number, request: AppendEntriesRequest): Parts {
  const { term, leader, previous, entries, committed } = request;
  const writer = new FieldWriter(33 + stringRoom(leader) + entriesRoom(entries));
  writer.u8(method);
  writer.u53(term);
  writer.logId(previous);
  writer.u53(committed);
  writer.string(leader);
  writeEntries(writer, entries);
  return writer.finish();
}

export function readAppendRequest(reader: FieldReader): AppendEntriesRequest {
  const term = reader.u53();
  const previous = reader.logId();
  const committed = reader.u53();
  const leader = reader.string();
  return { term, leader, previous, entries: readEntries(reader), committed };
}

export function writeAppendResponse(response: AppendEntriesResponse): Parts {
  const writer = new FieldWriter(25);
  writer.u8(response.accepted ? 1 : 0);
  writer.u53(response.term);
  if (response.accepted) writer.u53(response.match);
  else writer.logId(response.hint);
  return writer.finish();
}

export function readAppendResponse(reader: FieldReader): AppendEntriesResponse {
  const accepted = reader.boolean();
  const term = reader.u53();
  if (accepted) return { term, accepted, match: reader.u53() };
  return { term, accepted, hint: reader.logId() };
}

export function writeSnapshotRequest(method: number, request: InstallSnapshotRequest): Parts {
  const meta = jsonBytes(request.meta);
  const writer = new FieldWriter(29 + stringRoom(request.leader) + meta.length);
  writer.u8(method);
  writer.u53(request.term);
  writer.u53(request.offset);
  writer.u53(request.size);
  writer.u32(request.checksum);
  writer.string(request.leader);
  writer.raw(meta);
  return writer.finish();
}

export function readSnapshotRequest(reader: FieldReader): InstallSnapshotRequest {
  const term = reader.u53();
  const offset = reader.u53();
  const size = reader.u53();
  const checksum = reader.u32();
  const leader = reader.string();
  return { term, leader, meta: readSnapshotMeta(reader.json(), 'meta'), offset, size, checksum };
}

export function writeSnapshotResponse({ term, stored, match }: InstallSnapshotResponse): Parts {
  const writer = new FieldWriter(24);
  writer.u53(term);
  writer.u53(stored);
  writer.u53(match);
  return writer.finish();
}

export function readSnapshotResponse(reader: FieldReader): InstallSnapshotResponse {
  return { term: reader.u53(), stored: reader.u53(), match: reader.u53() };
}

export function writeTimeoutNowRequest(method: number, request: TimeoutNowRequest): Parts {
  const writer = new FieldWriter(9 + stringRoom(request.leader));
  writer.u8(method);
  writer.u53(request.term);
  writer.string(request.leader);
  return writer.finish();
}

export function readTimeoutNowRequest(reader: FieldReader): TimeoutNowRequest {
  return { term: reader.u53(), leader: reader.string() };
}

const readModes = ['quorum', 'lease'] as const;

export function writeReadIndexRequest(method: number, { mode }: ReadIndexRequest): Parts {
  const writer = new FieldWriter(2);
  writer.u8(method);
  writer.u8(readModes.indexOf(mode));
  return writer.finish();
}

export function readReadIndexRequest(reader: FieldReader): ReadIndexRequest {
  const number = reader.u8();
  const mode = readModes[number];
  if (mode === undefined) throw new WireFormatError(`There is no read of kind ${number}.`);
  return { mode };
}

export function writeReadIndexResponse({ term, index }: ReadIndexResponse): Parts {
  const writer = new FieldWriter(16);
  writer.u53(term);
  writer.u53(index);
  return writer.finish();
}

export function readReadIndexResponse(reader: FieldReader): ReadIndexResponse {
  return { term: reader.u53(), index: reader.u53() };
}

const isRaw = 1;
const hasSession = 2;
const isRepeated = 4;
const isSessionEntry = 8;

export function writeForwardRequest(method: number, request: ForwardRequest): Parts {
  const { command, raw, session, repeated, entry } = request;
  const writer = new FieldWriter(18 + roomFor(command));
  writer.u8(method);
  writer.u8(
    (raw === true ? isRaw : 0) |
      (session === undefined ? 0 : hasSession) |
      (repeated === true ? isRepeated : 0) |
      (entry === undefined ? 0 : isSessionEntry),
  );
  if (session !== undefined) {
    writer.u53(session.id);
    writer.u53(session.sequence);
  }
  writeRest(writer, command);
  return writer.finish();
}

export function readForwardRequest(reader: FieldReader): ForwardRequest {
  const flags = readFlags(reader, isRaw | hasSession | isRepeated | isSessionEntry);
  const session =
    (flags & hasSession) === 0 ? {} : { session: { id: reader.u53(), sequence: reader.u53() } };
  return {
    command: reader.rest(),
    ...((flags & isRaw) === 0 ? {} : { raw: true as const }),
    ...session,
    ...((flags & isRepeated) === 0 ? {} : { repeated: true as const }),
    ...((flags & isSessionEntry) === 0 ? {} : { entry: 'session' as const }),
  };
}

export function writeForwardResponse({ logId, response }: ForwardResponse): Parts {
  const writer = new FieldWriter(16 + roomFor(response));
  writer.logId(logId);
  writeRest(writer, response);
  return writer.finish();
}

export function readForwardResponse(reader: FieldReader): ForwardResponse {
  return { logId: reader.logId(), response: reader.rest() };
}

function roomFor(bytes: Uint8Array): number {
  return bytes.length < gatherBytes ? bytes.length : 0;
}

/** The bytes that a message ends with: copied if they are few. */
function writeRest(writer: FieldWriter, bytes: Uint8Array): void {
  if (bytes.length < gatherBytes) writer.raw(bytes);
  else writer.gather(bytes);
}

/** A flag that nobody knows here would change what is meant. */
function readFlags(reader: FieldReader, known: number): number {
  const flags = reader.u8();
  if ((flags & ~known) !== 0) throw new WireFormatError(`There are no such flags: ${flags}.`);
  return flags;
}
