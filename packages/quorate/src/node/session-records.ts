import type { LibraryRecord } from '../contract/state-machine.ts';
import type { LogIndex } from '../core/types.ts';
import { FatalError } from '../errors.ts';

/*
 * The table of the sessions as records, in snapshots and with a state machine that has a disk. One
 * record for each response, so that a write changes little:
 *
 *   sessions                  {"maxSessions","maxSessionBytes","stretch"}: of all sessions
 *   session/<id>              {"lastUsed","floor","window"}: of one session
 *   session/<id>/<sequence>   a response, encoded
 */

/** What holds for all sessions. */
export interface TableHead {
  readonly maxSessions: number;
  readonly maxSessionBytes: number;
  /** The stretch of the log that the newest entry of a session lies in. */
  readonly stretch: number;
}

/** What holds for one session, beside its responses. */
export interface SessionHead {
  readonly lastUsed: LogIndex;
  /** Sequences up to here are forgotten. */
  readonly floor: number;
  readonly window: number;
}

/** What the records told of. */
export interface FoundRecords {
  readonly head: TableHead | undefined;
  /** In the order of their last use. */
  readonly sessions: readonly { readonly id: LogIndex; readonly head: SessionHead }[];
  /** Of each session in the order of the sequences. */
  readonly responses: readonly {
    readonly id: LogIndex;
    readonly sequence: number;
    readonly bytes: Uint8Array;
  }[];
}

export const headKey = 'sessions';
const prefix = 'session/';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function sessionKey(id: LogIndex): string {
  return `${prefix}${id}`;
}

export function responseKey(id: LogIndex, sequence: number): string {
  return `${prefix}${id}/${sequence}`;
}

export function tableHeadBytes({ maxSessions, maxSessionBytes, stretch }: TableHead): Uint8Array {
  return encoder.encode(JSON.stringify({ maxSessions, maxSessionBytes, stretch }));
}

export function sessionHeadBytes({ lastUsed, floor, window }: SessionHead): Uint8Array {
  return encoder.encode(JSON.stringify({ lastUsed, floor, window }));
}

/** Whether a record belongs to the table of the sessions. */
export function isSessionRecord(key: string): boolean {
  return key === headKey || key.startsWith(prefix);
}

/**
 * Reads the records of a table, in whatever order they come; others among them are passed over.
 *
 * @throws {FatalError} if they are not as they were given.
 */
export function readRecords(records: Iterable<LibraryRecord>): FoundRecords {
  let head: TableHead | undefined;
  const sessions = new Map<LogIndex, SessionHead>();
  const responses: { id: LogIndex; sequence: number; bytes: Uint8Array }[] = [];
  for (const { key, value } of records) {
    if (value === undefined || !isSessionRecord(key)) continue;
    if (key === headKey) {
      head = readNumbers(key, value, ['maxSessions', 'maxSessionBytes', 'stretch']);
      continue;
    }
    const match = /^session\/(\d+)(?:\/(\d+))?$/.exec(key);
    if (match === null) throw broken(key, 'is none that the library gave');
    const id = Number(match[1]);
    if (match[2] !== undefined) responses.push({ id, sequence: Number(match[2]), bytes: value });
    else sessions.set(id, readNumbers(key, value, ['lastUsed', 'floor', 'window']));
  }
  for (const { id, sequence } of responses) {
    if (!sessions.has(id)) throw broken(responseKey(id, sequence), 'has no session');
  }
  if (head === undefined && sessions.size > 0) throw broken(headKey, 'is missing');
  const inOrder = [...sessions].map(([id, of]) => ({ id, head: of }));
  inOrder.sort((a, b) => a.head.lastUsed - b.head.lastUsed);
  responses.sort((a, b) => a.sequence - b.sequence);
  return { head, sessions: inOrder, responses };
}

function readNumbers<Name extends string>(
  key: string,
  value: Uint8Array,
  names: readonly Name[],
): Record<Name, number> {
  const found = parse(key, value);
  if (typeof found !== 'object' || found === null) throw broken(key, 'is no object');
  const numbers = found as Record<Name, number>;
  const wrong = names.find((name) => !Number.isSafeInteger(numbers[name]));
  if (wrong !== undefined) throw broken(key, `has no whole number "${wrong}"`);
  return numbers;
}

function parse(key: string, value: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(value));
  } catch {
    throw broken(key, 'is no JSON');
  }
}

function broken(key: string, what: string): FatalError {
  return new FatalError(
    `The state machine or the snapshot returned the library's record "${key}", and it ${what}: it must come back as it was given. Restore this node's disk, or replace the node.`,
  );
}
