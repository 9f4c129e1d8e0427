import type { Action, Answer } from '../core/action.ts';
import type { CallId, Event } from '../core/event.ts';
import type { CoreState } from '../core/state.ts';
import type { LogId, LogIndex, NodeId } from '../core/types.ts';
import type { FatalError } from '../errors.ts';
import { OverloadedError } from '../errors.ts';
import { type BookedCall, CallBook } from './call-book.ts';
import { Changes } from './changes.ts';
import { Counters } from './counters.ts';
import { channels, publish } from './diagnostics.ts';
import { Begun, LatencyRecord } from './latencies.ts';
import { Journal, type Logger } from './logger.ts';

export interface WitnessOptions {
  readonly id: NodeId;
  readonly logger: Logger | undefined;
  /** A follower that has not answered for so long is worth a line, and so is a disk. */
  readonly silentMs: number;
}

/**
 * Sees every step of the core, and keeps count: what happened how often, how long it took, and what
 * of it is to be told. Takes the time from the step, so it reads no clock; decides nothing.
 */
export class Witness {
  readonly counters: Counters = new Counters();
  readonly latencies: LatencyRecord = new LatencyRecord();
  readonly #node: NodeId;
  readonly #journal: Journal;
  readonly #changes: Changes;
  readonly #calls = new CallBook();
  readonly #persisting = new Begun();
  readonly #committing = new Begun();
  readonly #silentMs: number;
  /** Followers of this leader that have gone silent; the others learn nothing of it. */
  readonly #silent = new Set<NodeId>();
  #isDiskSilent = false;

  constructor({ id, logger, silentMs }: WitnessOptions) {
    this.#node = id;
    this.#silentMs = silentMs;
    this.#journal = new Journal(id, logger);
    this.#changes = new Changes(id, this.#journal, this.counters);
  }

  /** The node has recovered and takes part from now on. */
  started(state: Readonly<CoreState>): void {
    const { term, log, applied, role } = state;
    this.#changes.begin(state);
    this.#journal.write('started', { term, role, last: log.last.index, applied });
  }

