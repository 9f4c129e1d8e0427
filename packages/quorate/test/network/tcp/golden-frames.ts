import type { AppendEntriesRequest } from '../../../src/core/message.ts';
import type { EffectiveMembership, Entry, Payload } from '../../../src/core/types.ts';
import {
  LeadershipLostError,
  NotLeaderError,
  RefusedError,
  UnreachableError,
} from '../../../src/errors.ts';
import { ChannelError, readFailure, writeFailure } from '../../../src/network/tcp/failure.ts';
import { WireFormatError } from '../../../src/network/tcp/fields.ts';
import { FrameError, frame, frameTypes } from '../../../src/network/tcp/frame.ts';
import {
  type Hello,
  readHello,
  readSpeaker,
  readWelcome,
  writeHello,
  writeSpeaker,
  writeWelcome,
} from '../../../src/network/tcp/handshake-messages.ts';
import {
  type Method,
  methodNumbers,
  type Requests,
  type Responses,
  readCredit,
  readRequest,
  readResponse,
  writeChannelRequest,
  writeCredit,
  writeRequest,
  writeResponse,
} from '../../../src/network/tcp/messages.ts';

/*
 * One frame of each kind that version 1 knows, and what a reader must find in it. Their bytes are
 * kept in golden/version-1.txt: the first version wrote them, and every later one must read them.
 */

export interface GoldenFrame {
  readonly name: string;
  readonly type: number;
  readonly call: number;
  /** What the body is made of, as this version writes it. */
  readonly body: readonly Uint8Array[];
  readonly read: (body: Uint8Array) => unknown;
  /** What is read. */
  readonly value: unknown;
}

