import type { ServerResponse } from 'node:http';
import type { Runtime, Timer } from 'quorate';

import { KvError } from '../../errors.ts';
import type { Revision, WatchBatch, WatchRequest } from '../../types.ts';
import { errorJson } from './answering.ts';
import { bytesParameter, type Call, isSet, numberOf } from './call.ts';
import type { WriteBytes } from './json-bytes.ts';
import { eventJson, prefixRange } from './store-json.ts';

export interface WatchTimes {
  /** A comment goes out when nothing else did for so long. */
  readonly heartbeatMs: number;
  /** Who has not taken what was sent for so long is gone. */
  readonly stallMs: number;
}

interface WatchOptions extends WatchTimes {
  readonly headers: Readonly<Record<string, string>>;
  /** The answer is asked for without its body. */
  readonly isHead: boolean;
  readonly runtime: Runtime;
}

const streamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  // Proxies that collect answers would hold events back.
  'X-Accel-Buffering': 'no',
};

type Taken = IteratorResult<WatchBatch>;

/**
 * Answers with a stream of server-sent events until the watch ends, the caller goes, or the signal
 * aborts; what it aborts with is told.
 *
 * @throws {KvError} what the watch is refused with, before anything is written.
 */
export async function streamWatch(
  call: Call,
  response: ServerResponse,
  options: WatchOptions,
): Promise<void> {
  const request = watchRequest(call);
  if (options.isHead) {
    response.writeHead(200, { ...options.headers, ...streamHeaders }).end();
    return;
  }
  const batches = call.service.watch(request, { signal: call.signal })[Symbol.asyncIterator]();
  const first = await refusedAtOnce(batches.next(), options.runtime);
  const stream = new EventStream(response, options);
  try {
    const before = (request.from as Revision) - 1;
    stream.begin(options.headers);
    await stream.send('created', { revision: before }, before);
    for (let taken = await first(); taken.done !== true; taken = await batches.next()) {
      await stream.sendBatch(taken.value, call.write);
    }
  } catch (error) {
    if (!response.destroyed) await stream.sendEnd(error);
  } finally {
    stream.end();
    await batches.return?.();
  }
}

/**
 * Waits for a turn of the event loop, so that what is refused at once is known before the answer
 * begins. That history was forgotten is told in the stream: a browser sees nothing of any other
 * answer.
 *
 * @throws {KvError} any other refusal.
 */
async function refusedAtOnce(
  first: Promise<Taken>,
  runtime: Runtime,
): Promise<() => Promise<Taken>> {
  const turn = new Promise<undefined>((resolve) => runtime.yieldToIo(() => resolve(undefined)));
  try {
    await Promise.race([first, turn]);
  } catch (error) {
    if (!(error instanceof KvError) || error.code !== 'KV_COMPACTED') throw error;
  }
  return () => first;
}

/** The request; its `from` is always there, so that a reader who comes back goes on after it. */
function watchRequest(call: Call): WatchRequest {
  const seen = numberOf(call, 'Last-Event-ID');
  const from = seen === undefined ? (numberOf(call, 'from') ?? 0) : seen + 1;
  const { without } = call.parameters;
  return {
    ...rangeOf(call),
    from: from === 0 ? newestRevision(call) + 1 : from,
    previous: isSet(call, 'previous'),
    progress: isSet(call, 'progress'),
    ...(without === 'put' || without === 'delete' ? { without } : {}),
  };
}

function rangeOf(call: Call): Pick<WatchRequest, 'key' | 'end'> {
  const [key, end, prefix] = ['key', 'end', 'prefix'].map((name) => bytesParameter(call, name));
  if (prefix !== undefined && key === undefined && end === undefined) return prefixRange(prefix);
  if (key === undefined || prefix !== undefined) {
    throw new KvError(
      'KV_INVALID',
      'A watch wants either "key", with "end" for a range, or "prefix".',
    );
  }
  return end === undefined ? { key } : { key, end };
}

function newestRevision({ service }: Call): Revision {
  return service.hash().revision;
}

/** Batches that many watchers share are written down once. */
const written = new WeakMap<WriteBytes, WeakMap<WatchBatch, string>>();

function batchText(batch: WatchBatch, write: WriteBytes): string {
  const texts = written.get(write) ?? new WeakMap<WatchBatch, string>();
  written.set(write, texts);
  const known = texts.get(batch);
  if (known !== undefined) return known;
  const events = batch.events.map((event) => eventJson(event, write));
  const text = JSON.stringify({ revision: batch.revision, events });
  texts.set(batch, text);
  return text;
}

/** Server-sent events over one response, written no faster than they are read. */
class EventStream {
  readonly #response: ServerResponse;
  readonly #times: WatchTimes;
  readonly #runtime: Runtime;
  #beats: Timer | undefined;
  #isQuiet = true;
  #stalledMs = 0;

  constructor(response: ServerResponse, { runtime, ...times }: WatchOptions) {
    this.#response = response;
    this.#times = times;
    this.#runtime = runtime;
  }

  begin(headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(200, { ...headers, ...streamHeaders });
    this.#beatLater();
  }

  sendBatch(batch: WatchBatch, write: WriteBytes): Promise<void> {
    const { revision, events } = batch;
    if (events.length === 0) return this.send('progress', { revision }, revision);
    return this.#write(messageOf('changes', batchText(batch, write), revision));
  }

  send(event: string, data: object, id: Revision): Promise<void> {
    return this.#write(messageOf(event, JSON.stringify(data), id));
  }

  /** Says why the stream ends; a reader may go on after what was forgotten. */
  async sendEnd(error: unknown): Promise<void> {
    const refused =
      error instanceof KvError ? error : new KvError('KV_INTERNAL', 'The watch has failed.');
    const data = JSON.stringify(errorJson(refused));
    const { compactedRevision } = refused.details;
    const id = typeof compactedRevision === 'number' ? compactedRevision : undefined;
    const event = refused.code === 'KV_COMPACTED' ? 'compacted' : 'failed';
    await this.#write(messageOf(event, data, id));
  }

  end(): void {
    this.#beats?.cancel();
    this.#response.end();
  }

  async #write(text: string): Promise<void> {
    this.#isQuiet = false;
    if (this.#response.write(text) || this.#response.destroyed) return;
    await drained(this.#response);
  }

  #beatLater(): void {
    this.#beats = this.#runtime.setTimer(() => this.#beat(), this.#times.heartbeatMs);
  }

  #beat(): void {
    this.#beatLater();
    const response = this.#response;
    if (response.writableNeedDrain) {
      this.#stalledMs += this.#times.heartbeatMs;
      if (this.#stalledMs >= this.#times.stallMs) response.destroy();
      return;
    }
    this.#stalledMs = 0;
    if (this.#isQuiet) response.write(':\n\n');
    this.#isQuiet = true;
  }
}

/** Resolves when there is room again, or nobody to write to any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function messageOf(event: string, data: string, id: Revision | undefined): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}