  /** The node ends: closed by its owner, or by itself. */
  ended(fatal: FatalError | undefined): void {
    if (fatal === undefined) {
      this.#journal.write('closed');
      return;
    }
    this.#journal.write('stopped by itself', { err: fatal });
    publish('quorate:fatal', { node: this.#node, error: fatal });
  }

  /** The core took `event` and answered with `actions`; `state` is what came of it. */
  saw(event: Event, actions: readonly Action[], state: Readonly<CoreState>): void {
    this.#count(event, state);
    for (const action of actions) this.#begin(action, state);
    if (this.#changes.follow(state)) this.#forget(state);
    this.#seeDisk(state.diskSilentMs);
    if (this.#changes.hasCommitted)
      this.#committing.end(state.committed, state.now, this.latencies.commit);
  }

  /** A call of the application was not let in. */
  turnedAway(error: unknown): void {
    if (error instanceof OverloadedError) this.counters.refused.overloaded += 1;
  }

  snapshotNotBuilt(error: unknown): void {
    this.counters.snapshotsFailed += 1;
    this.#journal.write('a snapshot could not be built', { err: error });
    publish('quorate:snapshot', { node: this.#node, type: 'failed', error });
  }

  snapshotNotSent(to: NodeId, error: unknown): void {
    this.counters.snapshotsFailed += 1;
    this.#journal.write('a snapshot could not be sent', { to, err: error });
    publish('quorate:snapshot', { node: this.#node, type: 'failed', to, error });
  }

  #count(event: Event, state: Readonly<CoreState>): void {
    const { counters } = this;
    switch (event.type) {
      case 'appendEntries': {
        const { length } = event.rpc.entries;
        if (length === 0) counters.heartbeatsReceived += 1;
        else counters.appendsReceived += 1;
        counters.entriesReceived += length;
        return;
      }
      case 'sent':
        return this.#sent(this.#calls.find(event.call), event.last);
      case 'persisted':
        return this.#persisting.end(event.write, state.now, this.latencies.persist);
      case 'voteAnswered':
      case 'appendAnswered':
        return this.#answered(event.call, state);
      case 'snapshotAnswered':
        return this.#snapshotAnswered(event.call, state);
      case 'unanswered':
        return this.#unanswered(event.call, state);
      case 'snapshotBuilt':
        counters.snapshotsBuilt += 1;
        return this.#snapshotHere('built', event.meta.lastLogId);
      case 'snapshotReceived':
        counters.snapshotsReceived += 1;
        return this.#snapshotHere('received', event.meta.lastLogId);
      case 'snapshotFailed':
        counters.snapshotsFailed += 1;
        this.#journal.write('a snapshot did not come whole', { stored: event.stored });
        return publish('quorate:snapshot', { node: this.#node, type: 'failed' });
      default:
        return undefined;
    }
  }

  #begin(action: Action, { now, leadership }: Readonly<CoreState>): void {
    switch (action.type) {
      case 'persist': {
        this.#persisting.begin(action.write, now);
        const last = action.append?.at(-1)?.logId.index;
        if (last !== undefined && leadership !== undefined) this.#committing.begin(last, now);
        return;
      }
      case 'replicate': {
        const { previous, last } = action.range;
        const isHeartbeat = previous.index === last;
        const type = isHeartbeat ? 'heartbeat' : 'append';
        if (isHeartbeat) this.counters.heartbeatsSent += 1;
        const call = this.#calls.begin(action.call, type, action.to, now);
        call.previous = previous.index;
        call.last = last;
        return;
      }
      case 'requestVote':
        this.#calls.begin(action.call, 'vote', action.to, now);
        return;
      case 'sendSnapshot':
        this.#calls.begin(action.call, 'snapshot', action.to, now);
        return;
      case 'timeoutNow':
        this.#calls.begin(action.call, 'timeoutNow', action.to, now);
        return;
      case 'reply':
        return this.#replied(action.answer);
      default:
    }
  }

  #replied(answer: Answer): void {
    if (answer.type === 'refused') this.counters.refused[answer.why.type] += 1;
  }

  #sent(call: BookedCall | undefined, last: LogIndex): void {
    this.counters.appendsSent += 1;
    this.counters.entriesSent += last - (call?.previous ?? last);
    if (call !== undefined) call.isCounted = true;
  }

  #answered(call: CallId, { now }: Readonly<CoreState>): void {
    const ended = this.#calls.end(call);
    if (ended === undefined) return;
    const { to, type, at } = ended;
    const ms = now - at;
    if (type === 'append') {
      this.latencies.replicate.record(ms);
      // Answered at once: nobody said before that it was sent.
      if (!ended.isCounted) this.#sent(ended, ended.last);
    }
    if (channels['quorate:call'].hasSubscribers) {
      publish('quorate:call', { node: this.#node, to, type, ms, isAnswered: true });
    }
    if (this.#silent.size > 0 && this.#silent.delete(to)) {
      this.#journal.write('a member answers again', { to });
    }
  }

  #snapshotAnswered(call: CallId, state: Readonly<CoreState>): void {
    const to = this.#calls.find(call)?.to;
    this.#answered(call, state);
    if (to === undefined || state.leadership === undefined) return;
    this.counters.snapshotsSent += 1;
    this.#journal.write('sent a snapshot', { to });
    publish('quorate:snapshot', { node: this.#node, type: 'sent', to });
  }

  #unanswered(call: CallId, { now, leadership }: Readonly<CoreState>): void {
    this.counters.callsUnanswered += 1;
    const ended = this.#calls.end(call);
    if (ended === undefined) return;
    const { to, type, at } = ended;
    if (channels['quorate:call'].hasSubscribers) {
      publish('quorate:call', { node: this.#node, to, type, ms: now - at, isAnswered: false });
    }
    // One call that is lost is nothing to speak of; silence is, and once is enough.
    const contactAt = leadership?.progress.get(to)?.contactAt ?? now;
    if (now - contactAt < this.#silentMs || this.#silent.has(to)) return;
    this.#silent.add(to);
    this.#journal.write('a member does not answer', { to, silentMs: now - contactAt });
  }

  /** One line when it has become silent, and one when it is back. */
  #seeDisk(silentMs: number): void {
    const isSilent = silentMs >= this.#silentMs;
    if (isSilent === this.#isDiskSilent) return;
    this.#isDiskSilent = isSilent;
    if (isSilent) this.#journal.write('the disk does not answer', { silentMs });
    else this.#journal.write('the disk answers again');
  }

  #snapshotHere(type: 'built' | 'received', lastLogId: LogId): void {
    const { index, term } = lastLogId;
    this.#journal.write(`${type} a snapshot`, { index, indexTerm: term });
    publish('quorate:snapshot', { node: this.#node, type, lastLogId });
  }

  /** Role or membership is another: what was known of followers and batches may be of no use. */
  #forget({ leadership }: Readonly<CoreState>): void {
    if (leadership === undefined) this.#committing.clear();
    for (const id of this.#silent)
      if (leadership?.progress.has(id) !== true) this.#silent.delete(id);
  }
}
