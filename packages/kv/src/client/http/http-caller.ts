import { isKvErrorCode, KvError } from '../../errors.ts';
import type { ClientRuntime } from '../runtime.ts';
import type { HttpRequest } from './store-json.ts';

/** What is needed of `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpCallerOptions {
  /** Without a slash at the end. */
  readonly base: string;
  readonly runtime: ClientRuntime;
  readonly fetch: Fetch;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpCallOptions {
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Requests to one member. Each is sent once at most. */
export class HttpCaller {
  readonly #options: HttpCallerOptions;
  readonly #underWay = new Set<AbortController>();
  #isClosed = false;

  constructor(options: HttpCallerOptions) {
    this.#options = options;
  }

  /** The JSON of the answer. @throws {KvError} what the member refused, or that none came. */
  async call(
    { method, path, body }: HttpRequest,
    { timeoutMs, headers = {} }: HttpCallOptions,
  ): Promise<unknown> {
    const waitMs = Math.max(1, Math.min(3_600_000, Math.ceil(timeoutMs)));
    const init: RequestInit = {
      method,
      headers: {
        ...headers,
        'Quorate-Timeout': `${waitMs}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const controller = this.begin();
    const timer = this.#options.runtime.setTimer(
      () => controller.abort(new KvError('KV_TIMEOUT', `No answer came within ${waitMs} ms.`)),
      timeoutMs,
    );
    try {
      const response = await this.#fetch(path, init, controller);
      if (!response.ok) throw await refusalFrom(response);
      return await response.json();
    } catch (error) {
      throw failureOf(error, controller.signal);
    } finally {
      timer.cancel();
      this.#underWay.delete(controller);
    }
  }

  /** The answer, to be read as it comes; the controller is one of `begin`, to be given to `end`. */
  async open(
    path: string,
    controller: AbortController,
  ): Promise<Response & { readonly body: ReadableStream<Uint8Array> }> {
    try {
      const response = await this.#fetch(path, { method: 'GET' }, controller);
      if (!response.ok) throw await refusalFrom(response);
      if (response.body === null) throw new KvError('KV_INTERNAL', 'The answer has no body.');
      return response as Response & { readonly body: ReadableStream<Uint8Array> };
    } catch (error) {
      throw failureOf(error, controller.signal);
    }
  }

  /** For a request that ends when this is closed. */
  begin(): AbortController {
    if (this.#isClosed) throw closed();
    const controller = new AbortController();
    this.#underWay.add(controller);
    return controller;
  }

  end(controller: AbortController): void {
    this.#underWay.delete(controller);
    controller.abort(closed());
  }

  close(): void {
    this.#isClosed = true;
    for (const controller of this.#underWay) controller.abort(closed());
    this.#underWay.clear();
  }

  #fetch(path: string, init: RequestInit, { signal }: AbortController): Promise<Response> {
    const { base, fetch, headers } = this.#options;
    const all = { ...headers, ...(init.headers as Readonly<Record<string, string>> | undefined) };
    return fetch(`${base}${path}`, { ...init, headers: all, signal });
  }
}

/** An error as the API writes it. */
export function errorFromJson(json: unknown): KvError | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { code, message, details } = json as Readonly<Record<string, unknown>>;
  if (!isKvErrorCode(code) || typeof message !== 'string') return undefined;
  const told = typeof details === 'object' && details !== null ? details : {};
  return new KvError(code, message, { details: told as Readonly<Record<string, unknown>> });
}

/** Not every answer is of a member: there may be somebody between. */
async function refusalFrom(response: Response): Promise<KvError> {
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const message = `The answer has status ${response.status} and no error that is known.`;
  const code = response.status >= 500 ? 'KV_MAYBE' : 'KV_INTERNAL';
  return (
    errorFromJson(json) ?? new KvError(code, message, { details: { status: response.status } })
  );
}

function failureOf(thrown: unknown, signal: AbortSignal): KvError {
  if (signal.aborted && signal.reason instanceof KvError) return signal.reason;
  if (thrown instanceof KvError) return thrown;
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const reason = cause instanceof Error ? cause.message : String(thrown);
  const options = { cause: thrown };
  if (thrown instanceof SyntaxError) {
    return new KvError('KV_MAYBE', `The answer is no JSON: ${thrown.message}`, options);
  }
  // Node says when nothing was sent; a browser never says why.
  if (cause instanceof Error && 'code' in cause && neverSent.has(cause.code)) {
    return new KvError('KV_NO_LEADER', `The member cannot be reached: ${reason}`, options);
  }
  return new KvError('KV_MAYBE', `The request failed on its way: ${reason}`, options);
}

const neverSent: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

function closed(): KvError {
  return new KvError('KV_MAYBE', 'The client was closed.');
}
