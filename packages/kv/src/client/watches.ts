import { KvError } from '../errors.ts';
import type { Revision, WatchBatch, WatchRequest } from '../types.ts';
import type { CallsHost } from './calls-host.ts';
import { asKvError, canRetry, closedError, overloaded } from './failures.ts';
import type { Member } from './members.ts';
import { BackOff } from './pauses.ts';
import type { WatchReceiver, WatchStream } from './transport.ts';
import { compactedError, WatchQueue } from './watch.ts';

/** What one watch may hold for a slow reader; then its member is told to wait. */
const mostQueuedBytes = 1024 * 1024;
/** How often it is looked whether the member of the stream still knows a leader. */
const lookMs = 2000;
/** Looks in a row without one, until another member is asked. */
const mostBadLooks = 2;
const lookTimeoutMs = 1000;

export interface WatchesOptions {
  /** The newest revision, by a linearizable read: what is after it is what comes next. */
  readonly newestRevision: (request: WatchRequest) => Promise<Revision>;
  /** Watches that one client may have at a time. */
  readonly maxWatches: number;
}

export interface OpenedWatch {
  readonly batches: WatchQueue;
  readonly ready: Promise<Revision>;
  /** Everything up to this revision has come, or there was nothing to tell. */
  readonly position: () => Revision;
}

/**
 * All watches of a client. They share one stream to one member; when that ends, each goes on at
 * another member behind the last revision that it was told, so that it has no gap and sees nothing
 * twice.
 */
export class Watches {
  readonly #host: CallsHost;
  readonly #options: WatchesOptions;
  readonly #all = new Set<WatchState>();
  /** By their numbers on the stream; those that wait for a slow reader are not on it. */
  readonly #streamed = new Map<number, WatchState>();
  #lastNumber = 0;
  #stream: OpenStream | undefined;
  #backOff: BackOff;
  #isOpening = false;
  #isLooking = false;
  #isClosed = false;

  constructor(host: CallsHost, options: WatchesOptions) {
    this.#host = host;
    this.#options = options;
    this.#backOff = new BackOff(host.runtime);
  }

  get count(): number {
    return this.#all.size;
  }

  /** Begins at once. */
  open(request: WatchRequest, signal: AbortSignal | undefined): OpenedWatch {
    signal?.throwIfAborted();
    if (this.#isClosed) throw closedError({ isOpen: false });
    const { maxWatches } = this.#options;
    if (this.#all.size >= maxWatches) {
      throw overloaded(`This client has ${maxWatches} watches already, as maxWatches allows.`);
    }
    const begun = Promise.withResolvers<Revision>();
    // Nobody needs to wait for it: a watch that fails says so to its reader as well.
    begun.promise.catch(() => undefined);
    const batches = new WatchQueue({
      onRead: () => this.#resume(state),
      onStop: () => this.#remove(state),
    });
    const onAbort = (): void => this.#end(state, signal?.reason, { isNow: true });
    const release = (): void => signal?.removeEventListener('abort', onAbort);
    const state: WatchState = { request, batches, begun, next: 0, number: 0, release };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#all.add(state);
    void this.#begin(state);
    const position = (): Revision => Math.max(0, state.next - 1);
    return { batches, ready: begun.promise, position };
  }

  close(): void {
    this.#isClosed = true;
    for (const state of [...this.#all]) {
      this.#end(state, closedError({ isOpen: false }), { isNow: true });
    }
    this.#stream?.stream.close();
    this.#stream = undefined;
  }

  /** From where on is settled before anything else: then no fail-over can move it. */
  async #begin(state: WatchState): Promise<void> {
    const { request } = state;
    try {
      const from = request.from ?? 0;
      state.next = from > 0 ? from : (await this.#options.newestRevision(request)) + 1;
    } catch (error) {
      this.#end(state, error);
      return;
    }
    if (!this.#all.has(state)) return;
    state.begun.resolve(state.next);
    this.#join(state);
  }

  #join(state: WatchState): void {
    const open = this.#stream;
    if (open !== undefined) this.#addTo(open.stream, state);
    else void this.#openStream();
    void this.#look();
  }

  #addTo(stream: WatchStream, state: WatchState): void {
    this.#streamed.delete(state.number);
    this.#lastNumber += 1;
    state.number = this.#lastNumber;
    this.#streamed.set(state.number, state);
    stream.add(state.number, { ...state.request, from: state.next, progress: true });
  }

  async #openStream(): Promise<void> {
    if (this.#isOpening) return;
    this.#isOpening = true;
    try {
      while (this.#stream === undefined && !this.#isClosed) {
        const ready = [...this.#all].filter(({ next, batches }) => next > 0 && isReading(batches));
        if (ready.length === 0) return;
        const member = this.#host.members.any();
        try {
          const receiver = this.#receiver();
          const stream = member.transport.openWatches(receiver);
          this.#stream = { stream, member, receiver };
          for (const state of ready) this.#addTo(stream, state);
        } catch (error) {
          this.#host.members.failed(member, asKvError(error));
          await this.#host.pauses.pause(this.#backOff.next());
        }
      }
    } finally {
      this.#isOpening = false;
    }
  }

  #receiver(): WatchReceiver {
    // What an earlier stream still says is not heard: no number is used twice.
    const receiver: WatchReceiver = {
      onBatch: (number, batch) => this.#onBatch(this.#streamed.get(number), batch),
      onProgress: (number, revision) => {
        const state = this.#streamed.get(number);
        if (state !== undefined) state.next = Math.max(state.next, revision + 1);
      },
      onEnded: (number, error) => this.#onEnded(this.#streamed.get(number), error),
      onClosed: (error) => {
        if (this.#stream?.receiver === receiver) this.#move(error);
      },
    };
    return receiver;
  }

  #onBatch(state: WatchState | undefined, batch: WatchBatch): void {
    if (state === undefined) return;
    this.#backOff.reset();
    const { next } = state;
    state.next = Math.max(next, batch.revision + 1);
    const events = batch.events.filter(({ kv }) => kv.modRevision >= next);
    if (events.length === 0) return;
    state.batches.push({ revision: batch.revision, events });
    if (!isReading(state.batches)) this.#leave(state);
  }

  #onEnded(state: WatchState | undefined, error: KvError): void {
    if (state === undefined) return;
    this.#streamed.delete(state.number);
    if (error.code === 'KV_COMPACTED') this.#end(state, compactedError(error, state.next));
    else if (canRetry(error)) this.#move(error);
    else this.#end(state, error);
  }

