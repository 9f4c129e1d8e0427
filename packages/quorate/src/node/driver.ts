import type { Action, Answer } from '../core/action.ts';
import { assertNever } from '../core/assert.ts';
import type { Event, RequestId } from '../core/event.ts';
import type { InstallSnapshotRequest } from '../core/message.ts';
import type { RaftCore } from '../core/raft-core.ts';
import type { EffectiveMembership, LogId, LogIndex, SnapshotMeta } from '../core/types.ts';
import type { Runtime, Timer } from '../platform/runtime.ts';
import { buggify, mark } from '../platform/sites.ts';
import type { Write } from './log.ts';
import type { TurnClock } from './turn-clock.ts';
import type { Witness } from './witness.ts';

/** A timer that is later than this was kept waiting by something that kept input waiting too. */
const lateRingMs = 10;

/** As many places for events are kept from turn to turn. */
const mostPlaces = 1024;

/** Where the driver's actions go. */
export interface Effects {
  readonly log: {
    persist(write: Write): void;
    purge(logId: LogId, options: { all: boolean }): void;
  };
  readonly peers: {
    replicate(action: Extract<Action, { type: 'replicate' }>): void;
    requestVote(action: Extract<Action, { type: 'requestVote' }>): void;
    sendSnapshot(action: Extract<Action, { type: 'sendSnapshot' }>): void;
    timeoutNow(action: Extract<Action, { type: 'timeoutNow' }>): void;
    follow(membership: EffectiveMembership): void;
  };
  readonly applier: { applyUpTo(index: LogIndex): void };
  readonly snapshots: {
    receive(request: RequestId, rpc: InstallSnapshotRequest): void;
    restore(meta: SnapshotMeta): void;
  };
  readonly requests: { answer(request: RequestId, answer: Answer): void };
  readonly witness: Pick<Witness, 'saw'>;
  /** The node no longer leads; what it appended after `committed` may or may not come to be. */
  readonly onLeadershipLost: (committed: LogIndex) => void;
  /** Something that can be looked at may have changed. */
  readonly onStep: () => void;
  /** A broken invariant or a throw from our own code: the node cannot go on. */
  readonly onFailure: (cause: unknown) => void;
}

/**
 * The one loop of a node: an event in, one step of the core, its actions started, the timer set.
 * It waits for nothing; what takes time comes back as another event.
 */
export class Driver {
  readonly #core: RaftCore;
  readonly #runtime: Runtime;
  readonly #effects: Effects;
  readonly #clock: TurnClock;
  /** The first `#count` places hold the events of this turn; those looked at are empty again. */
  #events: (Event | undefined)[] = [];
  #count = 0;
  #isRunning = false;
  #isStopped = false;
  #timer: { readonly handle: Timer; readonly at: number } | undefined = undefined;

  constructor(core: RaftCore, clock: TurnClock, effects: Effects) {
    this.#core = core;
    this.#runtime = clock.runtime;
    this.#clock = clock;
    this.#effects = effects;
    this.#effects.peers.follow(core.view.membership);
    this.#arm();
  }

  get core(): RaftCore {
    return this.#core;
  }

  /** Takes an event and works until there is no more; called from within, it only queues. */
  post(event: Event): void {
    if (this.#isStopped) return;
    this.#events[this.#count] = event;
    this.#count += 1;
    if (!this.#isRunning) this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#events = [];
    this.#count = 0;
    this.#timer?.handle.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    this.#isRunning = true;
    this.#clock.isInTurn = true;
    try {
      for (let at = 0; at < this.#count; at += 1) {
        const event = this.#events[at] as Event;
        this.#events[at] = undefined;
        const isEcho = at > 0 && isConsequence(event);
        this.#step(event, isEcho ? this.#clock.last : this.#clock.now());
      }
      this.#count = 0;
      if (this.#events.length > mostPlaces) this.#events = [];
      if (!this.#isStopped) this.#arm();
      this.#effects.onStep();
    } catch (cause) {
      this.stop();
      this.#effects.onFailure(cause);
    } finally {
      this.#isRunning = false;
      this.#clock.isInTurn = false;
    }
  }

  #step(event: Event, now: number): void {
    const { state } = this.#core;
    const ledBefore = state.leadership !== undefined;
    const membership = state.membership;
    const actions = this.#core.step(event, now);
    if (state.membership !== membership) this.#effects.peers.follow(state.membership);
    for (const action of actions) this.#start(action);
    if (ledBefore && state.leadership === undefined) {
      // What the same step truncates is no longer ours, even if its place is committed by now.
      const kept = actions.find((action) => action.type === 'persist')?.truncate ?? Infinity;
      this.#effects.onLeadershipLost(Math.min(state.committed, kept));
    }
    this.#effects.witness.saw(event, actions, state);
  }

  #start(action: Action): void {
    switch (action.type) {
      case 'persist':
        return this.#effects.log.persist(action);
      case 'reply':
        return this.#effects.requests.answer(action.request, action.answer);
      case 'replicate':
        return this.#effects.peers.replicate(action);
      case 'requestVote':
        return this.#effects.peers.requestVote(action);
      case 'apply':
        return this.#effects.applier.applyUpTo(action.index);
      case 'sendSnapshot':
        return this.#effects.peers.sendSnapshot(action);
      case 'timeoutNow':
        return this.#effects.peers.timeoutNow(action);
      case 'receiveSnapshot':
        return this.#effects.snapshots.receive(action.request, action.rpc);
      case 'restore':
        return this.#effects.snapshots.restore(action.meta);
      case 'purge':
        return this.#effects.log.purge(action.logId, {
          all: this.#core.state.last.index === action.logId.index,
        });
      default:
        return assertNever(action);
    }
  }

  /** Sets the timer anew only if the core wants to wake earlier; a late wish waits for the ring. */
  #arm(): void {
    const at = this.#core.wakeAt;
    if (at === Infinity || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#setTimer(at);
  }

  #setTimer(at: number): void {
    this.#timer?.handle.cancel();
    const ms = Math.max(0, Math.ceil(at - this.#runtime.now()));
    this.#timer = { handle: this.#runtime.setTimer(() => this.#ring(at), ms), at };
  }

  /** A stalled event loop makes the timer late, and the answers that came meanwhile are later. */
  #ring(at: number): void {
    this.#timer = undefined;
    if (this.#isStopped) return;
    const isLate = this.#runtime.now() - at > lateRingMs;
    if (isLate) mark('driver.lateTimer');
    if (isLate || buggify('driver.yieldFirst')) this.#runtime.yieldToIo(() => this.#wake());
    else this.#wake();
  }

  #wake(): void {
    if (this.#isStopped) return;
    if (this.#runtime.now() >= this.#core.wakeAt) this.post({ type: 'wake' });
    else this.#arm();
  }
}

/**
 * What a turn's own steps led to at once has the time read last, which lies before its own: calls
 * that it leads to look older, which makes a lease shorter and never longer. For everything else
 * the clock is read anew: a lease that ended meanwhile must not look alive to a read, and loyalty
 * to a leader must not begin before that one made its call.
 */
function isConsequence({ type }: Event): boolean {
  return type === 'sent' || type === 'persisted' || type === 'applied' || type === 'appendAnswered';
}
