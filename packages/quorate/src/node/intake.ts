import type { LogIndex } from '../core/types.ts';
import type { BehindError, NotLeaderError } from '../errors.ts';
import { decodeCommand, encodeCommand } from './codec.ts';
import type { Engine } from './engine.ts';
import { farHost } from './far-host.ts';
import { FollowerReads } from './follower-reads.ts';
import { Forwarding } from './forwarding.ts';
import type { Log } from './log.ts';
import type { Peers } from './peers.ts';
import { type Reader, type ReadMode, Reads } from './reads.ts';
import { noReadInQuarantine, otherTerm } from './refusal.ts';
import { Sessions } from './sessions.ts';
import { isThenable } from './thenable.ts';
import { type PendingWrite, Writes } from './writes.ts';

/** The longest that a node goes on without a look at input, output and timers. */
const longestTurnMs = 5;

/**
 * Where the application's writes and reads wait for their turn. All writes that arrive while one
 * write is on its way to the disk are proposed as one; no timer waits for a batch to fill. What
 * only a leader can do is passed on to it, or waits until there is one.
 */
export class Intake {
  readonly writes: Writes;
  readonly reads: Reads;
  readonly sessions: Sessions;
  readonly #engine: Engine;
  readonly #log: Log;
  readonly #forwarding: Forwarding;
  readonly #followerReads: FollowerReads;
  /** What `stepped` saw last. */
  #seen = {
    leader: undefined as string | undefined,
    isTransferring: false,
    mayRead: false,
  };
  /** Writes that the state machine is still looking at. */
  readonly #validating = new Set<PendingWrite>();
  #isScheduled = false;
  #yieldedAt = -Infinity;

  constructor(engine: Engine, log: Log, peers: Peers) {
    this.#engine = engine;
    this.#log = log;
    this.writes = new Writes(engine.config);
    const { id, config, runtime } = engine;
    this.reads = new Reads({ ...config, id, runtime });
    this.sessions = new Sessions({
      config: engine.config,
      runtime: engine.runtime,
      encode: (command) => encodeCommand(engine.codec, command),
      demandRunning: () => engine.demandOpen(),
      turnedAway: (error) => engine.witness.turnedAway(error),
      write: (write) => this.write(write),
    });
    const host = farHost(engine, peers);
    this.#forwarding = new Forwarding({
      ...host,
      takeBack: (write) => this.#admit(write),
      answer: (write, result) => this.writes.resolve(write, result),
      reject: (write, reason) => this.writes.reject([write], reason),
    });
    this.#followerReads = new FollowerReads({
      ...host,
      takeBack: (readers, mode) => this.#ask(readers, mode),
      answer: (readers, { term, index }) => {
        // They wait before the core hears of it: what it applies then may stop the node.
        this.reads.readable(readers, index, engine.state.applied);
        engine.post({ type: 'readIndexAnswered', term, index });
      },
      reject: (readers, reason) => this.reads.reject(readers, reason),
    });
  }

  /** Takes a write; its place is taken from here on. */
  write(write: PendingWrite): void {
    this.#engine.demandOpen();
    try {
      this.writes.reserve(write);
    } catch (error) {
      this.#turnAway(error);
    }
    if (this.#leads || !this.#mayPassOn(write)) this.#admit(write);
    else this.#forwarding.pass(write);
  }

  read(mode: ReadMode): Promise<LogIndex> {
    return new Promise((resolve, reject) => {
      this.#engine.demandOpen();
      const refusal = this.#noReads;
      if (refusal !== undefined) throw refusal;
      try {
        this.reads.add({ mode, resolve, reject });
      } catch (error) {
        this.#turnAway(error);
      }
      this.#schedule();
    });
  }

  /**
   * Proposes what waits, unless a write is on its way to the disk: then that one's end does. A node
   * that does not lead waits for no disk; one that hands over waits until it is known who leads.
   */
  flush(): void {
    if (this.reads.isWaiting && this.#mayRead) this.#flushReads();
    if (!this.writes.isWaiting) return;
    const { leadership } = this.#engine.state;
    if (leadership?.transfer !== undefined) return;
    if (leadership === undefined || !this.#log.isWriting) this.#flushWrites();
  }

  /** What is in the log after `committed` may or may not come to be. */
  loseLeadership(committed: LogIndex): void {
    this.writes.loseAfter(committed);
    this.flush();
  }

  /** The core took a step: what waits for a leader, or for the end of a transfer, may go on. */
  stepped(): void {
    const { leader, leadership } = this.#engine.state;
    const refusal = this.reads.count > 0 ? this.#noReads : undefined;
    if (refusal !== undefined) this.reads.rejectAll(refusal);
    const isTransferring = leadership?.transfer !== undefined;
    const mayRead = this.#mayRead;
    const { leader: before, isTransferring: wasTransferring, mayRead: couldRead } = this.#seen;
    if (leader === before && isTransferring === wasTransferring && mayRead === couldRead) return;
    this.#seen = { leader, isTransferring, mayRead };
    if ((wasTransferring && !isTransferring) || (mayRead && !couldRead)) this.#schedule();
    // Not within the step: the events that come of it have to be the next ones.
    if (leader !== before) queueMicrotask(() => this.#onLeaderChanged());
  }

  /** The node is about to end: what is in no log is told so; what is in it goes on. */
  stopWaiting(reason: unknown): void {
    this.writes.rejectWaiting(reason);
    const validating = [...this.#validating];
    this.#validating.clear();
    this.writes.reject(validating, reason);
  }

  stop(reason: (maybeApplied: boolean) => unknown): void {
    this.stopWaiting(reason(false));
    this.#forwarding.stop(reason);
    this.#followerReads.stop(reason(false));
    this.writes.rejectAll(reason);
    this.reads.rejectAll(reason(false));
    this.sessions.stop(reason(false));
  }

  /** There is no room. */
  #turnAway(error: unknown): never {
    this.#engine.witness.turnedAway(error);
    throw error;
  }

  /** Why no read ends well here: in quarantine the state does not get to where it has to. */
  get #noReads(): BehindError | undefined {
    const { id, members } = this.#engine;
    const { reason } = members.guard;
    return reason === undefined ? undefined : noReadInQuarantine(id, reason);
  }

  /**
   * A leader that has committed nothing in its term confirms no read, maybe for long. Its readers
   * wait here, where they end in time, and not as questions to the core, which do not.
   */
  get #mayRead(): boolean {
    const { hasCommittedInTerm } = this.#engine.state;
    return !this.#leads || hasCommittedInTerm;
  }

  get #leads(): boolean {
    return this.#engine.state.leadership !== undefined;
  }

  #mayPassOn({ isForwarded, term }: PendingWrite): boolean {
    const isBound = isForwarded !== undefined || term !== undefined;
    return this.#engine.config.forwardWrites && !isBound;
  }

  #tooLate({ term = 0 }: PendingWrite): NotLeaderError {
    const { id, state } = this.#engine;
    return otherTerm(id, term, state);
  }

  /** Takes a write that the state machine lets through to be proposed here. */
  #admit(write: PendingWrite): void {
    try {
      const valid = this.#validate(write);
      if (isThenable(valid)) {
        this.#validating.add(write);
        valid.then(
          () => {
            if (this.#validating.delete(write)) this.#enqueue(write);
          },
          (refusal: unknown) => {
            if (this.#validating.delete(write)) this.writes.reject([write], refusal);
          },
        );
        return;
      }
    } catch (refusal) {
      this.writes.reject([write], refusal);
      return;
    }
    this.#enqueue(write);
  }

  #validate({ data, entry, repeated }: PendingWrite): unknown {
    if (entry === 'session' || repeated) return undefined;
    const { codec, machine } = this.#engine;
    return machine.validate(decodeCommand(codec, data));
  }

  /** The node may have stopped while the write was looked at. */
  #enqueue(write: PendingWrite): void {
    try {
      this.#engine.demandOpen();
    } catch (stopped) {
      this.writes.reject([write], stopped);
      return;
    }
    this.writes.add(write);
    this.#schedule();
  }

  /** Writers that write again at once live on microtasks; now and then they let others in. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { runtime, clock } = this.#engine;
    // Busy writers keep it read often enough; after a pause, the first may go on at once.
    if (clock.last - this.#yieldedAt < longestTurnMs) {
      queueMicrotask(this.#turn);
      return;
    }
    runtime.yieldToIo(() => {
      this.#yieldedAt = clock.now();
      this.#turn();
    });
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  #onLeaderChanged(): void {
    this.#forwarding.leaderChanged();
    this.#followerReads.leaderChanged();
  }

  #flushWrites(): void {
    const { requests, state } = this.#engine;
    const { writes } = this;
    const { payloads, pending, late } = writes.takeWaiting(state.term);
    for (const write of late) writes.reject([write], this.#tooLate(write));
    if (pending.length === 0) return;
    try {
      const request = requests.open(
        (answer) => {
          if (answer.type === 'accepted') writes.accepted(pending, answer);
          else if (answer.type !== 'refused') return;
          else if (answer.why.type === 'notLeader') {
            this.#handOn(pending, this.#engine.errorOf(answer));
          } else if (answer.why.type === 'transferring') {
            writes.putBack(pending);
            // The transfer may be over already, within the same run of the driver.
            this.#schedule();
          } else writes.reject(pending, this.#engine.errorOf(answer));
        },
        (reason) => writes.reject(pending, reason),
      );
      this.#engine.post({ type: 'propose', request, payloads });
    } catch (overloaded) {
      writes.reject(pending, overloaded);
    }
  }

  /** This node does not lead: what may be is passed on to the leader, and the rest refused. */
  #handOn(pending: readonly PendingWrite[], refusal: unknown): void {
    for (const write of pending) {
      if (this.#mayPassOn(write)) this.#forwarding.pass(write);
      else this.writes.reject([write], refusal);
    }
  }

  #flushReads(): void {
    const leads = this.#leads;
    for (const [mode, readers] of this.reads.takeWaiting()) {
      if (leads) this.#ask(readers, mode);
      else this.#followerReads.add(readers, mode);
    }
  }

  /** Asks the own core. */
  #ask(readers: readonly Reader[], mode: ReadMode): void {
    const { requests } = this.#engine;
    const { reads } = this;
    if (!this.#mayRead) {
      reads.putBack(readers);
      return;
    }
    try {
      const request = requests.open(
        (answer) => {
          if (answer.type === 'readable') {
            reads.readable(readers, answer.index, this.#engine.state.applied);
          } else if (answer.type === 'refused') this.#followerReads.add(readers, mode);
        },
        (reason) => reads.reject(readers, reason),
      );
      this.#engine.post({ type: 'readIndex', request, mode });
    } catch (overloaded) {
      reads.reject(readers, overloaded);
    }
  }
}
