import type { KvError } from '../errors.ts';
import type { CallsHost } from './calls-host.ts';
import type { Expiring } from './deadlines.ts';
import { asKvError, canRetry, closedError, readUnanswered } from './failures.ts';
import type { Member } from './members.ts';
import { BackOff } from './pauses.ts';
import type { Waiting } from './turn-message.ts';

export interface ColdWaiting extends Waiting {
  /** How long one try waits for its answer at most. Default: as the wire says. */
  readonly attemptMs?: number;
}

/** Calls that are made rarely, one by one, and that may be made twice without harm. */
export class ColdCalls {
  readonly #host: CallsHost;
  readonly #underWay = new Set<ColdCall>();
  #isClosed = false;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  /** Tries until there is an answer, at one member after the other. */
  async run<Answer>(
    attempt: (member: Member, timeoutMs: number) => Promise<Answer>,
    { timeoutMs, signal, attemptMs = this.#host.wire.attemptMs }: ColdWaiting,
  ): Promise<Answer> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw closedError({ isOpen: false });
    const { runtime, deadlines } = this.#host;
    const call = new ColdCall(timeoutMs, { deadline: runtime.now() + timeoutMs, attemptMs });
    const onAbort = (): void => call.end(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#underWay.add(call);
    deadlines.add(call);
    try {
      return await Promise.race([call.ended, this.#try(attempt, call)]);
    } finally {
      call.isOver = true;
      signal?.removeEventListener('abort', onAbort);
      this.#underWay.delete(call);
      deadlines.delete(call);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const call of [...this.#underWay]) call.end(closedError({ isOpen: false }));
  }

  async #try<Answer>(
    attempt: (member: Member, timeoutMs: number) => Promise<Answer>,
    call: ColdCall,
  ): Promise<Answer> {
    const { members, runtime, pauses } = this.#host;
    const backOff = new BackOff(runtime);
    for (;;) {
      const member = members.leader();
      try {
        const leftMs = Math.max(1, call.deadline - runtime.now());
        const answer = await attempt(member, Math.min(leftMs, call.attemptMs));
        members.worked(member);
        return answer;
      } catch (thrown) {
        const failure = asKvError(thrown);
        members.failed(member, failure);
        if (call.isOver || !canRetry(failure)) throw failure;
        call.lastError = failure;
      }
      await pauses.pause(backOff.next());
      if (call.isOver) throw closedError({ isOpen: false });
    }
  }
}

class ColdCall implements Expiring {
  readonly deadline: number;
  readonly attemptMs: number;
  readonly #timeoutMs: number;
  /** Rejects when the call ends without an answer. */
  readonly ended: Promise<never>;
  lastError: KvError | undefined;
  isOver = false;
  #reject!: (reason: unknown) => void;

  constructor(
    timeoutMs: number,
    { deadline, attemptMs }: { readonly deadline: number; readonly attemptMs: number },
  ) {
    this.#timeoutMs = timeoutMs;
    this.deadline = deadline;
    this.attemptMs = attemptMs;
    this.ended = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Nobody may listen any more when it ends.
    this.ended.catch(() => undefined);
  }

  end(reason: unknown): void {
    this.isOver = true;
    this.#reject(reason);
  }

  expire(): void {
    this.end(readUnanswered(this.#timeoutMs, this.lastError));
  }
}
