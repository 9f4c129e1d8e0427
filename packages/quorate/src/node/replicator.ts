import type { RaftRpc } from '../contract/network.ts';
import type { Replication } from '../core/action.ts';
import { assert } from '../core/assert.ts';
import type { CallId, Event } from '../core/event.ts';
import type { AppendEntriesResponse, VoteRequest, VoteResponse } from '../core/message.ts';
import type { Entry, Term } from '../core/types.ts';
import { StoppedError } from '../errors.ts';
import type { Timer } from '../platform/runtime.ts';
import { buggify } from '../platform/sites.ts';
import { hadNoEffect } from './far-refusal.ts';
import { entryBytes } from './log-tail.ts';
import { late, OpenCall } from './open-call.ts';
import type { PeersOptions } from './peers.ts';
import { SnapshotSender } from './snapshot-sender.ts';
import { isThenable } from './thenable.ts';

export interface ReplicatorOptions extends PeersOptions {
  readonly connection: RaftRpc & AsyncDisposable;
  readonly to: { readonly node: string; readonly incarnation?: string };
  /** What the connection was made from, to see a change. */
  readonly address: string;
}

/**
 * The calls to one other node. Each has a deadline and ends in exactly one event, an answer or
 * `unanswered`. A node that refuses connections is left alone for a while that grows up to half the
 * shortest election timeout, so that it is found again before it campaigns.
 */
