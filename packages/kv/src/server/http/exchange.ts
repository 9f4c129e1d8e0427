import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Runtime } from 'quorate';

import { KvError } from '../../errors.ts';
import { errorOf } from '../../protocol/failures.ts';
import type { KvService, SessionNumber } from '../service.ts';
import { errorAnswer, send } from './answering.ts';
import type { Api, ApiOperation } from './api.ts';
import { parseJson, readBody } from './body.ts';
import { type Answer, type Call, jsonAnswer } from './call.ts';
import type { Cors } from './cors.ts';
import { demandShallow } from './depth.ts';
import { handlers } from './handlers.ts';
import { reasonsAgainst } from './health.ts';
import { writeAuto, writeBase64 } from './json-bytes.ts';
import type { HttpLimits, RequestMetrics } from './options.ts';
import type { RequestLog } from './request-log.ts';
import { type Parameters, type Router, readParameters } from './router.ts';
import { demandValid } from './schema-set.ts';
import { streamSnapshot } from './snapshot-stream.ts';
import { readTarget, type Target } from './target.ts';
import { streamWatch } from './watch-stream.ts';

/** What all requests of a server share. */
export interface ExchangeHost {
  service(): KvService;
  readonly runtime: Runtime;
  readonly limits: HttpLimits;
  readonly metrics: RequestMetrics | undefined;
  readonly api: Api;
  readonly router: Router;
  readonly cors: Cors;
  readonly log: RequestLog;
  isStopping(): boolean;
  isReady(): boolean | undefined;
}

/** What may take long, and then for as long as its caller has said that it waits. */
const patient: ReadonlySet<string> = new Set(['memberPromote']);
/** What lasts for as long as somebody reads. */
const streams: ReadonlySet<string> = new Set(['watch', 'snapshot']);

