import type { IncomingMessage } from 'node:http';

import { KvError } from '../../errors.ts';

type Headers = Readonly<Record<string, string>>;

const exposed =
  'ETag, Retry-After, Quorate-Revision, Quorate-Create-Revision, Quorate-Mod-Revision, Quorate-Version, Quorate-Lease';
const allowedHeaders =
  'Accept, Content-Type, If-Match, If-None-Match, Last-Event-ID, Quorate-Session, Quorate-Sequence, Quorate-Timeout';

/** Which pages of other origins may use the API in a browser. Default: none. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** What an answer says to a browser; nothing to a page that may not use the API. */
  headersFor(request: IncomingMessage): Headers {
    if (this.#origins.size === 0) return {};
    const { origin } = request.headers;
    const vary = { Vary: 'Origin' };
    if (origin === undefined || !this.#allows(origin)) return vary;
    return {
      ...vary,
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Expose-Headers': exposed,
    };
  }

  /** What OPTIONS adds to that. */
  preflight(request: IncomingMessage, methods: readonly string[]): Headers {
    const { origin } = request.headers;
    if (origin === undefined || !this.#allows(origin)) return {};
    return {
      'Access-Control-Allow-Methods': methods.join(', '),
      'Access-Control-Allow-Headers': allowedHeaders,
      'Access-Control-Max-Age': '600',
    };
  }

  /**
   * Refuses what a page of a strange origin may send without being asked first, as a form can: the
   * browser keeps the answer from it, but the change would have been made.
   *
   * @throws {KvError} `KV_INVALID`
   */
  demandNoForgery(request: IncomingMessage): void {
    const { method, headers } = request;
    const { origin, host } = headers;
    if (origin === undefined || method === 'GET' || method === 'HEAD') return;
    if (this.#allows(origin) || hostOf(origin) === host) return;
    const message = `Pages of ${origin} may not use this server; http.origins can allow it.`;
    throw new KvError('KV_INVALID', message, { details: { origin } });
  }

  #allows(origin: string): boolean {
    return this.#origins.has('*') || this.#origins.has(origin);
  }
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/(.+)$/.exec(origin)?.[1];
}
