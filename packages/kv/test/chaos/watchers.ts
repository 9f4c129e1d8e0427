import { setTimeout as sleep } from 'node:timers/promises';
import { byteString, prefixEnd } from '../../src/bytes.ts';
import { type KvClient, KvError } from '../../src/client.ts';
import type { KeyRange, Revision, WatchBatch, WatchRequest } from '../../src/types.ts';
import type { WatchRecord } from '../checks/watches.ts';
import type { Journal } from './journal.ts';
import { pause, rest, type Worker } from './workers.ts';

const firstRevision = 2;
const prefixes = ['register-', 'list-', 'list-1', 'quorate/', 'lease-'] as const;
const mostBack = 300;

export const everything: KeyRange = { key: Buffer.of(0), end: Buffer.of(0) };

/** Watches a range from the past on, leaves off, and goes on where it was. */
export async function watchParts(worker: Worker): Promise<void> {
  const { client, name, random, journal, over } = worker;
  while (!over.aborted) {
    const prefix = Buffer.from(random.pick(prefixes));
    const from = Math.max(firstRevision, journal.heard - random.below(mostBack));
    const request: WatchRequest = {
      ...{ key: prefix, end: prefixEnd(prefix) },
      ...(random.chance(0.5) ? { previous: true } : {}),
    };
    const batches: WatchBatch[] = [];
    journal.watches.push({ request, from, batches });
    for (let part = random.below(3); part >= 0 && !over.aborted; part -= 1) {
      const next = (batches.at(-1)?.revision ?? from - 1) + 1;
      const end = new AbortController();
      const reading = read({ client, request: { ...request, from: next }, batches }, end.signal);
      const what = { type: 'watch', key: `${prefix.toString()} from ${next}` };
      const watching = journal.attempt(name, what, () => reading);
      await pause(200 + random.below(3000), over);
      end.abort();
      const { outcome } = await watching;
      if (outcome === 'done') journal.mark('watches');
      await rest(worker);
    }
  }
}

interface Reading {
  readonly client: KvClient;
  readonly request: WatchRequest;
  readonly batches: WatchBatch[];
}

async function read({ client, request, batches }: Reading, signal: AbortSignal): Promise<number> {
  const before = batches.length;
  try {
    for await (const batch of client.follow(request, { signal })) batches.push(batch);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return batches.length - before;
}

/** Watches everything from the first change on, to the very end: what all else is compared with. */
export class WholeWatch {
  readonly #client: KvClient;
  readonly #journal: Journal;
  readonly #onFound: (code: string, text: string) => void;
  readonly #batches: WatchBatch[] = [];
  readonly #end = new AbortController();
  readonly #reading: Promise<void>;

  /** The client must be one that nobody else closes. */
  constructor(client: KvClient, journal: Journal, onFound: (code: string, text: string) => void) {
    this.#client = client;
    this.#journal = journal;
    this.#onFound = onFound;
    this.#reading = this.#read();
  }

  /** Waits until it was told of this revision, for so long; what is missing is to be found. */
  async upTo(revision: Revision, withinMs: number): Promise<WatchRecord> {
    const until = performance.now() + withinMs;
    while ((this.#batches.at(-1)?.revision ?? 0) < revision && performance.now() < until) {
      await sleep(20);
    }
    const request = { ...everything, previous: true };
    return { request, from: firstRevision, batches: [...this.#batches], until: revision };
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { signal } = this.#end;
    const request = { ...everything, previous: true, from: firstRevision };
    try {
      for await (const batch of this.#client.follow(request, { signal })) {
        this.#batches.push(batch);
        this.#look(batch);
      }
    } catch (error) {
      if (signal.aborted) return;
      const text = error instanceof KvError ? `${error.code}: ${error.message}` : String(error);
      this.#onFound('watch-ended', `The watch of everything ended: ${text}`);
    }
  }

  /** A lease that its client may count on must not have lost its key. */
  #look({ events }: WatchBatch): void {
    for (const { type, kv } of events) {
      if (type !== 'delete') continue;
      const key = byteString(kv.key);
      const held = this.#journal.leases.get(key);
      const sureMs = held?.sureMs() ?? 0;
      if (held === undefined || held.isRevoked || sureMs <= 0) continue;
      const text = `Lease ${held.id} lost ${key} at ${kv.modRevision}; it was sure for ${Math.round(sureMs)} ms more.`;
      this.#onFound('lease-ended-early', text);
    }
  }
}
