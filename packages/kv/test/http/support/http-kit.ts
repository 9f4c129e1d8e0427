import type { HttpServerOptions } from '../../../src/server/http/options.ts';
import { HttpServer } from '../../../src/server/http/server.ts';
import { StoreService, type StoreServiceOptions } from './store-service.ts';

export interface Kit extends AsyncDisposable {
  readonly service: StoreService;
  readonly server: HttpServer;
  readonly url: string;
  /** Asks for a path, and takes the answer as JSON. */
  ask(path: string, init?: RequestInit): Promise<Asked>;
  /** Posts JSON. */
  post(path: string, json: unknown, headers?: Record<string, string>): Promise<Asked>;
}

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

export async function startKit(
  options: Partial<HttpServerOptions> & StoreServiceOptions = {},
): Promise<Kit> {
  const { progressIntervalMs, ...rest } = options;
  const service = new StoreService(progressIntervalMs === undefined ? {} : { progressIntervalMs });
  const server = await HttpServer.listen({ service, ...rest });
  const url = `http://127.0.0.1:${server.port}`;
  const ask = async (path: string, init?: RequestInit): Promise<Asked> => {
    const response = await fetch(url + path, init);
    const text = await response.text();
    const { status, headers } = response;
    return { status, headers, json: text === '' ? undefined : JSON.parse(text) };
  };
  return {
    service,
    server,
    url,
    ask,
    post: (path, json, headers = {}) =>
      ask(path, {
        method: 'POST',
        body: JSON.stringify(json),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
