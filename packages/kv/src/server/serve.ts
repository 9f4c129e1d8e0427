import type { Logger } from 'quorate';
import type { TlsOptions } from 'quorate/network/tcp';

import type { Backups } from '../backup/schedule.ts';
import { startBackups } from './backups.ts';
import type { HttpConfig, ServeConfig } from './config/serve-config.ts';
import { defaultHttpLimits, type HttpTls } from './http/options.ts';
import { HttpServer } from './http/server.ts';
import { openLog } from './log.ts';
import { packageVersion } from './member/status.ts';
import { KvMember } from './member.ts';
import { KvMetrics } from './metrics.ts';
import { startingService } from './starting-service.ts';
import { TlsFromFiles } from './tls-files.ts';

export interface ServeOptions {
  /** Default: lines of JSON on the standard output. */
  readonly logger?: Logger;
  /** Gives up a start that waits, as one that joins does. */
  readonly signal?: AbortSignal;
}

/** What waits for its part of the time that a stop may take. */
const handOverShare = 0.3;
const requestsShare = 0.3;
const memberShare = 0.35;

/** A member that runs, with its HTTP API. */
export class ServingMember {
  readonly member: KvMember;
  /** `undefined` if it was turned off. */
  readonly http: HttpServer | undefined;
  readonly #logger: Logger;
  readonly #stopTimeoutMs: number;
  readonly #backups: Backups | undefined;
  readonly #renew: () => boolean;
  #stopped: Promise<void> | undefined;

  constructor(
    {
      member,
      http,
      backups,
      renew = () => false,
    }: {
      readonly member: KvMember;
      readonly http: HttpServer | undefined;
      readonly backups?: Backups | undefined;
      readonly renew?: () => boolean;
    },
    { logger, stopTimeoutMs }: { readonly logger: Logger; readonly stopTimeoutMs: number },
  ) {
    this.member = member;
    this.http = http;
    this.#backups = backups;
    this.#renew = renew;
    this.#logger = logger;
    this.#stopTimeoutMs = stopTimeoutMs;
  }

  /**
   * Resolves when the node has stopped by itself, as it does when its disk fails, to the reason. A
   * member whose state is wrong stays, out of service, so that it can be looked at.
   */
  async failed(): Promise<string> {
    const { raft } = this.member;
    try {
      const { fatal } = await raft.waitFor((metrics) => metrics.fatal !== undefined);
      return fatal?.message ?? 'for no known reason';
    } catch (error) {
      const { fatal } = raft.metrics;
      if (fatal !== undefined) return fatal.message;
      this.#logger.debug({ error }, 'the node has ended');
    }
    return new Promise(() => undefined);
  }

