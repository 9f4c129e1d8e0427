import type { Codec } from '../contract/codec.ts';
import type { Committed } from '../contract/state-machine.ts';
import { assert } from '../core/assert.ts';
import type { EffectiveMembership, Entry, LogId, LogIndex, SnapshotMeta } from '../core/types.ts';
import { StoppedError } from '../errors.ts';
import { buggify, mark } from '../platform/sites.ts';
import { type Batch, demandResponses, expectedBatch, isOfSession } from './apply-batch.ts';
import { ApplyPace } from './apply-pace.ts';
import { decodeCommand } from './codec.ts';
import type { Histogram } from './histogram.ts';
import type { Log } from './log.ts';
import { entryBytes } from './log-tail.ts';
import type { FrozenContent, Machine } from './machine.ts';
import { SessionBatch } from './session-batch.ts';
import type { TurnClock } from './turn-clock.ts';

/** A batch that took effect. */
export interface AppliedBatch {
  readonly last: LogId;
  /** How many entries, and their bytes; those that are no commands too. */
  readonly count: number;
  readonly bytes: number;
  /** What somebody may wait for: every command, and what opens and closes sessions. */
  readonly commands: readonly Committed<unknown>[];
  /** One for each command; a `SessionAnswer` if it belongs to a session. */
  readonly responses: readonly unknown[];
}

const maxUnkeptChanges = 1000;

/** The state machine's state at one moment, ready to be read while others are applied. */
export interface Frozen extends FrozenContent {
  readonly lastLogId: LogId;
  readonly membership: EffectiveMembership;
}

/** Something that waits for its turn between two batches. */
interface Task {
  readonly run: () => Promise<void>;
  /** The applier stopped before its turn came. */
  readonly giveUp: () => void;
}

export interface ApplierOptions {
  readonly machine: Machine;
  readonly codec: Codec<unknown>;
  /** For the responses to writes of sessions. */
  readonly responseCodec: Codec<unknown>;
  readonly log: Pick<Log, 'read'>;
  readonly applied: LogId;
  /** The membership in force at `applied`. */
  readonly membership: EffectiveMembership;
  readonly maxBatchBytes: number;
  /** Where the time is kept that each batch takes. Without it nothing bounds what is a batch. */
  readonly timing?: { readonly clock: TurnClock; readonly record: Histogram };
  readonly onApplied: (batch: AppliedBatch) => void;
  readonly onFailure: (cause: unknown) => void;
}

/**
 * Takes committed commands to the state machine, in order, one batch at a time. Blank, membership
 * and session entries never get there, nor does a write of a session that came before. Freezing
 * the state and replacing it wait for their turn between two batches, so that the state machine
 * does one thing at a time.
 */
