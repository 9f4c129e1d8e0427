import { KvError } from '../../errors.ts';
import { pause } from '../../pause.ts';
import { encodeCommand } from '../../protocol/commands.ts';
import type { Mark } from '../../store/machine.ts';
import type { Health } from './health.ts';
import { judge, type Verdict } from './judge.ts';
import type { Leadership } from './leadership.ts';
import type { Marks } from './marks.ts';
import type { MemberCalls } from './member-calls.ts';
import type { HashAnswer } from './member-channel.ts';
import { type MemberHost, messageOf } from './node.ts';
import { propose } from './proposals.ts';
import { Ticker } from './waiting.ts';

export interface StateChecksOptions {
  readonly marks: Marks;
  /** How often the leader lets all members compare their states, if anything has changed. */
  readonly everyMs: number;
  readonly leadership: Leadership;
  readonly calls: MemberCalls;
  readonly health: Health;
  /** This member's state is wrong: it must not be asked any more. */
  readonly onWrong: (reason: KvError) => void;
}

/** A member that has not come to a mark yet is asked again: so often, and after so long. */
const maxTries = 5;
const firstPauseMs = 100;
/** Who waits for a comparison, as a backup does, waits for so long at most. */
const longestWaitMs = 5000;
const problemName = 'state-differs';

interface Waiter {
  /** Of the log: a comparison at this place, or behind it, is waited for. */
  readonly index: number;
  readonly end: () => void;
}

/**
 * Compares the states of the members. State machines that are fed the same commands have the same
 * state, unless a bug, a bad memory or a hand on the disk made a difference; nothing in Raft would
 * notice. The leader has a mark logged now and then, every member remembers its hash there, and
 * asks the others for theirs.
 */
export class StateChecks {
  readonly #host: MemberHost;
  readonly #options: StateChecksOptions;
  readonly #ticker: Ticker;
  #isProposing = false;
  #isChecking = false;
  /** Those whose state was found to be wrong at last. */
  #strange: readonly string[] = [];
  /** The newest mark that the others were asked for. */
  #checked = 0;
  /** The newest mark at which states were compared. */
  #compared = 0;
  readonly #waiters = new Set<Waiter>();

  constructor(host: MemberHost, options: StateChecksOptions) {
    this.#host = host;
    this.#options = options;
    this.#ticker = new Ticker(host.runtime, options.everyMs, () => void this.#mark());
  }