/** One request and its answer. */
export class Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #host: ExchangeHost;
  readonly #target: Target;
  readonly #startedAt: number;
  /** Aborted when nobody waits any more, or nobody should. */
  readonly #end = new AbortController();
  #operation: ApiOperation | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, host: ExchangeHost) {
    this.#request = request;
    this.#response = response;
    this.#host = host;
    this.#startedAt = host.runtime.now();
    this.#target = readTarget(request.url ?? '/');
    response.once('close', () => {
      if (!response.writableFinished) this.abort(new KvError('KV_TIMEOUT', 'The caller has gone.'));
    });
    // A caller who goes while it is being written to is no news.
    response.on('error', () => undefined);
  }

  /** Ends a stream, which nothing else would; everything else is answered. */
  endStream(reason: KvError): void {
    if (streams.has(this.#operation?.id ?? '')) this.abort(reason);
  }

  abort(reason: KvError): void {
    this.#end.abort(reason);
  }

  /** Never rejects. */
  async run(): Promise<void> {
    let code = 'OK';
    this.#host.metrics?.began();
    try {
      const answer = await this.#answer();
      if (answer !== undefined) this.#send(answer);
    } catch (thrown) {
      const error = errorOf(thrown);
      code = error.code;
      if (!this.#response.destroyed) this.#refuse(error);
    }
    const { metrics, runtime } = this.#host;
    const seconds = (runtime.now() - this.#startedAt) / 1000;
    metrics?.answered(this.#operation?.id ?? 'none', code, seconds);
  }

  #refuse(error: KvError): void {
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    const id = error.kind.status < 500 ? undefined : this.#log(error);
    this.#send(errorAnswer(error, id));
  }

  #log(error: KvError): string {
    const { log, runtime } = this.#host;
    const id = runtime.randomId();
    const { method = '' } = this.#request;
    const operation = this.#operation?.id ?? 'none';
    const failed = { request: id, operation, method, path: this.#target.path };
    log.failed(error, failed, runtime.now());
    return id;
  }

  #send(answer: Answer): void {
    const headers = { ...this.#host.cors.headersFor(this.#request), ...answer.headers };
    const { runtime } = this.#host;
    const isLast = this.#host.isStopping();
    send(this.#request, this.#response, { ...answer, headers }, { isLast, runtime });
  }

  /** `undefined`: it was a stream, and is over. */
  async #answer(): Promise<Answer | undefined> {
    const { method = '' } = this.#request;
    const { router, cors } = this.#host;
    if (method === 'OPTIONS') return this.#options(router.allowed(this.#target.path));
    cors.demandNoForgery(this.#request);
    const found = router.find(method, this.#target.path);
    this.#operation = found.operation;
    const parameters = readParameters(found, this.#target, this.#request.headers);
    if (found.operation.id === 'watch') return this.#watch(parameters);
    if (found.operation.id === 'snapshot') return this.#snapshot(parameters);
    const probe = await this.#probe(found.operation.id);
    if (probe !== undefined) return probe;
    return this.#inTime(parameters, () => this.#call(found.operation, parameters));
  }

  #options(methods: readonly string[]): Answer {
    const preflight = this.#host.cors.preflight(this.#request, methods);
    return { type: 'empty', status: 204, headers: { Allow: methods.join(', '), ...preflight } };
  }

  async #watch(parameters: Parameters): Promise<undefined> {
    const { cors, limits, runtime } = this.#host;
    const headers = cors.headersFor(this.#request);
    const call = this.#callOf(parameters, {});
    const options = { ...limits, headers, isHead: this.#isHead, runtime };
    await streamWatch(call, this.#response, options);
  }

  async #snapshot(parameters: Parameters): Promise<undefined> {
    const { cors, limits, runtime } = this.#host;
    const headers = cors.headersFor(this.#request);
    const { stallMs } = limits;
    const call = this.#callOf(parameters, {});
    const options = { stallMs, headers, isHead: this.#isHead, runtime };
    await streamSnapshot(call, this.#response, options);
  }

  get #isHead(): boolean {
    return this.#request.method === 'HEAD';
  }

  /** What is asked by monitors, and needs nothing but this member. */
  async #probe(operation: string): Promise<Answer | undefined> {
    const { metrics, api } = this.#host;
    const service = this.#host.service();
    switch (operation) {
      case 'healthz':
        return jsonAnswer({ status: 'ok', member: service.status().member });
      case 'readyz': {
        const [isStopping, isReady] = [this.#host.isStopping(), this.#host.isReady()];
        const reasons = reasonsAgainst(service.status(), { isStopping, isReady });
        const ready = reasons.length === 0;
        return { type: 'json', status: ready ? 200 : 503, json: { ready, reasons } };
      }
      case 'metrics':
        if (metrics === undefined) throw new KvError('KV_NOT_FOUND', 'This server has no metrics.');
        return { type: 'raw', contentType: metrics.contentType, body: await metrics.text() };
      case 'openapi':
        return { type: 'raw', contentType: 'application/yaml', body: api.text };
      default:
        return undefined;
    }
  }

  /** Waits no longer than the server does for anybody, or the caller wants. */
  async #inTime(parameters: Parameters, answer: () => Promise<Answer>): Promise<Answer> {
    const wanted = parameters['Quorate-Timeout'];
    const most = this.#host.limits.callTimeoutMs;
    const isPatient = patient.has(this.#operation?.id ?? '');
    const ms = typeof wanted !== 'number' ? most : isPatient ? wanted : Math.min(wanted, most);
    const timer = this.#host.runtime.setTimer(() => {
      this.abort(new KvError('KV_TIMEOUT', `There was no answer within ${ms} ms.`));
    }, ms);
    const { signal } = this.#end;
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      return await Promise.race([answer(), aborted]);
    } finally {
      timer.cancel();
    }
  }

  async #call(operation: ApiOperation, parameters: Parameters): Promise<Answer> {
    const handler = handlers[operation.id];
    if (handler === undefined) throw new Error(`Nothing answers ${operation.id}.`);
    return handler(this.#callOf(parameters, await this.#body(operation)));
  }

  async #body({ body }: ApiOperation): Promise<{ json?: unknown; raw?: Uint8Array }> {
    if (body === undefined) return {};
    const bytes = await readBody(this.#request, this.#host.limits.maxBodyBytes);
    const type = this.#request.headers['content-type'] ?? '';
    if (body.takesRaw && !/^application\/json\b/i.test(type)) return { raw: bytes };
    if (bytes.byteLength === 0 && !body.isRequired) return {};
    const json = parseJson(bytes);
    demandShallow(json);
    demandValid(body.check, json, 'The body');
    return { json };
  }

  #callOf(parameters: Parameters, body: { json?: unknown; raw?: Uint8Array }): Call {
    return {
      service: this.#host.service(),
      parameters,
      json: body.json,
      raw: body.raw,
      wantsRaw: wantsRaw(this.#request.headers.accept),
      write: parameters['bytes'] === 'base64' ? writeBase64 : writeAuto,
      session: sessionOf(parameters),
      signal: this.#end.signal,
      maxAnswerBytes: this.#host.limits.maxAnswerBytes,
    };
  }
}

/** Whether the first type that a caller names which can be had is that of the value itself. */
function wantsRaw(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((part) => part.split(';')[0]?.trim().toLowerCase());
  const known = types.find((type) => type === 'application/json' || type === '*/*' || isRaw(type));
  return isRaw(known);
}

function isRaw(type: string | undefined): boolean {
  return type === 'application/octet-stream' || type === 'text/plain';
}

function sessionOf(parameters: Parameters): SessionNumber | undefined {
  const { 'Quorate-Session': id, 'Quorate-Sequence': sequence } = parameters;
  if (typeof id === 'number' && typeof sequence === 'number') return { id, sequence };
  if (id === undefined && sequence === undefined) return undefined;
  const message = 'Quorate-Session and Quorate-Sequence go together; only one of them came.';
  throw new KvError('KV_INVALID', message);
}
