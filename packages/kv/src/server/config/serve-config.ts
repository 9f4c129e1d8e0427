import type { RaftConfig } from 'quorate';

import type { KvLimits } from '../../protocol/limits.ts';
import type { HttpLimits } from '../http/options.ts';
import type { LogLevel } from '../log.ts';
import type { CompactionPolicy } from '../member/compaction.ts';
import type { StoreKind } from '../member/served-store.ts';
import { type BackupConfig, backupOf, checkBackup } from './backup-config.ts';
import { options } from './options.ts';
import type { Settings } from './settings.ts';
import type { ListenAddress } from './values.ts';

/** What a member is started with. */
export interface ServeConfig {
  readonly name: string;
  readonly data: string;
  readonly listen: ListenAddress;
  readonly advertise: string | undefined;
  readonly peers: Readonly<Record<string, string>> | undefined;
  readonly join: readonly string[] | undefined;
  readonly voter: boolean;
  readonly store: StoreKind | undefined;
  readonly compaction: CompactionPolicy | undefined;
  readonly hashCheckMs: number | undefined;
  readonly stopTimeoutMs: number;
  readonly logLevel: LogLevel;
  readonly disk: { readonly lowBytes?: number; readonly segmentBytes?: number };
  readonly backup: BackupConfig | undefined;
  readonly tls: TlsFiles | undefined;
  readonly http: HttpConfig | undefined;
  readonly limits: Partial<KvLimits>;
  readonly raft: Partial<RaftConfig>;
}

/** Paths of files in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly nodeNames: 'any' | 'certificate';
}

export interface HttpConfig {
  readonly listen: ListenAddress;
  readonly advertise: string | undefined;
  readonly tls: 'off' | 'server' | 'mutual';
  readonly origins: readonly string[];
  readonly limits: Partial<HttpLimits>;
}

/** Notes what contradicts itself, or is absent. Call it once all is set. */
export function checkTogether(settings: Settings): void {
  const { problems } = settings;
  for (const name of ['name', 'data']) {
    if (settings.get(name) === undefined) {
      problems.push(`${name} is absent: give --${name}, or "${name}" in the file.`);
    }
  }
  checkPeers(settings);
  checkListen(settings);
  checkTls(settings);
  checkDisk(settings);
  checkBackup(settings);
  checkRaft(settings);
}

function checkPeers(settings: Settings): void {
  const [name, peers, join] = ['name', 'peers', 'join'].map((one) => settings.get(one));
  const { problems } = settings;
  if (peers !== undefined && join !== undefined) {
    problems.push(
      `${join.place}: peers (${peers.place}) form a new cluster, and join is for one that runs; give one of them.`,
    );
  }
  const names = Object.keys(peers?.value ?? {});
  if (names.length > 0 && typeof name?.value === 'string' && !names.includes(name.value)) {
    problems.push(
      `${peers?.place}: peers must name this member as well: "${name.value}"; got ${names.join(', ')}.`,
    );
  }
}

const anyHosts: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

function checkListen(settings: Settings): void {
  const listen = settings.get('listen');
  const { host = '' } = (listen?.value ?? {}) as Partial<ListenAddress>;
  if (!anyHosts.has(host) || settings.get('advertise') !== undefined) return;
  const name = settings.get('name')?.value;
  const peers = (settings.get('peers')?.value ?? {}) as Readonly<Record<string, string>>;
  if (typeof name === 'string' && Object.hasOwn(peers, name)) return;
  settings.problems.push(
    `${listen?.place}: ${host} is no address that others can dial; give --advertise HOST:PORT too.`,
  );
}

function checkTls(settings: Settings): void {
  const files = ['tls.cert', 'tls.key', 'tls.ca'];
  const given = files.filter((name) => settings.get(name) !== undefined);
  const missing = files.filter((name) => !given.includes(name));
  const [first = ''] = given;
  if (given.length > 0 && missing.length > 0) {
    const place = settings.get(first)?.place;
    settings.problems.push(`${place}: TLS needs ${missing.join(' and ')} as well.`);
  }
  const mode = settings.get('http.tls');
  const isSecure = mode?.value === 'server' || mode?.value === 'mutual';
  if (isSecure && given.length === 0) {
    settings.problems.push(`${mode.place}: needs tls.cert, tls.key and tls.ca.`);
  }
}

