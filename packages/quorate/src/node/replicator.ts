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
      () => this.#options.connection.requestVote(rpc, open),
      (response: VoteResponse) => ({ type: 'voteAnswered', call, response }),
    );
  }

  /** Sends what of the range fits one call, and reports how much that was. */
  replicate(call: CallId, range: Replication): void {
    const { log, config, post, currentTerm } = this.#options;
    if (range.previous.index === range.last) {
      this.#append(call, range, [], config.electionTimeoutMs.max);
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
      () => this.#options.connection.timeoutNow({ term, leader: open.from.node }, open),
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
    const { config, post } = this.#options;
    const last = entries.at(-1)?.logId.index;
    assert(last !== undefined, () => `entry ${range.previous.index + 1} must be there to be sent`);
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    this.#append(call, range, entries, config.callTimeoutMs + bytes / 1024);
    post({ type: 'sent', call, last });
  }

  #append(call: CallId, range: Replication, entries: readonly Entry[], timeoutMs: number): void {
    const open = this.#open(call, timeoutMs);
    if (open === undefined) return;
    const { term, previous, committed } = range;
    const { connection } = this.#options;
    const leader = open.from.node;
    this.#await(
      open,
      () => connection.appendEntries({ term, leader, previous, entries, committed }, open),
      (response: AppendEntriesResponse) => ({ type: 'appendAnswered', call, response }),
    );
  }

  /** Puts a call on the books, or reports it unanswered if the node is to be left alone now. */
  #open(call: CallId, timeoutMs: number): OpenCall | undefined {
    const { runtime, post, identity, to } = this.#options;
    const now = runtime.now();
    if (this.#isClosed || now < this.#restUntil) {
      post({ type: 'unanswered', call, hadNoEffect: true });
      return undefined;
    }
    const open = new OpenCall(call, { from: identity(), to, now, timeoutMs });
    this.#calls.set(call, open);
    this.#arm(open.deadline);
    return open;
  }

  #await<Response>(
    open: OpenCall,
    ask: () => Promise<Response>,
    event: (response: Response) => Event | undefined,
  ): void {
    let answer: Promise<Response>;
    try {
      answer = ask();
    } catch (thrown) {
      // A network that throws at once is as good as one that rejects.
      answer = Promise.reject(thrown);
    }
    answer.then(
      (response) => {
        this.#failures = 0;
        if (!this.#calls.delete(open.call)) return;
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

  #end(open: OpenCall, reason: unknown): void {
    this.#calls.delete(open.call);
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
