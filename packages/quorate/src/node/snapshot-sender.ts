import type { RaftRpc } from '../contract/network.ts';
import type { Snapshot, SnapshotStore } from '../contract/snapshot-store.ts';
import type { CallId, Event } from '../core/event.ts';
import type { InstallSnapshotResponse } from '../core/message.ts';
import type { Identity, NodeId, Term } from '../core/types.ts';
import { StoppedError, UnreachableError } from '../errors.ts';
import type { Runtime } from '../platform/runtime.ts';
import { buggify, mark } from '../platform/sites.ts';
import type { RaftConfig } from './options.ts';
import type { SendPace } from './send-pace.ts';
import { withSignal } from './signal.ts';
import { sleep } from './sleep.ts';
import { StallWatch } from './stall-watch.ts';
import type { Transfers } from './transfers.ts';

export interface SnapshotSenderOptions {
  readonly connection: Pick<RaftRpc, 'installSnapshot'>;
  readonly to: { readonly node: NodeId; readonly incarnation?: string };
  readonly store: SnapshotStore;
  readonly transfers: Transfers;
  readonly pace: SendPace;
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly identity: () => Identity;
  readonly post: (event: Event) => void;
  /** One could not be sent; it is tried again later. */
  readonly onSnapshotNotSent?: (to: NodeId, error: unknown) => void;
}

/** Answers in a row that brought the follower no further before the transfer is given up. */
const maxIdleAnswers = 3;
/** Calls in a row that broke, likewise: with the rests between them time enough for a restart. */
const maxBrokenCalls = 8;
/** After a call that broke, the next one waits this long, and twice as long each time. */
const firstRestMs = 100;
const longestRestMs = 5000;

/** One snapshot on its way to one follower, over as many calls as that takes. */
interface Transfer {
  readonly snapshot: Snapshot;
  readonly term: Term;
  readonly under: AbortController;
  /** What the follower has stored, as far as it has said. */
  stored: number;
  /** The furthest that it ever was. */
  furthest: number;
  /** Some of it has gone out, so there is something to lose by beginning with another one. */
  hasMoved: boolean;
  idleAnswers: number;
  brokenCalls: number;
}