function checkDisk(settings: Settings): void {
  const [low, segment] = ['disk.lowBytes', 'disk.segmentBytes'].map((one) => settings.get(one));
  const segmentBytes = typeof segment?.value === 'number' ? segment.value : 16 * 1024 * 1024;
  if (typeof low?.value !== 'number' || low.value >= 3 * segmentBytes) return;
  settings.problems.push(
    `${low.place}: disk.lowBytes must be room for three files of the log (disk.segmentBytes), ${3 * segmentBytes} bytes at least; it is ${low.value}.`,
  );
}

function checkRaft(settings: Settings): void {
  const numberAt = (name: string, byDefault: number): number => {
    const value = settings.get(name)?.value;
    return typeof value === 'number' ? value : byDefault;
  };
  const heartbeat = numberAt('raft.heartbeatMs', 50);
  const min = numberAt('raft.electionTimeoutMs.min', 300);
  const max = numberAt('raft.electionTimeoutMs.max', 600);
  const placeOf = (...names: readonly string[]): string | undefined =>
    names.map((name) => settings.get(name)?.place).find((place) => place !== undefined);
  if (min >= max) {
    const place = placeOf('raft.electionTimeoutMs.max', 'raft.electionTimeoutMs.min');
    settings.problems.push(
      `${place}: raft.electionTimeoutMs.max must be above min (${min}); it is ${max}.`,
    );
  }
  if (heartbeat * 2 > min) {
    const place = placeOf('raft.heartbeatMs', 'raft.electionTimeoutMs.min');
    settings.problems.push(
      `${place}: raft.heartbeatMs must be at most half of electionTimeoutMs.min (${min}); it is ${heartbeat}.`,
    );
  }
}

/** The config of settings that have no problem. */
export function configOf(settings: Settings): ServeConfig {
  // Each option has the type that its reader gives it.
  const set = (name: string): unknown => settings.get(name)?.value;
  const min = set('raft.electionTimeoutMs.min') as number | undefined;
  const max = set('raft.electionTimeoutMs.max') as number | undefined;
  const {
    'electionTimeoutMs.min': _min,
    'electionTimeoutMs.max': _max,
    ...raft
  } = group(settings, 'raft');
  const isElection = min !== undefined || max !== undefined;
  return {
    // Checked to be there.
    name: set('name') as string,
    data: set('data') as string,
    listen: (set('listen') as ListenAddress | undefined) ?? { host: '127.0.0.1', port: 7001 },
    advertise: set('advertise') as string | undefined,
    peers: set('peers') as ServeConfig['peers'],
    join: set('join') as ServeConfig['join'],
    voter: (set('voter') as boolean | undefined) ?? true,
    store: set('store') as StoreKind | undefined,
    compaction: set('compaction') as CompactionPolicy | undefined,
    hashCheckMs: set('hashCheckMs') as number | undefined,
    stopTimeoutMs: (set('stopTimeoutMs') as number | undefined) ?? 10_000,
    logLevel: (set('log.level') as LogLevel | undefined) ?? 'info',
    disk: group(settings, 'disk'),
    backup: backupOf(settings),
    tls: tlsOf(settings),
    http: httpOf(settings),
    limits: group(settings, 'limits'),
    raft: {
      ...raft,
      ...(isElection ? { electionTimeoutMs: { min: min ?? 300, max: max ?? 600 } } : {}),
    },
  };
}

function tlsOf(settings: Settings): TlsFiles | undefined {
  const { cert, key, ca, nodeNames = 'any' } = group(settings, 'tls') as Partial<TlsFiles>;
  if (cert === undefined || key === undefined || ca === undefined) return undefined;
  return { cert, key, ca, nodeNames };
}

function httpOf(settings: Settings): HttpConfig | undefined {
  const { listen, advertise, tls, origins, ...limits } = group(settings, 'http');
  if (listen === 'off') return undefined;
  const byDefault = settings.get('tls.cert') === undefined ? 'off' : 'mutual';
  return {
    listen: (listen as ListenAddress | undefined) ?? { host: '127.0.0.1', port: 8001 },
    advertise: advertise as string | undefined,
    tls: (tls as HttpConfig['tls'] | undefined) ?? byDefault,
    origins: (origins as readonly string[] | undefined) ?? [],
    limits,
  };
}

/** What was set in a group, by the names inside. */
function group(settings: Settings, name: string): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const option of options) {
    if (!option.name.startsWith(`${name}.`)) continue;
    const value = settings.get(option.name)?.value;
    if (value !== undefined) found[option.name.slice(name.length + 1)] = value;
  }
  return found;
}
