import { KvError, type KvErrorCode } from '../../errors.ts';
import type {
  LeaseId,
  MemberAddRequest,
  MemberRemoveRequest,
  MemberStatus,
  Operation,
  RangeRequest,
  RangeResponse,
  Result,
} from '../../types.ts';
import { asKvError, canRetry } from '../failures.ts';
import type { ClientRuntime } from '../runtime.ts';
import type {
  ColdMethod,
  ColdMethods,
  CommandBatch,
  Transport,
  TransportOptions,
  WatchReceiver,
  WatchStream,
  Wire,
  WriteMessage,
} from '../transport.ts';
import { type BytesJson, bytesFromJson } from './bytes-json.ts';
import { type Fetch, HttpCaller } from './http-caller.ts';
import { HttpWatchStream } from './http-watch-stream.ts';
import {
  type HttpRequest,
  numberFrom,
  type RangeAnswerJson,
  rangeFromJson,
  rangeToJson,
  resultFromJson,
  writeToHttp,
} from './store-json.ts';

export interface HttpWireOptions {
  readonly fetch: Fetch;
  readonly headers: Readonly<Record<string, string>>;
}

/** Requests of one message that are under way at a time. */
const mostAtOnce = 16;

/** What an operation was answered when it had its turn: that it took no effect is its result. */
const ofOperations: ReadonlySet<KvErrorCode> = new Set<KvErrorCode>([
  'KV_DUPLICATE_KEY',
  'KV_FUTURE_REVISION',
  'KV_KEY_NOT_FOUND',
  'KV_LEASE_NOT_FOUND',
  'KV_LEASE_EXISTS',
  'KV_COMPACTED',
]);

/** Members are reached by their HTTP API, with `fetch`. Each write is a request of its own. */
export class HttpWire implements Wire {
  readonly fullBatch = { count: 1, bytes: 1 };
  readonly fullRead = { count: 32 };
  readonly maxUnanswered = 64;
  /** Nothing tells that the other side is gone, so another one is asked before the deadline. */
  readonly attemptMs = 2500;
  readonly #options: HttpWireOptions;
  readonly #runtime: ClientRuntime;

  constructor(options: HttpWireOptions, runtime: ClientRuntime) {
    this.#options = options;
    this.#runtime = runtime;
  }

