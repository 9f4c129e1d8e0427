import type { Runtime, Timer } from 'quorate';
import { encodeBackup } from '../../backup/encode.ts';
import type { BackupHead } from '../../backup/format.ts';
import { KvError } from '../../errors.ts';
import { pause } from '../../pause.ts';
import { errorOf } from '../../protocol/failures.ts';
import type { CallContext } from '../service.ts';
import type { Health } from './health.ts';
import type { KvRaft } from './node.ts';
import type { ServedStore } from './served-store.ts';
import { packageVersion } from './status.ts';

export interface SnapshottingOptions {
  readonly raft: KvRaft;
  readonly store: ServedStore;
  readonly health: Pick<Health, 'demandServing'>;
  /** Has members compare their states; what comes of it is known to `health`. Never rejects. */
  readonly compareStates: (signal: AbortSignal) => Promise<void>;
  readonly runtime: Runtime;
  /** The time of day, in milliseconds, if there is a clock for that. */
  readonly wallClock: (() => number) | undefined;
}

export interface FreezeOptions {
  /** No faster than this; Infinity: as fast as it is read, with a breath after each chunk. */
  readonly bytesPerSecond?: number;
}

interface FrozenOptions extends FreezeOptions {
  /** Members compare their states before it ends. */
  readonly isCompared: boolean;
}

/** A backup of the state as it was when it was frozen. */
export interface FrozenState {
  readonly head: BackupHead;
  /** The bytes of the file, made while they are read. */
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;
}

/** As many are read at a time: each keeps in memory what was replaced since it began. */
export const maxOpenSnapshots = 4;
/** Who reads nothing for so long gets no more, and the past is let go of. */
const stallMs = 60_000;

/**
 * Hands out the whole state at one revision, while it goes on changing. What a snapshot needs and
 * the store does not is kept until it is read or given up, so both are bounded.
 */
export class Snapshotting {
  readonly #options: SnapshottingOptions;
  readonly #open = new Set<Frozen>();

  constructor(options: SnapshottingOptions) {
    this.#options = options;
  }

  /**
   * Everything that was acknowledged before the call is in it; with `serializable`, what this
   * member has.
   *
   * @throws {KvError} `KV_LIMIT`, and what a barrier fails with.
   */
  async *read({
    signal,
    serializable = false,
  }: CallContext & { readonly serializable?: boolean }): AsyncGenerator<Uint8Array> {
    const { chunks } = await this.freeze({ signal, serializable });
    yield* chunks;
  }

