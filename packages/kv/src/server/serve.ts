import { readFileSync } from 'node:fs';

import type { Logger } from 'quorate';
import type { TlsOptions } from 'quorate/network/tcp';

import type { HttpConfig, ServeConfig, TlsFiles } from './config/serve-config.ts';
import { defaultHttpLimits, type HttpTls } from './http/options.ts';
import { HttpServer } from './http/server.ts';
import { openLog } from './log.ts';
import { packageVersion } from './member/status.ts';
import { KvMember } from './member.ts';
import { KvMetrics } from './metrics.ts';
import { startingService } from './starting-service.ts';

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
  #stopped: Promise<void> | undefined;

  constructor(
    { member, http }: { readonly member: KvMember; readonly http: HttpServer | undefined },
    { logger, stopTimeoutMs }: { readonly logger: Logger; readonly stopTimeoutMs: number },
  ) {
    this.member = member;
    this.http = http;
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
    await this.http?.close({ graceMs: this.#stopTimeoutMs * requestsShare });
    await this.member.close();
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
  const tls = config.tls === undefined ? undefined : readTls(config.tls);
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
    member = await startMember(config, { tls, logger, signal, url });
    metrics.follow(sourceOf(member));
    http?.use(member.service);
    logger.info({ listen: member.address, http: url ?? 'off' }, 'serving');
    return new ServingMember({ member, http }, { logger, stopTimeoutMs: config.stopTimeoutMs });
  } catch (error) {
    await http?.close({ graceMs: 0 });
    throw error;
  }
}

function sourceOf({ service, raft }: KvMember): Parameters<KvMetrics['follow']>[0] {
  return { status: () => service.status(), raft: () => raft.metrics };
}

interface MemberParts {
  readonly tls: TlsOptions | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
  readonly url: string | undefined;
}

function startMember(config: ServeConfig, { url, ...parts }: MemberParts): Promise<KvMember> {
  const { name, data, listen: at, advertise, peers, join, voter } = config;
  const { limits, raft, compaction, hashCheckMs, stopTimeoutMs } = config;
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
    compaction,
    hashCheckMs,
    closeTimeoutMs: Math.ceil(stopTimeoutMs * memberShare),
    ...parts,
  });
}

interface HttpParts {
  readonly name: string;
  readonly tls: TlsOptions | undefined;
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

function tlsOf({ tls: mode }: HttpConfig, tls: TlsOptions | undefined): { tls?: HttpTls } {
  if (mode === 'off' || tls === undefined) return {};
  // They were read as text from files.
  const { cert, key, ca } = tls as { cert: string; key: string; ca: string };
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

/** @throws what reading a file throws, which names it. */
function readTls({ cert, key, ca, nodeNames }: TlsFiles): TlsOptions {
  const [certText, keyText, caText] = [cert, key, ca].map((file) => readFileSync(file, 'utf8'));
  return {
    cert: certText as string,
    key: keyText as string,
    ca: caText as string,
    ...(nodeNames === 'certificate' ? { nodeNames } : {}),
  };
}
