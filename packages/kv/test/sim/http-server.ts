import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'quorate';
import { KvError } from '../../src/client.ts';
import { loadApi } from '../../src/server/http/api.ts';
import { Cors } from '../../src/server/http/cors.ts';
import { Exchange, type ExchangeHost } from '../../src/server/http/exchange.ts';
import { defaultHttpLimits } from '../../src/server/http/options.ts';
import { RequestLog } from '../../src/server/http/request-log.ts';
import { Router } from '../../src/server/http/router.ts';
import { packageVersion } from '../../src/server/member/status.ts';
import type { KvService } from '../../src/server/service.ts';
import { startingService } from '../../src/server/starting-service.ts';
import type { KvProcess } from './process.ts';

/** How often a stream says that it lives; clients give one up that has said nothing for long. */
const heartbeatMs = 5000;

/** A request as it comes out of a connection. */
export interface HttpRequestSeen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** Takes what is answered, in order. */
export interface HttpReceiver {
  head(status: number): void;
  part(bytes: Uint8Array): void;
  end(): void;
  /** The connection is closed in the middle. */
  broke(): void;
}

/** Its file is read once, and not while the real world is shut off. */
let known: Pick<ExchangeHost, 'api' | 'router'> | undefined;

export function loadHttpApi(): Pick<ExchangeHost, 'api' | 'router'> {
  if (known === undefined) {
    const api = loadApi();
    known = { api, router: new Router(api) };
  }
  return known;
}

/** The HTTP API of one process: its real exchanges, without sockets. */
export class SimHttpServer {
  readonly #process: KvProcess;
  readonly #host: ExchangeHost;
  readonly #running = new Set<Exchange>();
  #service: KvService;
  #isStopping = false;

  constructor(name: string, process: KvProcess, logger: Logger) {
    this.#process = process;
    this.#service = startingService(name, packageVersion());
    this.#host = {
      ...loadHttpApi(),
      service: () => this.#service,
      runtime: process,
      limits: { ...defaultHttpLimits, heartbeatMs },
      metrics: undefined,
      cors: new Cors([]),
      log: new RequestLog(logger),
      isStopping: () => this.#isStopping,
      isReady: () => undefined,
    };
  }

  use(service: KvService): void {
    this.#service = service;
  }

  /** Goes out of service, as the server does before its member is closed. */
  close(): void {
    this.#isStopping = true;
    const stopping = new KvError('KV_STOPPING', 'This member is stopping.');
    for (const exchange of this.#running) exchange.endStream(stopping);
  }

  /** Returns what is to be called when the caller has gone. */
  take(seen: HttpRequestSeen, receiver: HttpReceiver): () => void {
    const request = new SimRequest(seen);
    const response = new SimResponse(receiver, this.#process);
    const exchange = new Exchange(
      request as unknown as IncomingMessage,
      response as unknown as ServerResponse,
      this.#host,
    );
    this.#running.add(exchange);
    void exchange.run().finally(() => this.#running.delete(exchange));
    this.#process.yieldToIo(() => request.come(seen.body));
    return () => response.lost();
  }
}

/** As much of `IncomingMessage` as is looked at. */
class SimRequest extends EventEmitter {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly complete = true;

  constructor({ method, url, headers }: HttpRequestSeen) {
    super();
    this.method = method;
    this.url = url;
    this.headers = headers;
  }

  /** Its body, whole. */
  come(body: Uint8Array | undefined): void {
    if (body !== undefined) this.emit('data', Buffer.from(body));
    this.emit('end');
    this.emit('close');
  }
}

/** As much of `ServerResponse` as is used. What is written leaves at once, and never piles up. */
class SimResponse extends EventEmitter {
  headersSent = false;
  destroyed = false;
  writableFinished = false;
  readonly writableNeedDrain = false;
  readonly #receiver: HttpReceiver;
  readonly #process: KvProcess;

  constructor(receiver: HttpReceiver, process: KvProcess) {
    super();
    this.#receiver = receiver;
    this.#process = process;
  }

  writeHead(status: number): this {
    this.headersSent = true;
    if (!this.destroyed) this.#receiver.head(status);
    return this;
  }

  write(chunk: string | Uint8Array): boolean {
    if (!this.destroyed && !this.writableFinished) this.#receiver.part(Buffer.from(chunk));
    return true;
  }

  end(chunk?: string | Uint8Array): this {
    if (this.destroyed || this.writableFinished) return this;
    if (chunk !== undefined) this.write(chunk);
    this.writableFinished = true;
    this.#receiver.end();
    this.#closeLater();
    return this;
  }

  destroy(): this {
    if (this.destroyed || this.writableFinished) return this;
    this.destroyed = true;
    this.#receiver.broke();
    this.#closeLater();
    return this;
  }

  /** The other side is gone. */
  lost(): void {
    if (this.destroyed || this.writableFinished) return;
    this.destroyed = true;
    this.emit('close');
  }

  #closeLater(): void {
    this.#process.yieldToIo(() => this.emit('close'));
  }
}
