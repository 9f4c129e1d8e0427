import type { RaftConfig } from 'quorate';

import type { KvLimits } from '../../protocol/limits.ts';
import type { HttpLimits } from '../http/options.ts';
import { storeKinds } from '../member/served-store.ts';
import { backupOptions } from './backup-options.ts';
import {
  bytes,
  compaction,
  count,
  dialAddress,
  dialAddresses,
  duration,
  filePath,
  listenAddress,
  listenAddressOrOff,
  memberName,
  milliseconds,
  oneOf,
  origins,
  orUnlimited,
  peers,
  type ReadValue,
  share,
  url,
  yesOrNo,
} from './values.ts';

/** One thing that can be set, in a file or by a flag. */
export interface Option {
  /** Its place in a file, with dots. */
  readonly name: string;
  readonly read: ReadValue;
  /** Every option can be set by `--set NAME=VALUE`; these have a flag of their own. */
  readonly flag?: Flag;
  /** What holds without it, as the page of the options writes it. */
  readonly default: string;
  /** In a sentence. */
  readonly means: string;
}

export interface Flag {
  /** Without the dashes. */
  readonly name: string;
  /** What stands after it in the help. */
  readonly value: string;
  /** If a flag is read otherwise than a file. */
  readonly read?: ReadValue;
}

type Row = readonly [read: ReadValue, byDefault: string, means: string];

const kib = 1024;
const mib = 1024 * kib;

const general: readonly Option[] = [
  {
    name: 'name',
    read: memberName,
    flag: { name: 'name', value: 'NAME' },
    default: 'none, must be there',
    means: 'Names this member in the cluster, for all time.',
  },
  {
    name: 'data',
    read: filePath,
    flag: { name: 'data', value: 'DIR' },
    default: 'none, must be there',
    means: 'Where the log and the snapshots are; nobody else may use it.',
  },
  {
    name: 'listen',
    read: listenAddress,
    flag: { name: 'listen', value: 'HOST:PORT' },
    default: '127.0.0.1:7001',
    means: 'Where members and native clients reach it.',
  },
  {
    name: 'advertise',
    read: dialAddress,
    flag: { name: 'advertise', value: 'HOST:PORT' },
    default: 'its own of `peers`, or `listen`',
    means: 'What others dial, if that is not where it listens.',
  },
  {
    name: 'peers',
    read: peers,
    flag: { name: 'peers', value: 'a=HOST:PORT,...' },
    default: 'this member alone',
    means: 'The members of a new cluster, this one among them; the same on all of them.',
  },
  {
    name: 'join',
    read: dialAddresses,
    flag: { name: 'join', value: 'HOST:PORT,...' },
    default: 'none',
    means: 'Members of a running cluster that this one joins, unless it has its place already.',
  },
  {
    name: 'voter',
    read: yesOrNo,
    default: 'true',
    means: 'Whether a member that joins becomes a voter, or stays a learner.',
  },
  {
    name: 'store',
    read: oneOf(...storeKinds),
    flag: { name: 'store', value: 'KIND' },
    default: 'memory',
    means:
      'Where the pairs are: in memory, or in RocksDB for more than memory holds; `memory` or `rocksdb`.',
  },
  {
    name: 'compaction',
    read: compaction,
    flag: { name: 'compaction', value: 'POLICY' },
    default: 'time:1h,revisions:1000000',
    means:
      'How much of the past is kept: at most so long, and at most so many revisions; or `off`.',
  },
  {
    name: 'hashCheckMs',
    read: milliseconds,
    default: '10s',
    means: 'How often members compare the hashes of their states.',
  },
  {
    name: 'stopTimeoutMs',
    read: milliseconds,
    flag: { name: 'stop-timeout', value: 'DURATION', read: duration },
    default: '10s',
    means: 'How long a stop may take, after which the process ends all the same.',
  },
  {
    name: 'log.level',
    read: oneOf('debug', 'info', 'warn', 'error', 'silent'),
    flag: { name: 'log-level', value: 'LEVEL' },
    default: 'info',
    means: 'What is logged: this and what is graver.',
  },
];

