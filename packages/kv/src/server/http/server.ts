import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { nodeRuntime } from 'quorate';

import { KvError } from '../../errors.ts';
import type { KvService } from '../service.ts';
import { loadApi } from './api.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { Cors } from './cors.ts';
import { Exchange, type ExchangeHost } from './exchange.ts';
import {
  defaultHttpLimits,
  type HttpLimits,
  type HttpServerOptions,
  type HttpTls,
} from './options.ts';
import { RequestLog } from './request-log.ts';
import { Router } from './router.ts';

/** Answers the HTTP API of `openapi.yaml` for one member. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #host: ExchangeHost;
  #service: KvService;
  readonly #running = new Set<Exchange>();
  readonly #sockets = new Set<Socket>();
  #onIdle: (() => void)[] = [];
  #isStopping = false;
  #closing: Promise<void> | undefined;

  private constructor(options: HttpServerOptions) {
    const { origins = [], metrics, logger } = options;
    const limits = { ...defaultHttpLimits, ...options.limits };
    const api = loadApi();
    this.#service = options.service;
    this.#host = {
      service: () => this.#service,
      runtime: nodeRuntime,
      limits,
      metrics,
      api,
      router: new Router(api),
      cors: new Cors(origins),
      log: new RequestLog(logger),
      isStopping: () => this.#isStopping,
      isReady: () => options.isReady?.(),
    };
    this.#server = this.#create(options, limits);
  }

  /** @throws {Error} if the address cannot be had, or the certificate cannot be read. */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options);
    const { host = '127.0.0.1', port = 0 } = options;
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen({ host, port, backlog: 1024 }, () => {
        server.#server.off('error', reject);
        resolve();
      });
    });
    return server;
  }

  get port(): number {
    // It listens on a port, so the address is none of a pipe.
    return (this.#server.address() as AddressInfo).port;
  }

  /** Requests that are not answered yet; each watch is one. */
  get running(): number {
    return this.#running.size;
  }

  /** Asks `service` from now on, as when a member has started. */
  use(service: KvService): void {
    this.#service = service;
  }

  /** Shows and believes these certificates from now on, on new connections. */
  renewTls({ cert, key, ca }: HttpTls): void {
    if (!(this.#server instanceof TlsServer)) return;
    this.#server.setSecureContext(ca === undefined ? { cert, key } : { cert, key, ca });
  }

  /**
   * Goes out of service: `/readyz` says so from now on, and connections end with their answers.
   * Requests are answered still.
   */
  drain(): void {
    this.#isStopping = true;
  }

  /**
   * Takes no more connections, ends the watches, waits for running requests for `graceMs` at most,
   * and then closes what is still open.
   */
  close({ graceMs = 5000 }: { readonly graceMs?: number } = {}): Promise<void> {
    this.drain();
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ graceMs: 0 });
  }

  async #close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const stopping = new KvError('KV_STOPPING', 'This member is stopping.');
    for (const exchange of this.#running) exchange.endStream(stopping);
    if (graceMs > 0) await this.#idle(graceMs);
    for (const exchange of this.#running) exchange.abort(stopping);
    // What has its answer may still be on its way out.
    if (graceMs > 0) await this.#flushed(Math.min(graceMs, 1000));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #idle(graceMs: number): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return bounded(graceMs, (resolve) => void this.#onIdle.push(resolve));
  }

  #flushed(graceMs: number): Promise<void> {
    this.#server.closeIdleConnections();
    if (this.#sockets.size === 0) return Promise.resolve();
    return bounded(graceMs, (resolve) => void this.#server.once('close', resolve));
  }

  #create({ tls }: HttpServerOptions, limits: HttpLimits): Server {
    const settings = {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
      // Half-open connections are found by the kernel.
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      noDelay: true,
    };
    const take = (request: IncomingMessage, response: ServerResponse): void =>
      this.#take(request, response);
    const server =
      tls === undefined
        ? createServer(settings, take)
        : createTlsServer(
            {
              ...settings,
              handshakeTimeout: limits.headersTimeoutMs,
              ...tls,
              requestCert: tls.ca !== undefined,
              rejectUnauthorized: tls.ca !== undefined,
            },
            take,
          );
    server.maxConnections = limits.maxConnections;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('clientError', (error: Error, socket: Socket) => {
      answerBrokenRequest(error, socket, limits);
    });
    return server;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const exchange = new Exchange(request, response, this.#host);
    this.#running.add(exchange);
    void exchange.run().finally(() => {
      this.#running.delete(exchange);
      if (this.#running.size > 0) return;
      for (const resolve of this.#onIdle.splice(0)) resolve();
    });
  }
}

/** Resolves when `wait` does, and at the latest after `ms`. */
function bounded(ms: number, wait: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wait(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