/**
 * Sends the newest snapshot to one other node. The follower's pull is the pace; each call goes on
 * where the follower says that it has stored up to. A call may take as long as it moves: what ends
 * it is `snapshotStallMs` without a chunk or an answer. Once something has gone out, calls that
 * break are repeated for the same snapshot, which is kept for that: else a follower on a bad line
 * would be sent the beginning of one snapshot after the other.
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  #under: AbortController | undefined = undefined;
  /** Where the last transfer ended, for the next one of the same snapshot. */
  #left: { readonly id: string; readonly stored: number } | undefined = undefined;
  #failures = 0;
  #restUntil = -Infinity;

  constructor(options: SnapshotSenderOptions) {
    this.#options = options;
  }

  /** Ends in one event: `snapshotAnswered` or `unanswered`. */
  send(call: CallId, term: Term): void {
    const { runtime, post } = this.#options;
    this.stop('Another transfer takes its place.');
    if (runtime.now() < this.#restUntil) {
      post({ type: 'unanswered', call });
      return;
    }
    const under = new AbortController();
    this.#under = under;
    this.#send(term, under)
      .then((response) => {
        this.#failures = 0;
        post({ type: 'snapshotAnswered', call, response });
      })
      .catch((error: unknown) => {
        // One that this node gave up says nothing about the other.
        if (!(under.signal.reason instanceof StoppedError)) {
          this.#restUntil = runtime.now() + this.#nextRestMs();
          this.#options.onSnapshotNotSent?.(this.#options.to.node, error);
        }
        post({ type: 'unanswered', call });
      })
      .finally(() => {
        if (this.#under === under) this.#under = undefined;
      });
  }

  stop(why: string): void {
    this.#under?.abort(new StoppedError(why));
  }

  /** Returns the answer that says that the follower has it, or that this node leads no more. */
  async #send(term: Term, under: AbortController): Promise<InstallSnapshotResponse> {
    const { store, transfers } = this.#options;
    const place = await Place.take(transfers, under.signal);
    let kept: AsyncIterator<Uint8Array> | undefined;
    try {
      const snapshot = await store.current();
      if (snapshot === undefined)
        throw new Error('Broken invariant: there is no snapshot to send.');
      kept = await keep(snapshot);
      const left = this.#whereLeft(snapshot.meta.id);
      const nothingYet = { hasMoved: false, idleAnswers: 0, brokenCalls: 0 };
      const transfer = { snapshot, term, under, stored: left, furthest: left, ...nothingYet };
      return await this.#transfer(transfer, place);
    } finally {
      place.leave();
      await kept?.return?.();
    }
  }

  /** How far the last transfer of this snapshot came. */
  #whereLeft(id: string): number {
    if (this.#left?.id !== id || buggify('sender.forgetPlace')) return 0;
    mark('sender.goesOn');
    return this.#left.stored;
  }

  async #transfer(transfer: Transfer, place: Place): Promise<InstallSnapshotResponse> {
    const { snapshot, term } = transfer;
    let mustAsk = false;
    for (;;) {
      const offset = mustAsk ? snapshot.size : transfer.stored;
      let response: InstallSnapshotResponse;
      try {
        response = await this.#call(transfer, offset);
      } catch (error) {
        await this.#rest(transfer, place, error);
        // How much of that call has come is the follower's to say; nothing is sent to ask it.
        mustAsk = true;
        continue;
      }
      if (response.term > term || response.match >= snapshot.meta.lastLogId.index) {
        this.#left = undefined;
        return response;
      }
      this.#learn(transfer, response, { isAnswerOnly: mustAsk });
      mustAsk = false;
    }
  }

  #learn(
    transfer: Transfer,
    response: InstallSnapshotResponse,
    { isAnswerOnly }: { isAnswerOnly: boolean },
  ): void {
    const { snapshot, furthest } = transfer;
    const stored = Math.min(Math.max(0, response.stored), snapshot.size);
    transfer.stored = stored;
    transfer.hasMoved = true;
    this.#left = { id: snapshot.meta.id, stored };
    // The first answer tells where to go on; from then on each must bring it further.
    if (stored > furthest) {
      transfer.furthest = stored;
      transfer.idleAnswers = 0;
      transfer.brokenCalls = 0;
      this.#failures = 0;
    } else if (!isAnswerOnly) {
      transfer.idleAnswers += 1;
      if (transfer.idleAnswers < maxIdleAnswers) return;
      throw new UnreachableError(`Node ${this.#options.to.node} takes no more of the snapshot.`);
    }
  }

  /** Waits for the next call, if there is to be one. Others may send meanwhile. */
  async #rest(transfer: Transfer, place: Place, error: unknown): Promise<void> {
    const { signal } = transfer.under;
    mark('sender.callBroke');
    transfer.brokenCalls += 1;
    if (signal.aborted || !transfer.hasMoved || transfer.brokenCalls >= maxBrokenCalls) throw error;
    place.leave();
    await sleep(this.#options.runtime, this.#nextRestMs(), signal);
    await place.enter(signal);
  }

  async #call(transfer: Transfer, offset: number): Promise<InstallSnapshotResponse> {
    const { connection, to, identity, runtime, config } = this.#options;
    const { snapshot, term, under } = transfer;
    under.signal.throwIfAborted();
    const from = identity();
    const { meta, size, checksum } = snapshot;
    const ended = new AbortController();
    const end = (): void => ended.abort(under.signal.reason);
    under.signal.addEventListener('abort', end, { once: true });
    const watch = new StallWatch(runtime, config.snapshotStallMs, () => {
      const what = `has taken nothing of the snapshot for ${config.snapshotStallMs} ms`;
      ended.abort(new UnreachableError(`Node ${to.node} ${what}.`));
    });
    const { signal } = ended;
    const chunks = this.#paced(transfer, offset, watch, signal);
    try {
      const request = { term, leader: from.node, meta, offset, size, checksum };
      const options = { from, to, signal };
      return await withSignal(connection.installSnapshot(request, chunks, options), signal);
    } finally {
      watch.end();
      under.signal.removeEventListener('abort', end);
      // A network may leave a stream where it was; what is open under it must not stay open.
      ended.abort(new StoppedError('The call is over.'));
      chunks.return().catch(() => undefined);
    }
  }

  async *#paced(
    transfer: Transfer,
    offset: number,
    watch: StallWatch,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { pace } = this.#options;
    for await (const chunk of transfer.snapshot.chunks(offset)) {
      for (const piece of pace.pieces(chunk)) {
        watch.isHeld = true;
        await pace.pay(piece.length, signal);
        watch.isHeld = false;
        watch.moved();
        transfer.hasMoved = true;
        yield piece;
        watch.moved();
      }
    }
  }

  #nextRestMs(): number {
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return restMs;
  }
}

/**
 * Keeps a snapshot readable from any place until the returned iterator is ended, also when a newer
 * one has replaced it. It stands at the last byte, so that next to nothing is read for it.
 */
async function keep(snapshot: Snapshot): Promise<AsyncIterator<Uint8Array>> {
  const last = snapshot.chunks(Math.max(0, snapshot.size - 1))[Symbol.asyncIterator]();
  await last.next();
  return last;
}

/** A place among those who may send. It is given back for a while when nothing can be sent. */
class Place {
  readonly #transfers: Transfers;
  #release: (() => void) | undefined = undefined;

  static async take(transfers: Transfers, signal: AbortSignal): Promise<Place> {
    const place = new Place(transfers);
    await place.enter(signal);
    return place;
  }

  private constructor(transfers: Transfers) {
    this.#transfers = transfers;
  }

  async enter(signal: AbortSignal): Promise<void> {
    this.#release = await this.#transfers.enter(signal);
  }

  leave(): void {
    this.#release?.();
    this.#release = undefined;
  }
}