const disk: readonly Option[] = [
  {
    name: 'disk.lowBytes',
    read: bytes(3 * mib),
    default: 'its own measure, see below',
    means: 'With less room than this the disk is low, and writes may be refused.',
  },
  {
    name: 'disk.segmentBytes',
    read: bytes(mib, 1024 * mib),
    default: '16 MiB',
    means: 'Size of one file of the log.',
  },
];

const tls: readonly Option[] = [
  {
    name: 'tls.cert',
    read: filePath,
    flag: { name: 'tls-cert', value: 'FILE' },
    default: 'none: nothing is encrypted',
    means: 'The certificate of this member, in PEM.',
  },
  {
    name: 'tls.key',
    read: filePath,
    flag: { name: 'tls-key', value: 'FILE' },
    default: 'none',
    means: 'Its private key, in PEM.',
  },
  {
    name: 'tls.ca',
    read: filePath,
    flag: { name: 'tls-ca', value: 'FILE' },
    default: 'none',
    means: 'Who signs the certificates of members and clients, in PEM; nobody else is believed.',
  },
  {
    name: 'tls.nodeNames',
    read: oneOf('any', 'certificate'),
    default: 'any',
    means: 'With `certificate`, a member must have its name in its certificate.',
  },
];

const http: readonly Option[] = [
  {
    name: 'http.listen',
    read: listenAddressOrOff,
    flag: { name: 'http', value: 'HOST:PORT' },
    default: '127.0.0.1:8001',
    means: 'Where HTTP is answered; `off` for nowhere.',
  },
  {
    name: 'http.advertise',
    read: url,
    flag: { name: 'http-advertise', value: 'URL' },
    default: '`http.listen` as a URL',
    means: 'What clients are told of it.',
  },
  {
    name: 'http.tls',
    read: oneOf('off', 'server', 'mutual'),
    default: 'mutual with `tls.cert`, otherwise off',
    means: 'Whether HTTP is encrypted, and whether callers must show a certificate (`mutual`).',
  },
  {
    name: 'http.origins',
    read: origins,
    default: 'none',
    means: 'Origins whose pages may use the API in a browser; `*` is all of them.',
  },
];

const httpLimits: Readonly<Record<keyof HttpLimits, Row>> = {
  maxBodyBytes: [
    bytes(kib),
    '4 MiB',
    'The longest body; by default at least twice `limits.maxRequestBytes`.',
  ],
  maxHeaderBytes: [bytes(kib, mib), '32 KiB', 'The longest head of a request, with its address.'],
  maxConnections: [count(1), '10000', 'Connections at a time.'],
  headersTimeoutMs: [milliseconds, '10s', 'How long the head of a request may take to come.'],
  requestTimeoutMs: [milliseconds, '60s', 'How long a whole request may take to come.'],
  keepAliveTimeoutMs: [milliseconds, '60s', 'How long an idle connection is kept.'],
  callTimeoutMs: [milliseconds, '30s', 'How long an answer may take; watches have no end.'],
  heartbeatMs: [milliseconds, '15s', 'A watch with nothing to tell says that it lives so often.'],
  stallMs: [milliseconds, '60s', 'A watcher that takes nothing for so long is gone.'],
  maxAnswerBytes: [
    bytes(kib),
    '64 MiB',
    'Pairs in the answer to one range, each with 40 bytes beside its key and its value.',
  ],
};

