import {
  type Logger,
  type NodeInfo,
  nodeRuntime,
  type RaftConfig,
  type Runtime,
  type Storage,
} from 'quorate';
import type { Acceptor, Dialer, TlsOptions } from 'quorate/network/tcp';
import { commandVersions } from '../../protocol/commands.ts';
import { type KvLimits, limitsOf } from '../../protocol/limits.ts';
import type { FreeBytes } from '../alerts/measure-disk.ts';
import { type CompactionPolicy, defaultCompaction } from './compaction.ts';
import { silentLogger } from './node.ts';
import { type StoreKind, storeKinds } from './served-store.ts';

export interface KvMemberOptions {
  /** Names this member in the cluster, for all time: a name that has left is never used again. */
  readonly name: string;
  /** Where its log and its snapshots are; nobody else may use it. */
  readonly directory: string;
  /** Where it listens, for members and for clients. Default: 127.0.0.1, and any free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** Where the others reach it, `host:port`. Default: its own among `peers`, or `listen`. */
  readonly advertise?: string | undefined;
  /** Where clients reach its HTTP API, to be published to them: a URL. */
  readonly http?: string | undefined;
  /**
   * The first members of a new cluster, name to `host:port`, this one among them; the same on all
   * of them. The one whose name sorts first forms it, once most of them answer. Of no effect once
   * this member has a log. Without it and without `join`: a cluster of this member alone.
   */
  readonly peers?: Readonly<Record<string, string>> | undefined;
  /** Join the cluster that runs at these addresses, unless this member has its place already. */
  readonly join?: readonly string[] | undefined;
  /** When it joins: be a voter in the end, not only a learner. Default `true`. */
  readonly voter?: boolean | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly limits?: Partial<KvLimits> | undefined;
  readonly config?: Partial<RaftConfig> | undefined;
  /**
   * Where the pairs are: all in memory, or in RocksDB under `directory`, for more than memory
   * holds, which needs the package `@quorate/rocksdb`. It may change between two starts, and be
   * another one for each member. Default `memory`.
   */
  readonly store?: StoreKind | undefined;
  /** How much of the past is kept. Default: an hour, and 1,000,000 revisions at most. */
  readonly compaction?: CompactionPolicy | undefined;
  /**
   * How often members compare the hashes of their states, in milliseconds, if anything has changed
   * since. Default 10,000.
   */
  readonly hashCheckMs?: number | undefined;
  /**
   * How often members tell each other how they are, in milliseconds; each looks at itself, its disk
   * above all, twice as often. Default 1000.
   */
  readonly alertCheckMs?: number | undefined;
  /** How long `close` takes at most, in milliseconds. Default 5000. */
  readonly closeTimeoutMs?: number | undefined;
  /** The disk that `directory` is on. Of no effect with `storage`. */
  readonly disk?: DiskOptions | undefined;
  /** The time of day, in ms. Default: that of the process, unless there is a `runtime`. */
  readonly wallClock?: (() => number) | undefined;
  /** Default: nowhere. */
  readonly logger?: Logger | undefined;
  /** Time and chance. Default: those of the process. */
  readonly runtime?: Runtime | undefined;
  /** Who brings the sockets: for a simulator. */
  readonly sockets?: { readonly acceptor: Acceptor; readonly dialer: Dialer } | undefined;
  /** In place of `directory`: for a simulator. The member closes it. */
  readonly storage?: Storage | undefined;
  /** Gives up a start that waits, as one that joins does. */
  readonly signal?: AbortSignal | undefined;
}

export interface DiskOptions {
  /**
   * With less room than this the member calls its disk low, in bytes, and the leader refuses what
   * adds something if that is its own disk, or those of most. At least room for three segments.
   * Default: room for eight segments, for the writes that may wait, and for two snapshots.
   */
  readonly lowBytes?: number | undefined;
  /** Size of one file of the log, in bytes: 1 MiB to 1 GiB. Default 16 MiB. */
  readonly segmentBytes?: number | undefined;
  /** How much room there is in a folder, in bytes. Default: as the system says. */
  readonly freeBytes?: FreeBytes | undefined;
}