export class Applier {
  readonly #options: ApplierOptions;
  #applied: LogId;
  #membership: EffectiveMembership;
  #target: LogIndex;
  #running: Promise<void> | undefined = undefined;
  /** The loop is at work further up the stack: who asks from within it only queues. */
  #isLooping = false;
  #tasks: Task[] = [];
  /** What was read and not applied: a batch may end before that. The rest goes on at `#readAt`. */
  #read: readonly Entry[] = [];
  #readAt = 0;
  readonly #pace = new ApplyPace();
  /** What is applied goes by the old log, which a snapshot is about to replace. */
  #isReplaced = false;
  #isStopped = false;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#applied = options.applied;
    this.#membership = options.membership;
    this.#target = options.applied.index;
  }

  /** The last entry whose effect is in the state machine. */
  get applied(): LogId {
    return this.#applied;
  }

  applyUpTo(index: LogIndex): void {
    assert(index >= this.#target, () => `apply must not go back from ${this.#target} to ${index}`);
    this.#target = index;
    if (this.#running === undefined) this.#run();
  }

  /** Freezes the state after the batch under way. Rejects if the state machine does. */
  freeze(): Promise<Frozen> {
    const { machine } = this.#options;
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        const lastLogId = this.#applied;
        const membership = this.#membership;
        try {
          await machine.keepApplied(lastLogId);
          resolve({ ...(await machine.snapshot(membership)), lastLogId, membership });
        } catch (error) {
          reject(error);
        }
      };
      const giveUp = (): void => reject(new StoppedError('The node stopped.'));
      this.#enqueue({ run, giveUp });
    });
  }

  /** Replaces the state by that of the snapshot; what was to be applied before is in it. */
  restore(
    meta: SnapshotMeta,
    chunks: () => Promise<AsyncIterable<Uint8Array>>,
    onRestored: () => void,
  ): void {
    const { index } = meta.lastLogId;
    assert(index > this.#target, () => `restore must not go back from ${this.#target} to ${index}`);
    // What is not applied yet is in the snapshot; the batch under way ends first.
    this.#target = Math.min(this.#target, this.#applied.index);
    this.#isReplaced = true;
    const run = async (): Promise<void> => {
      this.#isReplaced = false;
      await this.#options.machine.restore(await chunks(), meta);
      this.#applied = meta.lastLogId;
      this.#membership = meta.membership;
      this.#target = Math.max(this.#target, index);
      onRestored();
    };
    this.#enqueue({ run, giveUp: () => undefined });
  }

  /** Begins no further batch and waits for the one under way. */
  async close(): Promise<void> {
    this.#stop();
    await this.#running;
  }

  #enqueue(task: Task): void {
    if (this.#isStopped) return task.giveUp();
    this.#tasks.push(task);
    if (this.#running === undefined) this.#run();
  }

  /** Goes on without a pause as long as log and state machine answer at once. */
  #run(): void {
    if (this.#isLooping) return;
    this.#isLooping = true;
    try {
      while (!this.#isStopped) {
        const pending = this.#pace.isOver ? this.#rest() : this.#next();
        if (pending === 'idle') return this.#pace.rested();
        if (pending === undefined) continue;
        this.#running = pending.then(
          () => this.#goOn(),
          (cause: unknown) => this.#fail(cause),
        );
        return;
      }
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#isLooping = false;
    }
  }

  /** Lets the event loop have its turn: heartbeats and votes do not wait for a slow machine. */
  #rest(): Promise<void> | undefined {
    this.#pace.rested();
    const runtime = this.#options.timing?.clock.runtime;
    return runtime && new Promise((resolve) => runtime.yieldToIo(resolve));
  }

  #goOn(): void {
    this.#running = undefined;
    this.#run();
  }

  #fail(cause: unknown): void {
    this.#running = undefined;
    this.#stop();
    this.#options.onFailure(cause);
  }

  #stop(): void {
    this.#isStopped = true;
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const { giveUp } of tasks) giveUp();
  }

  #next(): Promise<void> | undefined | 'idle' {
    const task = this.#tasks.shift();
    if (task !== undefined) return task.run();
    return this.#applied.index < this.#target ? this.#applyNext() : 'idle';
  }

  #applyNext(): Promise<void> | undefined {
    const { log, maxBatchBytes } = this.#options;
    const next = this.#applied.index + 1;
    // Another one if the state was replaced meanwhile.
    if (this.#read[this.#readAt]?.logId.index === next) return this.#apply();
    const to = buggify('applier.applyOne') ? next : this.#target;
    const entries = log.read(next, to + 1, maxBatchBytes);
    if (entries instanceof Promise) return this.#applyRead(entries);
    this.#take(entries);
    return this.#apply();
  }

  #take(entries: readonly Entry[]): void {
    const next = this.#applied.index + 1;
    assert(entries[0]?.logId.index === next, () => `entry ${next} must come next`);
    this.#read = entries;
    this.#readAt = 0;
  }

  /** A snapshot that comes while the store reads may purge what is read; it brings all that. */
  async #applyRead(entries: Promise<Entry[]>): Promise<void> {
    let read: readonly Entry[];
    try {
      read = await entries;
    } catch (cause) {
      if (!this.#isReplaced) throw cause;
      mark('applier.readForReplacedState');
      return;
    }
    this.#take(read);
    await this.#apply();
  }

  #apply(): Promise<void> | undefined {
    const { machine, timing } = this.#options;
    const begunAt = timing?.clock.now() ?? 0;
    const batch = this.#look(timing === undefined ? Infinity : this.#pace.most);
    const { commands, last, sessions } = batch;
    const entries = last.index - this.#applied.index;
    const tookMs = (): number => (timing === undefined ? 0 : timing.clock.now() - begunAt);
    // Where sessions only come and go, a durable machine is given their records now and then.
    if (commands.length === 0 && machine.sessions.changeCount < maxUnkeptChanges) {
      this.#finish(batch, []);
      this.#pace.applied(entries, tookMs());
      return undefined;
    }
    const record =
      sessions &&
      ((responses: readonly unknown[]) => {
        demandResponses(responses, commands.length);
        sessions.record(responses);
      });
    const responses = machine.apply(commands, last, record);
    if (responses instanceof Promise) {
      return responses.then((answered) => {
        const ms = tookMs();
        timing?.record.record(ms);
        this.#finish(batch, answered);
        this.#pace.appliedLater(entries, ms);
      });
    }
    timing?.record.record(tookMs());
    this.#finish(batch, responses);
    this.#pace.applied(entries, tookMs());
    return undefined;
  }

  /** Takes as many of the entries that were read as can be applied together, and `most` at most. */
  #look(most: number): Batch {
    const { codec, responseCodec, machine } = this.#options;
    const entries = this.#read;
    let at = this.#readAt;
    const end = Math.min(entries.length, at + most);
    // As long as most become; what is no command leaves it shorter in the end.
    const commands = new Array<Committed<unknown>>(Math.min(end - at, expectedBatch));
    let count = 0;
    let sessions: SessionBatch | undefined;
    let last = this.#applied;
    let bytes = 0;
    for (; at < end; at += 1) {
      const entry = entries[at] as Entry;
      const { logId, payload } = entry;
      if (isOfSession(payload)) {
        if (machine.sessions.mustSettle(logId.index)) {
          mark('applier.waitsForSessions');
          break;
        }
        sessions ??= new SessionBatch(machine.sessions, responseCodec, commands.slice(0, count));
      }
      if (payload.type === 'command') {
        const { data } = payload;
        if (sessions === undefined) {
          commands[count] = { logId, command: decodeCommand(codec, data) };
          count += 1;
        } else sessions.command(logId, data.session, () => decodeCommand(codec, data));
      } else if (payload.type === 'session') {
        sessions?.sessionEntry(logId, payload.data);
      } else if (payload.type === 'membership') {
        this.#membership = { ...payload.membership, logId };
      }
      bytes += entryBytes(entry);
      last = logId;
    }
    if (count < commands.length) commands.length = count;
    this.#readAt = at;
    if (at === entries.length) this.#read = [];
    return { last, bytes, commands: sessions?.commands ?? commands, sessions };
  }

  #finish({ last, bytes, commands, sessions }: Batch, responses: readonly unknown[]): void {
    demandResponses(responses, commands.length);
    sessions?.record(responses);
    const count = last.index - this.#applied.index;
    const batch =
      sessions === undefined
        ? { last, count, bytes, commands, responses }
        : {
            last,
            count,
            bytes,
            commands: sessions.entries,
            responses: sessions.answers(responses),
          };
    this.#applied = last;
    this.#options.onApplied(batch);
  }
}