  /** All watches go on at another member, after a moment. */
  #move(error: KvError): void {
    const open = this.#stream;
    if (open === undefined || this.#isClosed) return;
    this.#stream = undefined;
    this.#streamed.clear();
    open.stream.close();
    this.#host.members.failed(open.member, error);
    void this.#host.pauses.pause(this.#backOff.next()).then(() => this.#openStream());
  }

  /** Its reader is slow: it leaves the stream until what is here has been read. */
  #leave(state: WatchState): void {
    this.#streamed.delete(state.number);
    this.#stream?.stream.remove(state.number);
    state.number = 0;
  }

  #resume(state: WatchState): void {
    if (state.number !== 0 || state.next === 0 || !this.#all.has(state)) return;
    this.#join(state);
  }

  #remove(state: WatchState): void {
    if (!this.#all.delete(state)) return;
    state.release();
    state.begun.reject(new Error('The watch was ended before it had begun.'));
    if (this.#streamed.delete(state.number)) this.#stream?.stream.remove(state.number);
    if (this.#all.size > 0) return;
    // Nobody watches: the member need not keep a stream open.
    this.#stream?.stream.close();
    this.#stream = undefined;
    this.#streamed.clear();
  }

  #end(state: WatchState, error: unknown, options?: { readonly isNow: boolean }): void {
    state.begun.reject(error);
    state.batches.fail(error, options);
    this.#remove(state);
  }

  /**
   * A member that has lost the others tells nothing, and does not know that there is something to
   * tell. It is asked now and then whether it knows a leader, and left if it does not.
   */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    let bad = 0;
    let looked: Member | undefined;
    while (this.#all.size > 0 && !this.#isClosed) {
      await this.#host.pauses.pause(lookMs);
      const member = this.#stream?.member;
      if (member === undefined || this.#isClosed) continue;
      if (member !== looked) bad = 0;
      looked = member;
      const error = await leaderlessness(member);
      bad = error === undefined ? 0 : bad + 1;
      if (error === undefined || bad < mostBadLooks || this.#stream?.member !== member) continue;
      bad = 0;
      this.#move(error);
    }
    this.#isLooking = false;
  }
}

interface OpenStream {
  readonly stream: WatchStream;
  readonly member: Member;
  readonly receiver: WatchReceiver;
}

interface WatchState {
  readonly request: WatchRequest;
  readonly batches: WatchQueue;
  readonly begun: PromiseWithResolvers<Revision>;
  /** It has been told of everything before it; 0 until it is settled where it begins. */
  next: Revision;
  /** On the stream; 0 while it is on none. */
  number: number;
  /** Takes the listener off the signal. */
  readonly release: () => void;
}

function isReading(batches: WatchQueue): boolean {
  return batches.bytes < mostQueuedBytes;
}

/** Why nothing can be expected of the member, if that is so. */
async function leaderlessness({ transport, address }: Member): Promise<KvError | undefined> {
  try {
    const { leader } = await transport.cold('status', {}, { timeoutMs: lookTimeoutMs });
    if (leader !== undefined) return undefined;
    return new KvError('KV_NO_LEADER', `The member at ${address} knows no leader.`);
  } catch (error) {
    return asKvError(error);
  }
}
