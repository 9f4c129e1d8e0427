import type { RaftRpc } from '../contract/network.ts';
import type { Snapshot, SnapshotStore } from '../contract/snapshot-store.ts';
import type { CallId, Event } from '../core/event.ts';
import type { InstallSnapshotResponse } from '../core/message.ts';
import type { Identity, NodeId, Term } from '../core/types.ts';
import { StoppedError, UnreachableError } from '../errors.ts';
import type { Runtime, Timer } from '../platform/runtime.ts';
import type { RaftConfig } from './options.ts';
import { withSignal } from './signal.ts';
import type { Transfers } from './transfers.ts';

export interface SnapshotSenderOptions {
  readonly connection: Pick<RaftRpc, 'installSnapshot'>;
  readonly to: { readonly node: NodeId; readonly incarnation?: string };
  readonly store: SnapshotStore;
  readonly transfers: Transfers;
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly identity: () => Identity;
  readonly post: (event: Event) => void;
}

/** Calls in a row that brought the follower no further before the transfer is given up. */
const maxIdleCalls = 3;
/** After a transfer that failed, the next one waits this long, and twice as long each time. */
const firstRestMs = 100;
const longestRestMs = 5000;

/**
 * Sends the newest snapshot to one other node. The follower's pull is the pace; each call goes on
 * where the follower says that it has stored up to. A call may take as long as it moves: what ends
 * it is `snapshotStallMs` without a chunk or an answer.
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  #under: AbortController | undefined = undefined;
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
    this.#transfer(term, under)
      .then((response) => {
        this.#failures = 0;
        post({ type: 'snapshotAnswered', call, response });
      })
      .catch(() => {
        // One that this node gave up says nothing about the other.
        if (!(under.signal.reason instanceof StoppedError)) this.#rest();
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
  async #transfer(term: Term, under: AbortController): Promise<InstallSnapshotResponse> {
    const { store, transfers } = this.#options;
    const release = await transfers.enter(under.signal);
    try {
      const snapshot = await store.current();
      if (snapshot === undefined)
        throw new Error('Broken invariant: there is no snapshot to send.');
      let offset = 0;
      for (let idle = 0; idle < maxIdleCalls; ) {
        const response = await this.#call(snapshot, { offset, term }, under);
        if (response.term > term || response.match >= snapshot.meta.lastLogId.index) {
          return response;
        }
        const stored = Math.min(Math.max(0, response.stored), snapshot.size);
        // The first answer tells where to go on; from then on each must bring it further.
        idle = stored > offset ? 0 : idle + 1;
        if (stored > offset) this.#failures = 0;
        offset = stored;
      }
      throw new UnreachableError(`Node ${this.#options.to.node} takes no more of the snapshot.`);
    } finally {
      release();
    }
  }

  async #call(
    snapshot: Snapshot,
    { offset, term }: { offset: number; term: Term },
    under: AbortController,
  ): Promise<InstallSnapshotResponse> {
    const { connection, to, identity } = this.#options;
    const from = identity();
    const { meta, size, checksum } = snapshot;
    const watch = new StallWatch(this.#options, under);
    const { signal } = under;
    const chunks = this.#paced(snapshot.chunks(offset), watch, signal);
    try {
      return await withSignal(
        connection.installSnapshot(
          { term, leader: from.node, meta, offset, size, checksum },
          chunks,
          { from, to, signal },
        ),
        signal,
      );
    } finally {
      watch.end();
      // A network may leave a stream where it was; what is open under it must not stay open.
      chunks.return().catch(() => undefined);
    }
  }

  async *#paced(
    chunks: AsyncIterable<Uint8Array>,
    watch: StallWatch,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      watch.isHeld = true;
      await this.#options.transfers.pace(chunk.length, signal);
      watch.isHeld = false;
      watch.moved();
      yield chunk;
      watch.moved();
    }
  }

  #rest(): void {
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#restUntil = this.#options.runtime.now() + restMs;
  }
}

/** Ends a transfer in which nothing has moved for too long. */
class StallWatch {
  readonly #runtime: Runtime;
  readonly #stallMs: number;
  readonly #under: AbortController;
  /** It is this node that lets the other wait, to keep to its bandwidth. */
  isHeld = false;
  #movedAt: number;
  #timer: Timer;

  constructor({ runtime, config, to }: SnapshotSenderOptions, under: AbortController) {
    this.#runtime = runtime;
    this.#stallMs = config.snapshotStallMs;
    this.#under = under;
    this.#movedAt = runtime.now();
    this.#timer = this.#arm(to.node);
  }

  moved(): void {
    this.#movedAt = this.#runtime.now();
  }

  end(): void {
    this.#timer.cancel();
  }

  #arm(node: NodeId): Timer {
    const ms = this.#movedAt + this.#stallMs - this.#runtime.now();
    return this.#runtime.setTimer(
      () => {
        if (this.isHeld) this.moved();
        if (this.#runtime.now() - this.#movedAt < this.#stallMs) {
          this.#timer = this.#arm(node);
          return;
        }
        const what = `Node ${node} has taken nothing of the snapshot for ${this.#stallMs} ms.`;
        this.#under.abort(new UnreachableError(what));
      },
      Math.max(1, Math.ceil(ms)),
    );
  }
}