const limits: Readonly<Record<keyof KvLimits, Row>> = {
  maxKeyBytes: [bytes(1), '64 KiB', 'The longest key.'],
  maxValueBytes: [bytes(1, 8 * mib), '1 MiB', 'The longest value; 8 MiB at most.'],
  maxRequestBytes: [bytes(1, 32 * mib), '2 MiB', 'The longest message; 32 MiB at most.'],
  maxOperations: [count(1), '128', 'Operations of one transaction, with those of nested ones.'],
  maxNesting: [count(1, 8), '8', 'Transactions in transactions.'],
  maxWatchers: [count(1), '100000', 'Watches of this member at a time.'],
  maxLeases: [count(1), '100000', 'Leases of the whole store.'],
  maxConnections: [count(1), '10000', 'Connections of native clients at a time.'],
  maxTtlSeconds: [count(1), '9000000000', 'The longest time to live of a lease.'],
};

type RaftRows = Omit<RaftConfig, 'electionTimeoutMs'> & {
  'electionTimeoutMs.min': number;
  'electionTimeoutMs.max': number;
};

const raft: Readonly<Record<keyof RaftRows, Row>> = {
  heartbeatMs: [milliseconds, '50', 'How often an idle leader speaks.'],
  'electionTimeoutMs.min': [milliseconds, '300', 'The shortest wait before a campaign.'],
  'electionTimeoutMs.max': [milliseconds, '600', 'The longest wait before a campaign.'],
  maxClockDrift: [share(), '0.1', 'How much faster one clock may run than another.'],
  forwardWrites: [yesOrNo, 'true', 'Whether a follower passes writes on to the leader.'],
  callTimeoutMs: [milliseconds, '1s', 'How long a call to another member may take.'],
  maxInflightAppends: [count(1), '8', 'Appends under way to one follower.'],
  maxAppendBytes: [bytes(1), '1 MiB', 'What one append carries.'],
  maxCommandBytes: [bytes(1), '16 MiB', 'The largest command of the log.'],
  maxPendingBytes: [bytes(1), '64 MiB', 'Writes that wait for their answer, in bytes.'],
  maxPendingWrites: [count(1), '100000', 'Writes that wait for their answer.'],
  readTimeoutMs: [milliseconds, '10s', 'How long a read may wait.'],
  maxWaitingCalls: [count(1), '100000', 'Reads and other calls that wait.'],
  maxSessions: [count(1), '10000', 'Sessions that the cluster remembers.'],
  maxSessionBytes: [bytes(1), '64 MiB', 'Answers that are kept for repeated writes.'],
  sessionWindow: [count(1), '1024', 'Answers that are kept for one session.'],
  catchUpEntries: [count(1), '1000', 'Entries that a new voter may lack.'],
  catchUpTimeoutMs: [milliseconds, '30s', 'How long a new voter may take for that.'],
  tailCacheBytes: [bytes(1), '32 MiB', 'The end of the log that is kept in memory.'],
  snapshotAfterBytes: [bytes(1), '64 MiB', 'Log after which a snapshot is built.'],
  snapshotAfterEntries: [orUnlimited(count(1)), 'unlimited', 'The same in entries.'],
  keepBytes: [bytes(0), '64 MiB', 'Log that is kept behind a snapshot.'],
  snapshotBuildBytesPerSecond: [
    orUnlimited(bytes(1)),
    '16 MiB',
    'How fast a snapshot is built while the member is busy.',
  ],
  maxSnapshotTransfers: [count(1), '2', 'Snapshots that are sent at once.'],
  snapshotBytesPerSecond: [orUnlimited(bytes(1)), 'unlimited', 'How fast they are sent.'],
  snapshotStallMs: [milliseconds, '10s', 'A transfer in which nothing moves so long is given up.'],
};

/** Everything that can be set. */
export const options: readonly Option[] = [
  ...general,
  ...disk,
  ...backupOptions,
  ...tls,
  ...http,
  ...rows('http', httpLimits),
  ...rows('limits', limits),
  ...rows('raft', raft),
];

function rows(group: string, table: Readonly<Record<string, Row>>): readonly Option[] {
  return Object.entries(table).map(([name, [read, byDefault, means]]) => ({
    name: `${group}.${name}`,
    read,
    default: byDefault,
    means,
  }));
}