export class Replicator {
  readonly #options: ReplicatorOptions;
  readonly #calls = new Map<CallId, OpenCall>();
  readonly #snapshots: SnapshotSender;
  #timer: { readonly handle: Timer; readonly at: number } | undefined = undefined;
  #failures = 0;
  #restUntil = -Infinity;
  /** Payload of the appends that are not answered. */
  #bytesUnderWay = 0;
  #isClosed = false;

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    this.#snapshots = new SnapshotSender({ ...options, store: options.snapshots });
  }

  get address(): string {
    return this.#options.address;
  }

  get connection(): RaftRpc {
    return this.#options.connection;
  }

  get to(): ReplicatorOptions['to'] {
    return this.#options.to;
  }

  get openCalls(): number {
    return this.#calls.size;
  }

  requestVote(call: CallId, rpc: VoteRequest): void {
    const open = this.#open(call, this.#options.config.electionTimeoutMs.max);
    if (open === undefined) return;
    this.#await(
      open,
      promiseOf(() => this.#options.connection.requestVote(rpc, open)),
      (response: VoteResponse) => ({ type: 'voteAnswered', call, response }),
    );
  }

  /** Sends what of the range fits one call, and reports how much that was. */
  replicate(call: CallId, range: Replication): void {
    const { log, config, post, currentTerm } = this.#options;
    if (range.previous.index === range.last) {
      this.#append(call, range, [], { timeoutMs: config.electionTimeoutMs.max, bytes: 0 });
      return;
    }
    // However it came by what is purged: it needs the snapshot no more.
    this.#snapshots.stop('The node goes on with entries.');
    const next = range.previous.index + 1;
    const to = buggify('replicator.sendOne') ? next : range.last;
    const entries = log.read(next, to + 1, config.maxAppendBytes);
    if (!(entries instanceof Promise)) {
      this.#appendEntries(call, range, entries);
      return;
    }
    // While it was read, another leader may have changed the log, or a snapshot have purged it.
    const isOutdated = (): boolean =>
      currentTerm() !== range.term || range.previous.index < log.purgedTo;
    entries
      .then((read) => {
        if (isOutdated()) post({ type: 'unanswered', call });
        else this.#appendEntries(call, range, read);
      })
      .catch((cause: unknown) => {
        if (isOutdated()) post({ type: 'unanswered', call });
        else this.#options.onFailure(cause);
      });
  }

  sendSnapshot(call: CallId, term: Term): void {
    if (this.#isClosed) this.#options.post({ type: 'unanswered', call });
    else this.#snapshots.send(call, term);
  }

  /** Only a failure is reported: whoever was reached campaigns, and is heard of by that. */
  timeoutNow(call: CallId, term: Term): void {
    const open = this.#open(call, this.#options.config.electionTimeoutMs.max);
    if (open === undefined) return;
    this.#await(
      open,
      promiseOf(() => this.#options.connection.timeoutNow({ term, leader: open.from.node }, open)),
      () => undefined,
    );
  }

  stopSnapshot(): void {
    this.#snapshots.stop('This node no longer leads.');
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#snapshots.stop('The connection to this node was given up.');
    this.#timer?.handle.cancel();
    const reason = new StoppedError('The connection to this node was given up.', {
      maybeApplied: true,
    });
    for (const open of [...this.#calls.values()]) this.#end(open, reason);
    await this.#options.connection[Symbol.asyncDispose]();
  }

  #appendEntries(call: CallId, range: Replication, entries: readonly Entry[]): void {
    const { config } = this.#options;
    const last = entries[entries.length - 1]?.logId.index;
    assert(last !== undefined, () => `entry ${range.previous.index + 1} must be there to be sent`);
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    // What went out before it is answered before it: behind a large one, a small one takes as long.
    const timeoutMs = config.callTimeoutMs + (this.#bytesUnderWay + bytes) / 1024;
    this.#append(call, range, entries, { timeoutMs, bytes });
  }

  #append(
    call: CallId,
    range: Replication,
    entries: readonly Entry[],
    { timeoutMs, bytes }: { readonly timeoutMs: number; readonly bytes: number },
  ): void {
    const { connection, post } = this.#options;
    const open = this.#open(call, timeoutMs);
    if (open === undefined) {
      this.#reportSent(call, entries);
      return;
    }
    const { term, previous, committed } = range;
    const request = { term, leader: open.from.node, previous, entries, committed };
    let answer: Promise<AppendEntriesResponse> | AppendEntriesResponse;
    try {
      answer = connection.appendEntries(request, open);
    } catch (thrown) {
      answer = Promise.reject(thrown);
    }
    // Reported only now, since what follows may be sent at once.
    if (isThenable(answer)) {
      open.bytes = bytes;
      this.#await(open, answer, (response) => ({ type: 'appendAnswered', call, response }));
      this.#reportSent(call, entries);
      return;
    }
    // Where the answer is there it says as much.
    const isWhole = previous.index + entries.length === range.last;
    if (!isWhole) this.#reportSent(call, entries);
    this.#failures = 0;
    post({ type: 'appendAnswered', call, response: answer });
  }

  /** A heartbeat goes nowhere in the log. */
  #reportSent(call: CallId, entries: readonly Entry[]): void {
    const last = entries[entries.length - 1]?.logId.index;
    if (last !== undefined) this.#options.post({ type: 'sent', call, last });
  }

  /** Returns a call to be made, or reports it unanswered if the node is to be left alone now. */
  #open(call: CallId, timeoutMs: number): OpenCall | undefined {
    const { post, identity, to } = this.#options;
    if (this.#isClosed || this.#isResting) {
      post({ type: 'unanswered', call, hadNoEffect: true });
      return undefined;
    }
    return new OpenCall(call, identity(), to, timeoutMs);
  }

  get #isResting(): boolean {
    if (this.#restUntil === -Infinity) return false;
    if (this.#options.runtime.now() < this.#restUntil) return true;
    this.#restUntil = -Infinity;
    return false;
  }

  /** Puts a call on the books until its answer comes. */
  #await<Response>(
    open: OpenCall,
    answer: PromiseLike<Response>,
    event: (response: Response) => Event | undefined,
  ): void {
    open.deadline = this.#options.runtime.now() + open.timeoutMs;
    this.#calls.set(open.call, open);
    this.#bytesUnderWay += open.bytes;
    this.#arm(open.deadline);
    answer.then(
      (response) => {
        this.#failures = 0;
        if (!this.#remove(open)) return;
        const answered = event(response);
        if (answered !== undefined) this.#options.post(answered);
      },
      (reason: unknown) => {
        if (!this.#calls.has(open.call)) return;
        this.#rest();
        this.#end(open, reason);
      },
    );
  }

  #rest(): void {
    const { config, runtime } = this.#options;
    const longestMs = config.electionTimeoutMs.min / 2;
    const restMs = Math.min(longestMs, (config.heartbeatMs / 4) * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#restUntil = runtime.now() + restMs;
  }

  /** Takes a call off the books; `false` if it was not on them any more. */
  #remove(open: OpenCall): boolean {
    if (!this.#calls.delete(open.call)) return false;
    this.#bytesUnderWay -= open.bytes;
    return true;
  }

  #end(open: OpenCall, reason: unknown): void {
    this.#remove(open);
    open.abort(reason);
    const effect = hadNoEffect(reason, open.to.node) ? ({ hadNoEffect: true } as const) : {};
    this.#options.post({ type: 'unanswered', call: open.call, ...effect });
  }

  /** One timer for all calls: it rings at the earliest deadline and looks who is late. */
  #arm(deadline: number): void {
    if (this.#timer !== undefined && this.#timer.at <= deadline) return;
    this.#timer?.handle.cancel();
    const { runtime } = this.#options;
    const ms = Math.ceil(deadline - runtime.now());
    this.#timer = { handle: runtime.setTimer(() => this.#ring(), ms), at: deadline };
  }

  #ring(): void {
    this.#timer = undefined;
    const now = this.#options.runtime.now();
    let next = Infinity;
    for (const open of [...this.#calls.values()]) {
      if (open.deadline > now) next = Math.min(next, open.deadline);
      else this.#end(open, late(open));
    }
    if (next < Infinity && !this.#isClosed) this.#arm(next);
  }
}

/** A network that throws at once is as good as one that rejects. */
function promiseOf<Response>(ask: () => Promise<Response>): Promise<Response> {
  try {
    return ask();
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}
