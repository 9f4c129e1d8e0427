import type { HttpKvClientOptions } from '../../src/client/http-client.ts';
import type { HttpReceiver, HttpRequestSeen } from './http-server.ts';
import type { KvProcess } from './process.ts';
import type { KvWorld } from './world.ts';

type Fetch = NonNullable<HttpKvClientOptions['fetch']>;

/** How long it takes at most until somebody hears that a connection is no more. */
const lateMs = 4000;

/** Where the HTTP API of a member is. */
export function httpAddressOf(name: string): string {
  return `http://${name}`;
}

/**
 * What `fetch` is in a process of the world. Each request has a connection of its own, over the
 * links: what is lost breaks it, and then both ends hear of it, some time or other.
 */
export function fetchOf(world: KvWorld, from: string, process: KvProcess): Fetch {
  return (url, init) => {
    const connection = new Connection(world, { from, to: new URL(url).hostname, process });
    return connection.ask(url, init);
  };
}

interface Ends {
  readonly from: string;
  readonly to: string;
  /** Of the client. */
  readonly process: KvProcess;
}

class Connection {
  readonly #world: KvWorld;
  readonly #ends: Ends;
  readonly #answer = Promise.withResolvers<Response>();
  readonly #body = new Body();
  #isOpen = true;
  /** Tells the server that nobody waits any more. */
  #leave: (() => void) | undefined;
  #forget: (() => void)[] = [];

  constructor(world: KvWorld, ends: Ends) {
    this.#world = world;
    this.#ends = ends;
  }

  ask(url: string, { method = 'GET', headers, body, signal }: RequestInit): Promise<Response> {
    const { from, to, process } = this.#ends;
    const { pathname, search } = new URL(url);
    const bytes = typeof body === 'string' ? Buffer.from(body) : undefined;
    const given = Object.entries((headers ?? {}) as Readonly<Record<string, string>>);
    const seen: HttpRequestSeen = {
      method,
      url: pathname + search,
      headers: {
        ...Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), value])),
        host: to,
        ...(bytes === undefined ? {} : { 'content-length': String(bytes.length) }),
      },
      body: bytes,
    };
    signal?.addEventListener('abort', () => this.#abort(signal.reason), { once: true });
    this.#forget.push(process.onDeath(() => this.#hangUp()));
    this.#world.links.cross(from, to, {
      kind: 'forward',
      arrive: () => this.#arrive(seen),
      lose: () => this.#break('ECONNRESET'),
      fail: () => this.#break('ECONNRESET'),
    });
    return this.#answer.promise;
  }

  #arrive(seen: HttpRequestSeen): void {
    const { members, knobs } = this.#world;
    const member = members.get(this.#ends.to);
    const { process, http } = member ?? {};
    if (process === undefined || process.isDead || http === undefined) {
      if (knobs.net.refuses) this.#break('ECONNREFUSED');
      return;
    }
    this.#forget.push(process.onDeath(() => this.#break('ECONNRESET')));
    process.enter(() => {
      if (!this.#isOpen) return;
      this.#world.countFault('http request');
      const leave = http.take(seen, this.#receiver());
      this.#leave = () => process.enter(leave);
    });
  }

  #receiver(): HttpReceiver {
    return {
      head: (status) => this.#back(() => this.#answer.resolve(responseOf(status, this.#body))),
      part: (bytes) => this.#back(() => this.#body.add(bytes)),
      end: () =>
        this.#back(() => {
          this.#body.end();
          this.#close();
        }),
      broke: () => this.#back(() => this.#fail('ECONNRESET')),
    };
  }

  /** Something of the answer crosses to the client. */
  #back(arrive: () => void): void {
    const { from, to, process } = this.#ends;
    if (!this.#isOpen) return;
    this.#world.links.cross(to, from, {
      kind: 'forward',
      isAnswer: true,
      arrive: () => {
        if (this.#isOpen) process.enter(arrive);
      },
      lose: () => this.#break('ECONNRESET'),
      fail: () => this.#break('ECONNRESET'),
    });
  }

  /** Nothing crosses any more. Each end hears of it by itself. */
  #break(code: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { queue, choices } = this.#world;
    const ms = (): number => (choices.choose('http.late', 4) === 3 ? lateMs : 1);
    queue.after(ms(), () => this.#ends.process.enter(() => this.#fail(code)));
    queue.after(ms(), () => this.#close());
  }

  #fail(code: string): void {
    const cause = Object.assign(new Error(`The connection broke: ${code}.`), { code });
    const error = new TypeError('fetch failed', { cause });
    this.#answer.promise.catch(() => undefined);
    this.#answer.reject(error);
    this.#body.fail(error);
    this.#close();
  }

  /** The client wants no answer any more. */
  #abort(reason: unknown): void {
    this.#answer.promise.catch(() => undefined);
    this.#answer.reject(reason);
    this.#body.fail(reason);
    this.#hangUp();
  }

  #hangUp(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { from, to } = this.#ends;
    const arrive = (): void => this.#close();
    const lose = (): void => void this.#world.queue.after(lateMs, arrive);
    this.#world.links.cross(from, to, { kind: 'forward', arrive, lose });
  }

  #close(): void {
    this.#isOpen = false;
    for (const forget of this.#forget.splice(0)) forget();
    const leave = this.#leave;
    this.#leave = undefined;
    leave?.();
  }
}

/** What of a `Response` clients look at. */
function responseOf(status: number, body: Body): Response {
  const text = async (): Promise<string> => (await body.whole()).toString();
  const response = {
    status,
    ok: status >= 200 && status < 300,
    text,
    json: async (): Promise<unknown> => JSON.parse(await text()) as unknown,
    body: { getReader: () => ({ read: () => body.read() }) },
  };
  return response as unknown as Response;
}

/** The body of an answer, as far as it has come. */
class Body {
  readonly #parts: Uint8Array[] = [];
  #failure: { readonly reason: unknown } | undefined;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  add(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#wake?.();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  fail(reason: unknown): void {
    if (!this.#hasEnded) this.#failure ??= { reason };
    this.#wake?.();
  }

  async read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }> {
    for (;;) {
      const value = this.#parts.shift();
      if (value !== undefined) return { done: false, value };
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#hasEnded) return { done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async whole(): Promise<Buffer> {
    const all: Uint8Array[] = [];
    for (let next = await this.read(); !next.done; next = await this.read()) {
      if (next.value !== undefined) all.push(next.value);
    }
    return Buffer.concat(all);
  }
}
