import type { SnapshotReceiver, SnapshotStore } from '../contract/snapshot-store.ts';
import type { Event, RequestId } from '../core/event.ts';
import type { InstallSnapshotRequest } from '../core/message.ts';
import type { SnapshotMeta, Term } from '../core/types.ts';
import { DamagedError } from '../errors.ts';
import type { Runtime } from '../platform/runtime.ts';
import { buggify, mark } from '../platform/sites.ts';
import { StallWatch } from './stall-watch.ts';

export interface ReceivingOptions {
  readonly store: SnapshotStore;
  readonly runtime: Runtime;
  /** A transfer of which nothing comes for so long is over. */
  readonly stallMs: number;
  readonly post: (event: Event) => void;
  /** Whether this node has not come as far in another way. */
  readonly isAhead: (meta: SnapshotMeta) => boolean;
  /** Resolves once nothing is built, and nothing is restored. */
  readonly begin: () => Promise<void>;
  readonly end: () => void;
}

type Stream = AsyncIterator<Uint8Array>;

/** One transfer: it ends by itself, or when another takes its place. */
interface Transfer {
  readonly request: RequestId;
  readonly rpc: InstallSnapshotRequest;
  readonly stream: Stream;
  isStopped: boolean;
  /** Ends the wait for the next chunk, if there is one. */
  onStop: () => void;
}

/**
 * Takes snapshots from the leader into the store: one at a time, the newest call takes over. What
 * breaks off or no longer moves is kept aside by the store, and a later call goes on from there. A
 * snapshot that cannot be stored costs this call and nothing else; nothing was promised by it.
 */
export class Receiving {
  readonly #options: ReceivingOptions;
  readonly #streams = new Map<RequestId, Stream>();
  #current: Transfer | undefined = undefined;
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ReceivingOptions) {
    this.#options = options;
  }

  /** Holds the stream of a call until the core has decided about it. */
  offer(request: RequestId, chunks: AsyncIterable<Uint8Array>): void {
    this.#streams.set(request, chunks[Symbol.asyncIterator]());
  }

  /** The call is answered; what is left of its stream is not wanted. */
  withdraw(request: RequestId): void {
    const stream = this.#streams.get(request);
    this.#streams.delete(request);
    if (stream !== undefined) release(stream);
  }

  /** The core wants it: stores what comes, and reports what came of it. */
  receive(request: RequestId, rpc: InstallSnapshotRequest): void {
    const stream = this.#streams.get(request);
    if (stream === undefined || this.#isClosed) {
      this.#options.post({ type: 'snapshotFailed', request, stored: 0 });
      return;
    }
    stop(this.#current);
    const transfer = { request, rpc, stream, isStopped: false, onStop: () => undefined };
    this.#current = transfer;
    this.#last = this.#last.then(() => this.#run(transfer));
  }

  /**
   * The node's term is now `term`. Whoever sent in an older one leads no more and may be gone; its
   * stream must not be waited for, since nothing is built as long as one is being received.
   */
  enterTerm(term: Term): void {
    if (this.#current !== undefined && this.#current.rpc.term < term) stop(this.#current);
  }

  /** Stops the transfer under way; what came so far stays where the store keeps it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    stop(this.#current);
    await this.#last;
    for (const request of [...this.#streams.keys()]) this.withdraw(request);
  }

  async #run(transfer: Transfer): Promise<void> {
    const { begin, end, post } = this.#options;
    const { request, rpc } = transfer;
    await begin();
    try {
      post(await this.#store(transfer));
    } catch (error) {
      // Of a damaged one nothing remains; of the others, what the store says at the next call.
      const stored = error instanceof DamagedError ? 0 : rpc.offset;
      post({ type: 'snapshotFailed', request, stored });
    } finally {
      if (this.#current === transfer) this.#current = undefined;
      end();
    }
  }

  async #store(transfer: Transfer): Promise<Event> {
    const { request, rpc } = transfer;
    const failed = (stored: number): Event => ({ type: 'snapshotFailed', request, stored });
    // The transfer that this one waited for may have brought it all.
    if (!this.#options.isAhead(rpc.meta)) {
      mark('receiver.cameInAnotherWay');
      return failed(0);
    }
    const receiver = await this.#options.store.receive(rpc.meta);
    if (receiver.offset !== rpc.offset) {
      mark('receiver.elsewhere');
      return failed(receiver.offset);
    }
    const outcome = await this.#take(receiver, transfer);
    if (outcome === 'broken') mark('receiver.brokeOff');
    if (outcome !== 'whole') return failed(outcome === 'broken' ? receiver.offset : 0);
    await receiver.finish({ size: rpc.size, checksum: rpc.checksum });
    return { type: 'snapshotReceived', request, meta: rpc.meta };
  }

  /** Writes what comes, until it is as much as it has to be. */
  async #take(
    receiver: SnapshotReceiver,
    transfer: Transfer,
  ): Promise<'whole' | 'broken' | 'too long'> {
    const { runtime, stallMs } = this.#options;
    const watch = new StallWatch(runtime, stallMs, () => stop(transfer));
    try {
      while (receiver.offset < transfer.rpc.size) {
        const next = await nextOrStop(transfer);
        if (next === 'stopped' || next === 'broken' || next.done === true) return 'broken';
        if (await this.#isTooLong(receiver, transfer.rpc, next.value)) return 'too long';
        watch.isHeld = true;
        await receiver.write(next.value);
        watch.isHeld = false;
        watch.moved();
        if (buggify('receiver.breakOff')) return 'broken';
      }
      return 'whole';
    } finally {
      watch.end();
    }
  }

  /** More bytes than the snapshot has are none of it, and then neither are those before. */
  async #isTooLong(
    receiver: SnapshotReceiver,
    { size }: InstallSnapshotRequest,
    chunk: Uint8Array,
  ): Promise<boolean> {
    if (receiver.offset + chunk.length <= size) return false;
    await receiver.discard();
    return true;
  }
}

type Next = IteratorResult<Uint8Array> | 'broken' | 'stopped';

/**
 * The next chunk, unless the transfer is stopped first. A race with one promise for the whole
 * transfer would do as well, and keep every chunk in memory until its end.
 */
function nextOrStop(transfer: Transfer): Promise<Next> {
  if (transfer.isStopped) return Promise.resolve('stopped');
  return new Promise((resolve) => {
    transfer.onStop = () => resolve('stopped');
    void nextOf(transfer.stream).then(resolve);
  });
}

async function nextOf(stream: Stream): Promise<Next> {
  try {
    return await stream.next();
  } catch {
    return 'broken';
  }
}

/** The transfer is over, whatever its stream is waiting for. */
function stop(transfer: Transfer | undefined): void {
  if (transfer === undefined) return;
  transfer.isStopped = true;
  transfer.onStop();
}

/** Lets go of a stream without waiting: it may be one that no longer moves. */
function release(stream: Stream): void {
  Promise.resolve(stream.return?.()).catch(() => undefined);
}
