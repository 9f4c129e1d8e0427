import { KvError } from '../../src/errors.ts';
import { decodeCommand, encodeCommand } from '../../src/protocol/commands.ts';
import {
  decodeKeepAlive,
  decodeKeptAlive,
  decodeRangeCall,
  decodeWrite,
  encodeKeepAlive,
  encodeKeptAlive,
  encodeRangeCall,
  encodeWrite,
} from '../../src/protocol/messages.ts';
import { decodeRangeResponses, encodeRangeResponses } from '../../src/protocol/ranges.ts';
import {
  decodeRareAnswer,
  decodeRareCall,
  decodeWatchStream,
  encodeRareAnswer,
  encodeRareCall,
  encodeWatchStream,
} from '../../src/protocol/rare-calls.ts';
import { decodeResults, ResultsWriter } from '../../src/protocol/results.ts';
import {
  encodeBatch,
  encodeCreated,
  encodeEnded,
  encodeEvents,
  encodeProgress,
  WatchFrameReader,
} from '../../src/protocol/watching.ts';
import type { KeyValue, KvStatus, Operation, RangeRequest, Result } from '../../src/types.ts';

/*
 * One message of each kind with something in every field, and what a reader must find in it. Their
 * bytes are kept in golden/version-1.txt: the first version wrote them, every later one reads them.
 */

export interface Sample {
  readonly name: string;
  /** As this version writes it. */
  readonly bytes: Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly value: unknown;
}

const key = Uint8Array.of(107, 0, 255);
const end = Uint8Array.of(108);
const value = Uint8Array.of(1, 2, 3, 4);
const noBytes = new Uint8Array(0);
const largest = Number.MAX_SAFE_INTEGER;
const stream = 'golden-stream-0001';

const pair: KeyValue = {
  key,
  value,
  createRevision: 2,
  modRevision: 2 ** 40 + 3,
  version: 4,
  lease: 5,
};
const range: RangeRequest = {
  key,
  end,
  limit: 10,
  revision: 11,
  sort: { target: 'mod', order: 'descend' },
  keysOnly: true,
  countOnly: true,
  minModRevision: 12,
  maxModRevision: 13,
  minCreateRevision: 14,
  maxCreateRevision: 15,
};
const response = { revision: 20, kvs: [pair], more: true, count: 21 };

const operations: readonly Operation[] = [
  { type: 'put', key, value },
  { type: 'put', key, value, lease: largest, previous: true },
  { type: 'put', key, value: noBytes, ignoreValue: true, ignoreLease: true },
  { type: 'delete', key },
  { type: 'delete', key, end, previous: true },
  {
    type: 'txn',
    compare: [
      { key, target: 'value', result: 'equal', value },
      { key, target: 'version', result: 'notEqual', number: 1 },
      { key, end, target: 'create', result: 'greater', number: 2 },
      { key, target: 'mod', result: 'less', number: 3 },
      { key, target: 'lease', result: 'equal', number: 4 },
    ],
    then: [
      { type: 'put', key, value },
      { type: 'range', ...range },
    ],
    else: [
      { type: 'delete', key },
      { type: 'txn', compare: [], then: [{ type: 'range', key }], else: [] },
    ],
  },
  { type: 'compact', revision: 30 },
  { type: 'leaseGrant', ttl: 31 },
  { type: 'leaseGrant', id: 32, ttl: 33 },
  { type: 'leaseRevoke', id: 34 },
  { type: 'mark' },
];

const results: readonly Result[] = [
  { type: 'put', revision: 40 },
  { type: 'put', revision: 41, previous: pair },
  { type: 'delete', revision: 42, deleted: 1, previous: [pair] },
  {
    type: 'txn',
    revision: 43,
    succeeded: true,
    results: [
      { type: 'put', revision: 43 },
      { type: 'range', ...response },
      { type: 'txn', revision: 43, succeeded: false, results: [] },
    ],
  },
  { type: 'compact', revision: 44 },
  { type: 'leaseGrant', revision: 45, id: 46, ttl: 47 },
  { type: 'leaseRevoke', revision: 48, deleted: 49 },
  { type: 'mark', revision: 50 },
  { type: 'error', code: 'KV_LEASE_NOT_FOUND', message: 'There is no lease 5: ü.' },
];