  /**
   * Reads the files of the certificates anew; what they say is in force for new connections. What
   * cannot be used is told to the log, and changes nothing.
   */
  renewCertificates(): void {
    try {
      if (this.#renew()) this.#logger.info({}, 'the certificates were read anew');
      else this.#logger.info({}, 'there are no certificates that have changed');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.error({ reason }, 'the certificates are as they were');
    }
  }

  /**
   * Goes out of service: `/readyz` says so, the leadership is handed over, what runs is answered,
   * and all is closed. What does not end in its part of the time is left behind.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.http?.drain();
    await this.#handOver();
    // A place that hangs must not keep the member from ending well.
    const backups = this.#backups?.close();
    await this.http?.close({ graceMs: this.#stopTimeoutMs * requestsShare });
    await this.member.close();
    await backups;
    this.#logger.info({}, 'stopped');
  }

  /** Requests that run go on with the next leader, which closing would not let them. */
  async #handOver(): Promise<void> {
    const { service } = this.member;
    const { role, members } = service.status();
    if (role !== 'leader' || members.filter((one) => one.role === 'voter').length < 2) return;
    const signal = AbortSignal.timeout(Math.ceil(this.#stopTimeoutMs * handOverShare));
    try {
      await service.transferLeadership(undefined, { signal });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.warn({ reason }, 'the leadership could not be handed over');
    }
  }
}

/**
 * Starts a member and its HTTP server, which can be asked for health while the member starts.
 *
 * @throws what files, ports and the storage throw, with nothing left open.
 */
export async function serve(
  config: ServeConfig,
  { logger = openLog({ level: config.logLevel, member: config.name }), signal }: ServeOptions = {},
): Promise<ServingMember> {
  const tls = config.tls === undefined ? undefined : new TlsFromFiles(config.tls);
  const metrics = new KvMetrics();
  let member: KvMember | undefined;
  const isReady = (): boolean => member?.isReady === true;
  const http =
    config.http === undefined
      ? undefined
      : await listen(config.http, {
          ...{ name: config.name, tls, logger, metrics, isReady },
          maxRequestBytes: config.limits.maxRequestBytes,
        });
  try {
    const url = config.http === undefined ? undefined : publishedUrl(config.http, http?.port);
    member = await startMember(config, { tls: tls?.options, logger, signal, url });
    const { backup, stopTimeoutMs } = config;
    const backups =
      backup === undefined ? undefined : await startBackups(backup, member, { logger });
    metrics.follow(sourceOf(member, backups));
    http?.use(member.service);
    logger.info({ listen: member.address, http: url ?? 'off' }, 'serving');
    const renew = (): boolean => renewTls(tls, http, config.http);
    return new ServingMember({ member, http, backups, renew }, { logger, stopTimeoutMs });
  } catch (error) {
    await member?.close();
    await http?.close({ graceMs: 0 });
    throw error;
  }
}

function sourceOf(
  { service, raft, alerts }: KvMember,
  backups: Backups | undefined,
): Parameters<KvMetrics['follow']>[0] {
  return {
    backups: () => backups?.figures,
    status: () => service.status(),
    raft: () => raft.metrics,
    alerts: () => alerts.raised(raft.metrics),
  };
}

interface MemberParts {
  readonly tls: TlsOptions | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
  readonly url: string | undefined;
}

function startMember(config: ServeConfig, { url, ...parts }: MemberParts): Promise<KvMember> {
  const { name, data, listen: at, advertise, peers, join, voter } = config;
  const { limits, raft, store, compaction, hashCheckMs, stopTimeoutMs, disk } = config;
  return KvMember.start({
    name,
    directory: data,
    listen: at,
    advertise,
    http: url,
    peers,
    join,
    voter,
    limits,
    config: raft,
    store,
    compaction,
    hashCheckMs,
    disk,
    closeTimeoutMs: Math.ceil(stopTimeoutMs * memberShare),
    ...parts,
  });
}

interface HttpParts {
  readonly name: string;
  readonly tls: TlsFromFiles | undefined;
  readonly logger: Logger;
  readonly metrics: KvMetrics;
  readonly isReady: () => boolean;
  readonly maxRequestBytes: number | undefined;
}

async function listen(
  config: HttpConfig,
  { name, tls, maxRequestBytes = 0, ...parts }: HttpParts,
): Promise<HttpServer> {
  const { host } = config.listen;
  const http = await HttpServer.listen({
    ...config.listen,
    ...parts,
    service: startingService(name, packageVersion()),
    // What a member takes must get to it, also as base64.
    limits: {
      maxBodyBytes: Math.max(defaultHttpLimits.maxBodyBytes, 2 * maxRequestBytes),
      ...config.limits,
    },
    origins: config.origins,
    ...tlsOf(config, tls),
  });
  if (config.tls !== 'mutual' && !isLoopback(host)) {
    parts.logger.warn({ host }, 'whoever reaches the HTTP port can read and change everything');
  }
  return http;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** @throws what is wrong with the files; what was read before stays in force. */
function renewTls(
  tls: TlsFromFiles | undefined,
  http: HttpServer | undefined,
  config: HttpConfig | undefined,
): boolean {
  if (tls?.renew() !== true) return false;
  const renewed = config === undefined ? {} : tlsOf(config, tls);
  if (renewed.tls !== undefined) http?.renewTls(renewed.tls);
  return true;
}

function tlsOf({ tls: mode }: HttpConfig, tls: TlsFromFiles | undefined): { tls?: HttpTls } {
  if (mode === 'off' || tls === undefined) return {};
  const { cert, key, ca } = tls.texts;
  return { tls: mode === 'mutual' ? { cert, key, ca } : { cert, key } };
}

/** Where clients are told to find HTTP; nowhere if it listens on all addresses. */
function publishedUrl(config: HttpConfig, port: number | undefined): string | undefined {
  if (config.advertise !== undefined) return config.advertise;
  const { host } = config.listen;
  if (host === '0.0.0.0' || host === '::') return undefined;
  const scheme = config.tls === 'off' ? 'http' : 'https';
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
