import type { SnapshotReceiver, SnapshotStore } from '../contract/snapshot-store.ts';
import type { Event, RequestId } from '../core/event.ts';
import type { InstallSnapshotRequest } from '../core/message.ts';
import type { Term } from '../core/types.ts';
import { DamagedError } from '../errors.ts';

export interface ReceivingOptions {
  readonly store: SnapshotStore;
  readonly post: (event: Event) => void;
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
  /** Resolves when the transfer is to stop, whatever the stream is waiting for. */
  readonly stopped: Promise<'stopped'>;
  readonly stop: () => void;
}

/**
 * Takes snapshots from the leader into the store: one at a time, the newest call takes over. What
 * breaks off is kept aside by the store, and a later call goes on from there. A snapshot that
 * cannot be stored costs this call and nothing else; nothing was promised by it.
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
    this.#current?.stop();
    const { promise: stopped, resolve } = Promise.withResolvers<'stopped'>();
    const transfer = { request, rpc, stream, stopped, stop: () => resolve('stopped') };
    this.#current = transfer;
    this.#last = this.#last.then(() => this.#run(transfer));
  }

  /**
   * The node's term is now `term`. Whoever sent in an older one leads no more and may be gone; its
   * stream must not be waited for, since nothing is built as long as one is being received.
   */
  enterTerm(term: Term): void {
    if (this.#current !== undefined && this.#current.rpc.term < term) this.#current.stop();
  }

  /** Stops the transfer under way; what came so far stays where the store keeps it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#current?.stop();
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
    const { request, rpc, stream, stopped } = transfer;
    const receiver = await this.#options.store.receive(rpc.meta);
    const failed = (): Event => ({ type: 'snapshotFailed', request, stored: receiver.offset });
    if (receiver.offset !== rpc.offset) return failed();
    while (receiver.offset < rpc.size) {
      const next = await Promise.race([nextOf(stream), stopped]);
      if (next === 'stopped' || next === 'broken' || next.done === true) return failed();
      if (await this.#isTooLong(receiver, rpc, next.value)) {
        return { type: 'snapshotFailed', request, stored: 0 };
      }
      await receiver.write(next.value);
    }
    await receiver.finish({ size: rpc.size, checksum: rpc.checksum });
    return { type: 'snapshotReceived', request, meta: rpc.meta };
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

async function nextOf(stream: Stream): Promise<IteratorResult<Uint8Array> | 'broken'> {
  try {
    return await stream.next();
  } catch {
    return 'broken';
  }
}

/** Lets go of a stream without waiting: it may be one that no longer moves. */
function release(stream: Stream): void {
  Promise.resolve(stream.return?.()).catch(() => undefined);
}