  connect(address: string): Transport {
    const base = this.nameOf(address);
    const caller = new HttpCaller({ base, runtime: this.#runtime, ...this.#options });
    return new HttpTransport(caller, this.#runtime);
  }

  /** @throws {RangeError} if this is no address. */
  nameOf(address: string): string {
    const url = /^https?:\/\//.test(address) ? address : `http://${address}`;
    if (URL.canParse(url)) {
      const { origin, pathname } = new URL(url);
      return `${origin}${pathname.replace(/\/+$/, '')}`;
    }
    throw new RangeError(`A server is "http://host:port" or "host:port"; got "${address}".`);
  }

  addressOf({ httpAddress }: MemberStatus): string | undefined {
    return httpAddress;
  }

  newBatch(): CommandBatch {
    return new HttpBatch();
  }
}

/** One operation. */
class HttpBatch implements CommandBatch {
  readonly operations: Operation[] = [];

  get count(): number {
    return this.operations.length;
  }

  get byteLength(): number {
    const [operation] = this.operations;
    return operation?.type === 'put' ? operation.key.length + operation.value.length : this.count;
  }

  add(operation: Operation): void {
    this.operations.push(operation);
  }

  seal(): void {
    // It is full with its first operation.
  }

  split(): readonly [CommandBatch, CommandBatch] {
    throw new KvError('KV_INTERNAL', 'One operation cannot be split.');
  }

  pick(): CommandBatch {
    throw new KvError('KV_INTERNAL', 'Of one operation there are no others to be left out.');
  }
}

class HttpTransport implements Transport {
  readonly #caller: HttpCaller;
  readonly #runtime: ClientRuntime;

  constructor(caller: HttpCaller, runtime: ClientRuntime) {
    this.#caller = caller;
    this.#runtime = runtime;
  }

  async write(
    { session, sequence, batch }: WriteMessage,
    { timeoutMs }: TransportOptions,
  ): Promise<readonly Result[]> {
    const results: Result[] = [];
    for (const operation of (batch as HttpBatch).operations) {
      const headers = { 'Quorate-Session': `${session}`, 'Quorate-Sequence': `${sequence}` };
      try {
        const json = await this.#caller.call(writeToHttp(operation), { timeoutMs, headers });
        results.push(resultFromJson(operation.type, json));
      } catch (error) {
        results.push(refusalOf(error));
      }
    }
    return results;
  }

  ranges(
    requests: readonly RangeRequest[],
    { serializable, timeoutMs }: TransportOptions & { readonly serializable: boolean },
  ): Promise<readonly (RangeResponse | KvError)[]> {
    return inTurn(requests, async (request) => {
      const body = { ...rangeToJson(request), ...(serializable ? { serializable } : {}) };
      try {
        const json = await this.#post('/v1/range', body, timeoutMs);
        return rangeFromJson(json as RangeAnswerJson);
      } catch (thrown) {
        const error = asKvError(thrown);
        if (canRetry(error)) throw error;
        return error;
      }
    });
  }

  keepAlive(ids: readonly LeaseId[], { timeoutMs }: TransportOptions): Promise<readonly number[]> {
    return inTurn(ids, async (id) => {
      try {
        const json = await this.#post(`/v1/leases/${id}/keep-alive`, undefined, timeoutMs);
        return numberFrom((json as { readonly ttl?: unknown }).ttl, 'ttl');
      } catch (thrown) {
        const error = asKvError(thrown);
        if (error.code === 'KV_LEASE_NOT_FOUND') return 0;
        throw error;
      }
    });
  }

  async cold<Method extends ColdMethod>(
    method: Method,
    params: ColdMethods[Method]['params'],
    { timeoutMs }: TransportOptions,
  ): Promise<ColdMethods[Method]['answer']> {
    const json = await this.#caller.call(coldToHttp(method, params), { timeoutMs });
    return coldFromJson(method, json) as ColdMethods[Method]['answer'];
  }

  openWatches(receiver: WatchReceiver): WatchStream {
    return new HttpWatchStream({ caller: this.#caller, runtime: this.#runtime, receiver });
  }

  async *snapshot({
    serializable,
    signal,
  }: Parameters<Transport['snapshot']>[0]): AsyncGenerator<Uint8Array, void, undefined> {
    const controller = this.#caller.begin();
    const onAbort = (): void => controller.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const query = serializable ? '?serializable=true' : '';
      const { body } = await this.#caller.open(`/v1/snapshot${query}`, controller);
      // Not every browser can iterate over a body.
      const reader = body.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        yield next.value;
      }
    } catch (error) {
      throw asKvError(error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#caller.end(controller);
    }
  }

  close(): Promise<void> {
    this.#caller.close();
    return Promise.resolve();
  }

  #post(path: string, body: object | undefined, timeoutMs: number): Promise<unknown> {
    const request = { method: 'POST', path, ...(body === undefined ? {} : { body }) } as const;
    return this.#caller.call(request, { timeoutMs });
  }
}

function coldToHttp(method: ColdMethod, params: ColdMethods[ColdMethod]['params']): HttpRequest {
  const { id, keys } = params as { readonly id?: number; readonly keys?: boolean };
  switch (method) {
    case 'openSession':
      return { method: 'POST', path: '/v1/sessions' };
    case 'closeSession':
      return { method: 'DELETE', path: `/v1/sessions/${id}` };
    case 'status':
      return { method: 'GET', path: '/v1/status' };
    case 'leases':
      return { method: 'GET', path: '/v1/leases' };
    case 'leaseTimeToLive':
      return { method: 'GET', path: `/v1/leases/${id}${keys === true ? '?keys=true' : ''}` };
    default:
      return memberCallToHttp(method, params);
  }
}

/** The members and their leader. */
function memberCallToHttp(
  method: Exclude<ColdMethod, 'status'>,
  params: ColdMethods[ColdMethod]['params'],
): HttpRequest {
  const { id, force, ...body } = params as Partial<MemberRemoveRequest & MemberAddRequest>;
  const path = `/v1/members/${encodeURIComponent(id ?? '')}`;
  switch (method) {
    case 'memberAdd':
      return { method: 'POST', path: '/v1/members', body: params };
    case 'memberPromote':
      return { method: 'POST', path: `${path}/promote`, body };
    case 'memberRemove':
      return { method: 'DELETE', path: force === true ? `${path}?force=true` : path };
    default:
      return { method: 'POST', path: '/v1/leader/transfer', body: params };
  }
}

function coldFromJson(method: ColdMethod, json: unknown): unknown {
  const answer = json as Readonly<Record<string, unknown>>;
  switch (method) {
    case 'openSession':
      return numberFrom(answer['id'], 'id');
    case 'closeSession':
      return undefined;
    case 'status':
      numberFrom(answer['term'], 'term');
      return json;
    case 'leases':
      return answer['leases'];
    case 'leaseTimeToLive': {
      const keys = (answer['keys'] as readonly BytesJson[]).map(bytesFromJson);
      return { ...answer, keys };
    }
    case 'memberAdd':
    case 'memberPromote':
    case 'memberRemove':
      return json;
    case 'transferLeadership':
      return undefined;
  }
}

function refusalOf(thrown: unknown): Result {
  const error = asKvError(thrown);
  if (!ofOperations.has(error.code)) throw error;
  return { type: 'error', code: error.code, message: error.message };
}

/** Some at a time; if one fails, so does the whole. */
async function inTurn<Item, Answer>(
  items: readonly Item[],
  run: (item: Item) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let from = 0; from < items.length; from += mostAtOnce) {
    answers.push(...(await Promise.all(items.slice(from, from + mostAtOnce).map(run))));
  }
  return answers;
}