const answers = [
  { type: 'range' as const, ...response },
  {
    type: 'error' as const,
    code: 'KV_COMPACTED' as const,
    message: 'Gone.',
    details: { compactedRevision: 9 },
  },
  { type: 'error' as const, code: 'KV_FUTURE_REVISION' as const, message: 'Not yet.' },
];

const deleted = { ...pair, value: noBytes, createRevision: 0, version: 0, lease: 0 };
const batch = {
  revision: 60,
  events: [
    { type: 'put' as const, kv: pair },
    { type: 'delete' as const, kv: deleted, previous: pair },
  ],
};
const gone = new KvError('KV_COMPACTED', 'Gone.', { details: { compactedRevision: 9 } });

const command = encodeCommand(operations);
const watch = { watch: 3, request: { key, end, from: 4, previous: true, without: 'put' as const } };
const status = {
  cluster: 'golden',
  member: 'a',
  version: '1.0.0',
  role: 'leader',
  leader: 'a',
  term: 1,
  revision: 2,
  compactedRevision: 3,
  keys: 4,
  leases: 5,
  watchers: 6,
  lastLogIndex: 7,
  committed: 8,
  applied: 9,
  members: [{ id: 'a', role: 'voter' as const, peerAddress: 'tcp://h:1', clientAddress: 'h:1' }],
  isServing: true,
  problems: [],
};

function writtenResults(): Uint8Array {
  const writer = new ResultsWriter();
  for (const result of results) writer.add(result);
  return writer.finish();
}

function framesOf(bytes: Uint8Array): unknown {
  return new WatchFrameReader().push(bytes);
}

/** Of one frame of a stream of watches. */
function frame(name: string, bytes: Uint8Array, read: unknown): Sample {
  return { name: `frame ${name}`, bytes, decode: framesOf, value: [read] };
}

const laterOperations: readonly Operation[] = [
  { type: 'put', key, value },
  { type: 'leaseRevoke', id: 35, grantedAt: largest },
  { type: 'leaseRevoke', id: 36 },
];

/** What the first version did not have; in golden/version-2.txt. */
export const laterSamples: readonly Sample[] = [
  {
    name: 'command of version 2',
    bytes: encodeCommand(laterOperations),
    decode: decodeCommand,
    value: laterOperations,
  },
];

export const samples: readonly Sample[] = [
  { name: 'command', bytes: command, decode: decodeCommand, value: operations },
  { name: 'results', bytes: writtenResults(), decode: decodeResults, value: results },
  {
    name: 'call write',
    bytes: encodeWrite({ id: 7, sequence: 8 }, command),
    decode: decodeWrite,
    value: { session: { id: 7, sequence: 8 }, command },
  },
  {
    name: 'call range',
    bytes: encodeRangeCall({ requests: [range, { key }], serializable: true }),
    decode: decodeRangeCall,
    value: { requests: [range, { key }], serializable: true },
  },
  {
    name: 'answer range',
    bytes: encodeRangeResponses(answers),
    decode: decodeRangeResponses,
    value: answers,
  },
  {
    name: 'call keep alive',
    bytes: encodeKeepAlive([1, largest]),
    decode: decodeKeepAlive,
    value: [1, largest],
  },
  {
    name: 'answer keep alive',
    bytes: encodeKeptAlive([60, 0]),
    decode: decodeKeptAlive,
    value: [60, 0],
  },
  {
    name: 'call rare',
    bytes: encodeRareCall('watch', { stream, ...watch }),
    decode: decodeRareCall,
    value: { method: 'watch', params: { stream, ...watch } },
  },
  {
    name: 'answer rare',
    // The first version told of no alerts.
    bytes: encodeRareAnswer('status', status as unknown as KvStatus),
    decode: (bytes) => decodeRareAnswer('status', bytes),
    value: { ...status, alerts: [] },
  },
  {
    name: 'watches',
    bytes: encodeWatchStream({ stream, watches: [watch] }),
    decode: decodeWatchStream,
    value: { stream, watches: [watch] },
  },
  frame('created', encodeCreated(3, 61), { type: 'created', watch: 3, from: 61 }),
  frame('events', encodeEvents([3, 4], encodeBatch(batch)), {
    type: 'events',
    watches: [3, 4],
    batch,
  }),
  frame('progress', encodeProgress([3], 62), { type: 'progress', watches: [3], revision: 62 }),
  frame('ended', encodeEnded(3, gone), { type: 'ended', watch: 3, error: gone }),
  frame('ended without an error', encodeEnded(4), { type: 'ended', watch: 4 }),
];