/** The options with all defaults. */
export interface MemberSettings {
  readonly name: string;
  readonly directory: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly advertise: string | undefined;
  readonly http: string | undefined;
  readonly peers: Readonly<Record<string, string>> | undefined;
  readonly join: readonly string[] | undefined;
  readonly voter: boolean;
  readonly tls: TlsOptions | undefined;
  readonly limits: KvLimits;
  readonly config: Partial<RaftConfig>;
  readonly store: StoreKind;
  readonly compaction: CompactionPolicy;
  readonly hashCheckMs: number;
  readonly alertCheckMs: number;
  readonly closeTimeoutMs: number;
  readonly disk: {
    readonly lowBytes: number | undefined;
    readonly segmentBytes: number;
    readonly freeBytes: FreeBytes | undefined;
  };
  readonly wallClock: (() => number) | undefined;
  readonly logger: Logger;
  readonly runtime: Runtime;
  readonly sockets: { readonly acceptor: Acceptor; readonly dialer: Dialer } | undefined;
  readonly storage: Storage | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What the log takes as one command if nothing is said. */
const leastCommandBytes = 16 * 1024 * 1024;

/** Half of what the library has: the values are in the store as well. */
const defaultTailCacheBytes = 32 * 1024 * 1024;

const anyHosts: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]', '']);

/**
 * @throws {TypeError | RangeError} that names the option, what was wanted and what came.
 */
export function settingsOf(options: KvMemberOptions): MemberSettings {
  const { name, directory, peers, join, advertise = peers?.[name] } = options;
  demandText('name', name);
  if (options.storage === undefined) demandText('directory', directory);
  if (peers !== undefined && join !== undefined) {
    throw new TypeError('Give either peers (a new cluster) or join (one that runs), not both.');
  }
  if (peers !== undefined) checkPeers(name, peers);
  if (join !== undefined) {
    if (!Array.isArray(join) || join.length === 0) {
      throw new TypeError('join must be a list of at least one address.');
    }
    for (const address of join) checkAddress('An address of join', address);
  }
  const limits = limitsOf(options.limits);
  const { host = '127.0.0.1', port = 0 } = options.listen ?? {};
  if (advertise !== undefined) checkAddress('advertise', advertise);
  else if (anyHosts.has(host)) {
    throw new TypeError(
      `listen.host is "${host}", which is no address that others can dial: say one by advertise.`,
    );
  }
  return {
    name,
    directory,
    listen: { host, port },
    advertise,
    http: options.http,
    peers,
    join,
    voter: options.voter ?? true,
    tls: options.tls,
    limits,
    config: configOf(options.config, limits),
    store: storeOf(options),
    compaction: compactionOf(options.compaction),
    hashCheckMs: positive('hashCheckMs', options.hashCheckMs ?? 10_000),
    alertCheckMs: positive('alertCheckMs', options.alertCheckMs ?? 1000),
    closeTimeoutMs: positive('closeTimeoutMs', options.closeTimeoutMs ?? 5000),
    disk: diskOf(options.disk),
    wallClock: options.wallClock ?? (options.runtime === undefined ? Date.now : undefined),
    logger: options.logger ?? silentLogger,
    runtime: options.runtime ?? nodeRuntime,
    sockets: options.sockets,
    storage: options.storage,
    signal: options.signal,
  };
}

/** What is replicated about a member: where it is reached, and which commands it can read. */
export function infoOf({ tls, http }: MemberSettings, address: string): NodeInfo {
  const client = withScheme(address, tls === undefined ? 'tcp' : 'tls');
  const commands = String(commandVersions.newest);
  return { address, data: { client, ...(http === undefined ? {} : { http }), commands } };
}

/** `tcp://` before an address that does not say how it is spoken to. */
export function withScheme(address: string, scheme: 'tcp' | 'tls'): string {
  return address.includes('://') ? address : `${scheme}://${address}`;
}

