import type { Logger } from 'quorate';

import type { KvService } from '../service.ts';

/** Times and sizes of the HTTP server. */
export interface HttpLimits {
  /** The longest body, in bytes. Default 4 MiB. */
  readonly maxBodyBytes: number;
  /** The longest head of a request, address included, in bytes. Default 32 KiB. */
  readonly maxHeaderBytes: number;
  /** Connections at a time; further ones are closed at once. Default 10,000. */
  readonly maxConnections: number;
  /** How long the head of a request may take to come, in milliseconds. Default 10,000. */
  readonly headersTimeoutMs: number;
  /** How long a whole request may take to come, in milliseconds. Default 60,000. */
  readonly requestTimeoutMs: number;
  /** How long a connection is kept that nothing comes over, in milliseconds. Default 60,000. */
  readonly keepAliveTimeoutMs: number;
  /** How long an answer may take, in milliseconds; watches have no end. Default 30,000. */
  readonly callTimeoutMs: number;
  /** A watch says that it lives when there was nothing to tell so long, in ms. Default 15,000. */
  readonly heartbeatMs: number;
  /** A watcher that has not taken what was sent for so long is gone, in ms. Default 60,000. */
  readonly stallMs: number;
  /**
   * Pairs in the answer to a range, with 40 bytes for each beside its key and its value. Default
   * 64 MiB.
   */
  readonly maxAnswerBytes: number;
}

export const defaultHttpLimits: HttpLimits = {
  maxBodyBytes: 4 * 1024 * 1024,
  maxHeaderBytes: 32 * 1024,
  maxConnections: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  callTimeoutMs: 30_000,
  heartbeatMs: 15_000,
  stallMs: 60_000,
  maxAnswerBytes: 64 * 1024 * 1024,
};

/** Who counts requests, and has what `/metrics` answers. */
export interface RequestMetrics {
  readonly contentType: string;
  text(): Promise<string>;
  began(): void;
  /**
   * Once for each that began. `operation` is an id of the file of the API, and `code` is `OK` or an
   * error's.
   */
  answered(operation: string, code: string, seconds: number): void;
}

export interface HttpTls {
  readonly cert: string;
  readonly key: string;
  /** If it is there, callers must show a certificate that it has signed. */
  readonly ca?: string;
}

export interface HttpServerOptions {
  /** What is asked; a server can be given another one later. */
  readonly service: KvService;
  /** Whether the state of the member is up to date, for `/readyz`. Default: as `status` says. */
  readonly isReady?: () => boolean;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: one that is free. */
  readonly port?: number;
  readonly tls?: HttpTls;
  readonly limits?: Partial<HttpLimits>;
  /** Origins whose pages may use the API in a browser; `*` is all of them. Default: none. */
  readonly origins?: readonly string[];
  readonly metrics?: RequestMetrics;
  readonly logger?: Logger;
}