  /** Freezes the state; whoever does not read the chunks to their end must call `return`. */
  async freeze({
    signal,
    serializable = false,
    ...pace
  }: CallContext & FreezeOptions & { readonly serializable?: boolean }): Promise<FrozenState> {
    const { raft, health } = this.#options;
    health.demandServing();
    if (this.#open.size >= maxOpenSnapshots) throw tooMany();
    if (!serializable) {
      try {
        await raft.readBarrier({ signal });
      } catch (error) {
        throw errorOf(error);
      }
      health.demandServing();
      if (this.#open.size >= maxOpenSnapshots) throw tooMany();
    }
    return this.#frozen(signal, { ...pace, isCompared: !serializable });
  }

  /** Lets go of all that are being read. */
  close(): void {
    for (const frozen of this.#open) frozen.release();
  }

  #frozen(signal: AbortSignal, { isCompared, ...pace }: FrozenOptions): FrozenState {
    const { raft, store, runtime, compareStates, wallClock = () => 0 } = this.#options;
    const { membership, applied } = raft.metrics;
    const head: BackupHead = {
      cluster: membership.cluster,
      member: raft.id,
      revision: store.revision,
      index: applied.index,
      term: applied.term,
      hash: store.hash(),
      createdAt: new Date(wallClock()).toISOString(),
      version: packageVersion(),
    };
    const content = new Frozen(iteratorOf(store.snapshot()), {
      runtime,
      signal,
      onReleased: () => this.#open.delete(content),
    });
    this.#open.add(content);
    // At a place of the log behind this one: what is wrong there may have been wrong here.
    const compared = isCompared ? compareStates(signal) : Promise.resolve();
    const chunks = this.#paced(content, signal, { ...pace, compared });
    return { head, chunks: encodeBackup(head, chunks) };
  }

  async *#paced(
    content: Frozen,
    signal: AbortSignal,
    { bytesPerSecond = Infinity, compared }: FreezeOptions & { compared: Promise<void> },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { health, runtime } = this.#options;
    const began = runtime.now();
    let bytes = 0;
    try {
      for (;;) {
        const reading = content.next();
        const next = reading instanceof Promise ? await reading : reading;
        if (next.done === true) break;
        signal.throwIfAborted();
        health.demandServing();
        yield next.value;
        // From here on it is this side that takes its time.
        content.resume();
        bytes += next.value.length;
        const aheadMs = (bytes / bytesPerSecond) * 1000 - (runtime.now() - began);
        if (aheadMs >= 1) await pause(runtime, aheadMs, signal);
        else await new Promise<void>((resolve) => runtime.yieldToIo(resolve));
      }
      await compared;
      signal.throwIfAborted();
      health.demandServing();
    } finally {
      content.release();
    }
  }
}

/** In memory, or read from the disk. */
type Chunks = Iterator<Uint8Array> | AsyncIterator<Uint8Array>;

function iteratorOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Chunks {
  return Symbol.iterator in chunks ? chunks[Symbol.iterator]() : chunks[Symbol.asyncIterator]();
}

/** A frozen state that is let go of when it was read, or when nobody reads it for long. */
class Frozen {
  readonly #chunks: Chunks;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  readonly #onReleased: () => void;
  readonly #release = (): void => this.release();
  #timer: Timer | undefined;
  #state: 'open' | 'over' | 'released' = 'open';

  constructor(
    chunks: Chunks,
    {
      runtime,
      signal,
      onReleased,
    }: {
      readonly runtime: Runtime;
      readonly signal: AbortSignal;
      readonly onReleased: () => void;
    },
  ) {
    this.#chunks = chunks;
    this.#runtime = runtime;
    this.#signal = signal;
    this.#onReleased = onReleased;
    signal.addEventListener('abort', this.#release, { once: true });
    this.#arm();
  }

  /** It is read on. @throws {KvError} `KV_TIMEOUT` if it was released before its end. */
  resume(): void {
    this.#timer?.cancel();
    this.#signal.throwIfAborted();
    if (this.#state === 'released') throw stalled();
  }

  next(): IteratorResult<Uint8Array> | Promise<IteratorResult<Uint8Array>> {
    this.resume();
    const next = this.#chunks.next();
    if (next instanceof Promise) return next.then((one) => this.#came(one));
    return this.#came(next);
  }

  /** Lets go of the past. May be called twice. */
  release(): void {
    this.#timer?.cancel();
    if (this.#state === 'released') return;
    this.#state = 'released';
    this.#signal.removeEventListener('abort', this.#release);
    const ended = this.#chunks.return?.();
    // It reads no more, so what goes wrong with letting go of it is nobody's loss.
    if (ended instanceof Promise) ended.catch(() => undefined);
    this.#onReleased();
  }

  #came(next: IteratorResult<Uint8Array>): IteratorResult<Uint8Array> {
    if (this.#state === 'released') return next;
    if (next.done === true) this.#state = 'over';
    else this.#arm();
    return next;
  }

  #arm(): void {
    this.#timer = this.#runtime.setTimer(this.#release, stallMs);
  }
}

function tooMany(): KvError {
  const message = `This member is being copied ${maxOpenSnapshots} times already; more wait until one is done. Ask another member, or later.`;
  return new KvError('KV_LIMIT', message, {
    details: { limit: 'maxOpenSnapshots', most: maxOpenSnapshots },
  });
}

function stalled(): KvError {
  const seconds = stallMs / 1000;
  const message = `The snapshot was not read for ${seconds} seconds, and was given up.`;
  return new KvError('KV_TIMEOUT', message);
}