/** All bytes of the frame, as this version writes them. */
export function bytesOf({ type, call, body }: Omit<GoldenFrame, 'name'>): Uint8Array {
  return joined(frame({ type, group: 0, call }, body));
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const membership = {
  cluster: 'golden-cluster',
  voters: [['nœud', 'b'], ['nœud']],
  nodes: { nœud: { address: '127.0.0.1:1', data: { zone: 'a' }, incarnation: 'disk-1' }, b: {} },
  leaving: ['b'],
};
const effective: EffectiveMembership = { ...membership, logId: { term: 2, index: 4 } };

const identity = {
  cluster: 'golden-cluster',
  node: 'nœud',
  incarnation: 'disk-1',
  starts: 3,
  formerly: ['older-cluster'],
  run: 'run-1',
};

const entries: readonly Entry[] = [
  entry(2, 4, { type: 'membership', membership }),
  entry(5, 5, command([1, 2, 3])),
  entry(5, 6, { type: 'session', data: Uint8Array.of(9, 8, 7) }),
  entry(5, 7, command([], { session: { id: 4, sequence: 2 ** 40 } })),
  entry(7, 8, command([0, 255], { raw: true })),
  entry(7, 9, { type: 'blank' }),
];

const append: AppendEntriesRequest = {
  term: 7,
  leader: 'nœud',
  previous: { term: 2, index: 3 },
  entries,
  committed: Number.MAX_SAFE_INTEGER,
};

const hello: Hello = {
  minVersion: 1,
  maxVersion: 1,
  lane: 'bulk',
  cluster: 'golden-cluster',
  node: 'nœud',
  incarnation: 'disk-1',
  starts: 3,
  target: { node: 'b', incarnation: 'disk-2' },
};
const welcome = { version: 1, maxBodyBytes: 2 ** 26, node: 'b', incarnation: 'disk-2' };
const speaker = { from: identity, to: { node: 'b', incarnation: 'disk-2' } };
const meta = { id: 'snapshot-1', lastLogId: { term: 2, index: 9 }, membership: effective };
const lost = new LeadershipLostError('Gone.', { logId: { term: 3, index: 8 }, maybeApplied: true });
const leader = { id: 'b', info: { address: '127.0.0.1:2', data: { zone: 'b' } } };
const details = { key: 'k', list: [1, null, 'x'] };

export const goldenFrames: readonly GoldenFrame[] = [
  one('hello', 'hello', writeHello(hello), readHello, hello),
  one('welcome', 'welcome', writeWelcome(welcome), readWelcome, welcome),
  one('goodbye', 'goodbye', writeFailure(new RefusedError('No.')), toldBy, {
    name: 'RefusedError',
    code: 'RAFT_REFUSED',
    message: 'No.',
    maybeApplied: false,
  }),
  one('ping', 'ping', [], lengthOf, 0),
  one('pong', 'pong', [], lengthOf, 0),
  one('speaker', 'speaker', writeSpeaker(speaker), readSpeaker, speaker),
  question('requestVote', {
    term: 8,
    candidate: 'nœud',
    lastLogId: { term: 7, index: 2 ** 33 },
    preVote: true,
    transfer: false,
  }),
  question('appendEntries', append),
  question('appendEntries', { ...append, entries: [] }, 'heartbeat'),
  question('installSnapshot', {
    term: 7,
    leader: 'b',
    meta,
    offset: 2 ** 40,
    size: 2 ** 41,
    checksum: 2 ** 32 - 1,
  }),
  question('timeoutNow', { term: 7, leader: 'b' }),
  question('readIndex', { mode: 'lease' }),
  question('forward', { command: Uint8Array.of(1, 2) }),
  question(
    'forward',
    {
      command: Uint8Array.of(3),
      raw: true,
      session: { id: 9, sequence: 4 },
      repeated: true,
      entry: 'session',
    },
    'forward of a session',
  ),
  question('identify', undefined),
  question('join', { id: 'c', info: leader.info, incarnation: 'disk-3', voter: true }),
  question('leave', { id: 'c' }),
  channel('call'),
  channel('stream'),
  answer('requestVote', { term: 8, granted: true }),
  answer('appendEntries', { term: 7, accepted: true, match: 9 }),
  answer('appendEntries', { term: 7, accepted: false, hint: { term: 6, index: 5 } }, 'refusal'),
  answer('installSnapshot', { term: 7, stored: 2 ** 40, match: 9 }),
  answer('timeoutNow', undefined),
  answer('readIndex', { term: 7, index: 9 }),
  answer('forward', { logId: { term: 7, index: 10 }, response: Uint8Array.of(7) }),
  answer('identify', {
    identity,
    leader: 'b',
    membership: effective,
    remembers: { incarnation: 'disk-1', starts: 2, acknowledged: 9 },
    applied: 8,
  }),
  answer('join', { membership: effective }),
  answer('leave', { membership: effective }),
  failure('an error with a hint', new NotLeaderError('Ask b.', { leader }), {
    name: 'NotLeaderError',
    code: 'RAFT_NOT_LEADER',
    message: 'Ask b.',
    maybeApplied: false,
    leader,
  }),
  failure('an error with an entry', lost, {
    name: 'LeadershipLostError',
    code: 'RAFT_LEADERSHIP_LOST',
    message: 'Gone.',
    maybeApplied: true,
    logId: { term: 3, index: 8 },
  }),
  failure('an error of an application', new ChannelError('NO_KEY', 'There is none.', { details }), {
    name: 'ChannelError',
    code: 'NO_KEY',
    message: 'There is none.',
    details,
  }),
  failure('an error of nobody', new Error('Oops.'), unreachable('INTERNAL: Oops.', true)),
  failure(
    'a question that is none',
    new WireFormatError('Garbage.'),
    unreachable('FORMAT: Garbage.', false),
  ),
  failure(
    'a frame that is none',
    new FrameError('Torn.', 'checksum'),
    unreachable('DAMAGE: Torn.', true),
  ),
  one('chunk', 'chunk', [Uint8Array.of(1, 2, 3)], (body) => body, Uint8Array.of(1, 2, 3)),
  one('end', 'end', [], lengthOf, 0),
  one('cancel', 'cancel', [], lengthOf, 0),
  one('credit', 'credit', writeCredit(2 ** 20), readCredit, 2 ** 20),
];

/** What of an error another node is told. */
export function toldBy(body: Uint8Array): unknown {
  const error = readFailure(body);
  return { name: error.name, message: error.message, ...pick(error) };
}

function pick(error: Error): Record<string, unknown> {
  const told = Object.entries(error).filter(([key]) => key !== 'cause' && key !== 'name');
  return Object.fromEntries(told);
}

function unreachable(text: string, maybeApplied: boolean): unknown {
  return {
    name: UnreachableError.name,
    code: 'RAFT_UNREACHABLE',
    message: `The other side answered with ${text}`,
    maybeApplied,
  };
}

function one(
  name: string,
  type: keyof typeof frameTypes,
  body: readonly Uint8Array[],
  read: (body: Uint8Array) => unknown,
  value: unknown,
): GoldenFrame {
  const frameType = frameTypes[type];
  // Of the connection itself: hello to speaker. All others belong to a call.
  return { name, type: frameType, call: frameType < 7 ? 0 : 0x01020304, body, read, value };
}

function question<M extends Method>(method: M, request: Requests[M], name: string = method) {
  const body = writeRequest(method, request);
  return one(`question ${name}`, 'request', body, readRequest, { method, request });
}

function answer<M extends Method>(method: M, response: Responses[M], name: string = method) {
  const read = (body: Uint8Array): unknown => readResponse(method, body);
  return one(`answer ${name}`, 'response', writeResponse(method, response), read, response);
}

function channel(kind: 'call' | 'stream'): GoldenFrame {
  const bytes = Uint8Array.of(methodNumbers.channel, 0);
  const body = writeChannelRequest('kv', kind, bytes);
  return one(`channel ${kind}`, 'request', body, readRequest, {
    method: 'channel',
    channel: 'kv',
    kind,
    bytes,
  });
}

function failure(name: string, error: Error, told: unknown): GoldenFrame {
  return one(name, 'failure', writeFailure(error), toldBy, told);
}

function lengthOf(body: Uint8Array): number {
  return body.length;
}

function entry(term: number, index: number, payload: Payload): Entry {
  return { logId: { term, index }, payload };
}

function command(
  bytes: readonly number[],
  more: { raw?: true; session?: { id: number; sequence: number } } = {},
): Payload {
  return {
    type: 'command',
    data: { bytes: Uint8Array.from(bytes), value: undefined, ...more },
  };
}
