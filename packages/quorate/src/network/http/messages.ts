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
import { Fields } from '../messages/fields.ts';
import {
  entryToJson,
  readEntry,
  readLogId,
  readOptionalSession,
  readSnapshotMeta,
  toBase64,
} from '../messages/shapes.ts';

/*
 * The questions and answers, read from JSON and checked field by field, and the few that cannot be
 * written to JSON as they are.
 */

export function readVoteRequest(value: unknown, path: string): VoteRequest {
  const fields = new Fields(value, path);
  return {
    term: fields.count('term'),
    candidate: fields.string('candidate'),
    lastLogId: fields.nested('lastLogId', readLogId),
    preVote: fields.boolean('preVote'),
    transfer: fields.boolean('transfer'),
  };
}

export function readVoteResponse(value: unknown, path: string): VoteResponse {
  const fields = new Fields(value, path);
  return { term: fields.count('term'), granted: fields.boolean('granted') };
}

export function appendRequestToJson(request: AppendEntriesRequest): unknown {
  return { ...request, entries: request.entries.map(entryToJson) };
}

export function readAppendRequest(value: unknown, path: string): AppendEntriesRequest {
  const fields = new Fields(value, path);
  return {
    term: fields.count('term'),
    leader: fields.string('leader'),
    previous: fields.nested('previous', readLogId),
    entries: fields.list('entries', readEntry),
    committed: fields.count('committed'),
  };
}

export function readAppendResponse(value: unknown, path: string): AppendEntriesResponse {
  const fields = new Fields(value, path);
  const term = fields.count('term');
  if (fields.boolean('accepted')) return { term, accepted: true, match: fields.count('match') };
  return { term, accepted: false, hint: fields.nested('hint', readLogId) };
}

export function readSnapshotRequest(value: unknown, path: string): InstallSnapshotRequest {
  const fields = new Fields(value, path);
  return {
    term: fields.count('term'),
    leader: fields.string('leader'),
    meta: fields.nested('meta', readSnapshotMeta),
    offset: fields.count('offset'),
    size: fields.count('size'),
    checksum: fields.checksum('checksum'),
  };
}

export function readSnapshotResponse(value: unknown, path: string): InstallSnapshotResponse {
  const fields = new Fields(value, path);
  return {
    term: fields.count('term'),
    stored: fields.count('stored'),
    match: fields.count('match'),
  };
}

export function readTimeoutNowRequest(value: unknown, path: string): TimeoutNowRequest {
  const fields = new Fields(value, path);
  return { term: fields.count('term'), leader: fields.string('leader') };
}

/** The answer to a call that returns nothing. */
export function readNothing(): void {}

export function readReadIndexRequest(value: unknown, path: string): ReadIndexRequest {
  return { mode: new Fields(value, path).oneOf('mode', ['quorum', 'lease']) };
}

export function readReadIndexResponse(value: unknown, path: string): ReadIndexResponse {
  const fields = new Fields(value, path);
  return { term: fields.count('term'), index: fields.count('index') };
}

export function forwardRequestToJson({ command, ...rest }: ForwardRequest): unknown {
  const { raw, session, repeated, entry } = rest;
  return { command: toBase64(command), raw, session, repeated, entry };
}

export function readForwardRequest(value: unknown, path: string): ForwardRequest {
  const fields = new Fields(value, path);
  return {
    command: fields.bytes('command'),
    ...(fields.has('raw') && fields.boolean('raw') ? { raw: true as const } : {}),
    ...readOptionalSession(fields),
    ...(fields.has('repeated') && fields.boolean('repeated') ? { repeated: true as const } : {}),
    ...(fields.has('entry') ? { entry: fields.oneOf('entry', ['session']) } : {}),
  };
}

export function forwardResponseToJson({ logId, response }: ForwardResponse): unknown {
  return { logId, response: toBase64(response) };
}

export function readForwardResponse(value: unknown, path: string): ForwardResponse {
  const fields = new Fields(value, path);
  return { logId: fields.nested('logId', readLogId), response: fields.bytes('response') };
}