/** Whatever the limits let through goes into the log as one command. */
function configOf(
  options: Partial<RaftConfig> = {},
  { maxRequestBytes }: KvLimits,
): Partial<RaftConfig> {
  const config = { tailCacheBytes: defaultTailCacheBytes, ...options };
  const { maxCommandBytes } = config;
  if (maxCommandBytes === undefined) {
    return maxRequestBytes <= leastCommandBytes
      ? config
      : { ...config, maxCommandBytes: maxRequestBytes };
  }
  if (maxCommandBytes >= maxRequestBytes) return config;
  throw new RangeError(
    `config.maxCommandBytes is ${maxCommandBytes}, less than limits.maxRequestBytes, ${maxRequestBytes}: requests that are taken could not be logged. Raise the one, or lower the other.`,
  );
}

function storeOf({ store = 'memory', storage }: KvMemberOptions): StoreKind {
  if (!storeKinds.includes(store)) {
    throw new TypeError(`store must be one of ${storeKinds.join(', ')}; it is ${store as string}.`);
  }
  if (store === 'memory' || storage === undefined) return store;
  throw new TypeError('store rocksdb lies in directory, which is not used with storage.');
}

function compactionOf(policy: CompactionPolicy = defaultCompaction): CompactionPolicy {
  if (policy === 'off') return policy;
  if (policy.mode === 'revisions') {
    whole('compaction.keep', policy.keep);
    return policy;
  }
  if (policy.mode !== 'time') {
    const { mode } = policy as { mode: unknown };
    throw new TypeError(
      `compaction must be "off", or its mode "time" or "revisions"; it is ${String(mode)}.`,
    );
  }
  positive('compaction.keepMs', policy.keepMs);
  if (policy.keepAtMost !== undefined) whole('compaction.keepAtMost', policy.keepAtMost);
  return policy;
}

const defaultSegmentBytes = 16 * 1024 * 1024;
const segmentBounds = { from: 1024 * 1024, to: 1024 ** 3 } as const;
/** Two are what the log itself calls low, and then it is late. */
const leastSegments = 3;

function diskOf({ lowBytes, segmentBytes, freeBytes }: DiskOptions = {}): MemberSettings['disk'] {
  const segment = segmentBytes ?? defaultSegmentBytes;
  const { from, to } = segmentBounds;
  if (!Number.isSafeInteger(segment) || segment < from || segment > to) {
    throw new RangeError(
      `disk.segmentBytes must be a whole number of bytes from ${from} to ${to}; it is ${String(segment)}.`,
    );
  }
  const least = leastSegments * segment;
  if (lowBytes !== undefined && !(Number.isSafeInteger(lowBytes) && lowBytes >= least)) {
    throw new RangeError(
      `disk.lowBytes must be a whole number of bytes from ${least} on, which is room for ${leastSegments} segments of disk.segmentBytes; it is ${String(lowBytes)}.`,
    );
  }
  return { lowBytes, segmentBytes: segment, freeBytes };
}

function checkPeers(name: string, peers: Readonly<Record<string, string>>): void {
  const names = Object.keys(peers);
  if (!names.includes(name)) {
    throw new TypeError(
      `peers must name this member, ${name}, as well; it names ${names.join(', ') || 'nobody'}.`,
    );
  }
  for (const one of names) checkAddress(`The address of peer ${one}`, peers[one]);
}

function checkAddress(what: string, address: unknown): void {
  if (typeof address === 'string' && /:\d{1,5}\/?$/.test(address)) return;
  throw new TypeError(`${what} must be host:port; it is ${JSON.stringify(address) ?? 'absent'}.`);
}

function demandText(what: string, text: unknown): void {
  if (typeof text === 'string' && text !== '') return;
  throw new TypeError(`${what} must be a string that is not empty; it is ${String(text)}.`);
}

function positive(what: string, ms: number): number {
  if (Number.isFinite(ms) && ms > 0) return ms;
  throw new RangeError(`${what} must be a number of milliseconds above 0; it is ${String(ms)}.`);
}

function whole(what: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return;
  throw new RangeError(`${what} must be a whole number above 0; it is ${String(count)}.`);
}