  /** There are new marks: the others are asked for theirs. */
  compare(): void {
    if (!this.#isChecking) void this.#check();
  }

  /**
   * Has all members compare their states as of now, and resolves when that is done here: what came
   * of it is known to `Health`. Also when it cannot be done just now; it never rejects.
   */
  async compareNow(signal: AbortSignal): Promise<void> {
    const { raft, runtime, logger } = this.#host;
    const patience = new AbortController();
    const timer = runtime.setTimer(() => patience.abort(new Error('It took long.')), longestWaitMs);
    const either = AbortSignal.any([signal, this.#host.signal, patience.signal]);
    try {
      const { logId } = await raft.write(encodeCommand([{ type: 'mark' }]), { signal: either });
      await this.#comparedAt(logId.index, either);
    } catch (error) {
      logger.debug({ error: messageOf(error) }, 'could not compare states for a backup');
    } finally {
      timer.cancel();
    }
  }

  answer(index: number): HashAnswer {
    const mark = this.#options.marks.at(index);
    const { applied } = this.#host.raft.metrics;
    return { ...(mark === undefined ? {} : { mark }), applied: applied.index };
  }

  close(): void {
    this.#ticker.close();
  }

  /** The leader has a mark logged if there is something after the last one. */
  async #mark(): Promise<void> {
    const { raft, logger } = this.#host;
    if (this.#isProposing || !this.#options.leadership.leads) return;
    if (raft.metrics.applied.index <= (this.#options.marks.newest?.index ?? 0)) return;
    this.#isProposing = true;
    try {
      await propose(raft, [{ type: 'mark' }]);
    } catch (error) {
      logger.debug({ error: messageOf(error) }, 'could not log a mark; tries again');
    } finally {
      this.#isProposing = false;
    }
  }

  /** Goes by the newest mark, once for all that came while it was asking. */
  async #check(): Promise<void> {
    this.#isChecking = true;
    const { signal, logger } = this.#host;
    try {
      for (;;) {
        const { newest } = this.#options.marks;
        if (signal.aborted || newest === undefined || newest.index <= this.#checked) return;
        this.#checked = newest.index;
        await this.#compare(newest);
        this.#compared = newest.index;
        for (const { index, end } of [...this.#waiters]) if (index <= this.#compared) end();
      }
    } catch (error) {
      logger.error({ error: messageOf(error) }, 'could not compare the states of the members');
    } finally {
      this.#isChecking = false;
    }
  }

  #comparedAt(index: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || index <= this.#compared) return resolve();
      const waiter = {
        index,
        end: () => {
          this.#waiters.delete(waiter);
          signal.removeEventListener('abort', waiter.end);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', waiter.end);
    });
  }

  async #compare(own: Mark): Promise<void> {
    const { name, raft, signal } = this.#host;
    const { voters } = raft.metrics.membership;
    const others = [...new Set(voters.flat())].filter((id) => id !== name);
    const hashes = new Map([[name, hashAndRevision(own)]]);
    let isRefuted = false;
    const answers = others.map(async (id) => {
      const mark = await this.#ask(id, own.index);
      if (mark === undefined || isRefuted || signal.aborted) return;
      hashes.set(id, hashAndRevision(mark));
      const verdict = judge(name, voters, hashes);
      isRefuted = verdict.type === 'refuted';
      // At once: one that hangs could hold it up until a backup of what is wrong is whole.
      if (isRefuted) this.#conclude(own, verdict, hashes);
    });
    await Promise.all(answers);
    if (!signal.aborted && !isRefuted) this.#conclude(own, judge(name, voters, hashes), hashes);
  }

  /** What the other member had at `index`; `undefined` if it does not say so in time. */
  async #ask(id: string, index: number): Promise<Mark | undefined> {
    const { runtime, signal, logger } = this.#host;
    for (let tries = 0; tries < maxTries && !signal.aborted; tries += 1) {
      if (tries > 0) await pause(runtime, firstPauseMs * 2 ** (tries - 1), signal);
      try {
        const answer = (await this.#options.calls.ask(id, 'hashAt', { index })) as HashAnswer;
        if (answer.mark !== undefined) return answer.mark;
        if (answer.applied >= index) return undefined; // It has forgotten.
      } catch (error) {
        logger.debug({ member: id, error: messageOf(error) }, 'was not told the hash of a state');
      }
    }
    return undefined;
  }

  #conclude({ index }: Mark, verdict: Verdict, hashes: ReadonlyMap<string, string>): void {
    const { health, onWrong } = this.#options;
    const { name } = this.#host;
    const shown = [...hashes].map(([id, hash]) => `${id} ${hash}`).join(', ');
    switch (verdict.type) {
      case 'open':
        return;
      case 'confirmed':
        health.clear(problemName);
        return this.#tellOf(verdict.strange, `at entry ${index}: ${shown}`);
      case 'refuted': {
        const most = verdict.majority.join(', ');
        const message = `The state of ${name} at entry ${index} is not what a majority has, which are ${most} (${shown}): it is out of service. Remove ${name} from the cluster, keep its data for an inquiry, and let a member with a new name and an empty directory join.`;
        health.report(problemName, message);
        return onWrong(new KvError('KV_UNHEALTHY', message));
      }
      case 'split': {
        const message = `At entry ${index} members have different states (${shown}), and none is that of a majority: nobody can tell which one is right. Look into their logs, and restore from a backup if in doubt.`;
        return health.report(problemName, message);
      }
    }
  }

  /** Others are wrong, which is no problem of this member: they take themselves out of service. */
  #tellOf(strange: readonly string[], what: string): void {
    const { health } = this.#options;
    for (const id of this.#strange) {
      if (!strange.includes(id)) health.clear(problemName, id);
    }
    for (const id of strange) {
      if (this.#strange.includes(id)) continue;
      const message = `The state of ${id} is not what a majority has, ${what}. Replace ${id}.`;
      health.report(problemName, message, { about: id });
    }
    this.#strange = strange;
  }
}

function hashAndRevision({ revision, hash }: Mark): string {
  return `${hash} at revision ${revision}`;
}
