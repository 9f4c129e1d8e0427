import { BaseClient } from './base-client.ts';
import type { Fetch } from './http/http-caller.ts';
import { HttpWire } from './http/http-transport.ts';
import type { ClientOptions } from './parts.ts';
import { browserRuntime, type ClientRuntime } from './runtime.ts';

export interface HttpKvClientOptions extends ClientOptions {
  /** `http://host:port` or `https://host:port` of some members, or of what stands before them. */
  readonly servers: readonly string[];
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default: that of the process or the browser. */
  readonly fetch?: Fetch | undefined;
  /** Time and chance. Default: those of the process or the browser. */
  readonly runtime?: ClientRuntime | undefined;
}

/**
 * The same client by the HTTP API, for browsers and wherever `fetch` is. Each write and each watch
 * is a request of its own, so the native protocol is much faster where it can be had.
 */
export class HttpKvClient extends BaseClient {
  /** @throws {RangeError} if an address is none, or an option is not a positive number. */
  constructor(options: HttpKvClientOptions) {
    const { headers = {}, runtime = browserRuntime } = options;
    const send: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
    super(new HttpWire({ fetch: send, headers }, runtime), runtime, options);
  }
}
