import { Link, type LinkOptions } from './link.ts';
import type { CallObserver, OpenCall } from './open-call.ts';

/** Requests that are longer do not go where heartbeats and votes go. */
const longestOnMain = 64 * 1024;

/**
 * Two links to one node: `main` for all that is small and must not wait, `bulk` for all that is
 * long. Appends with entries stay in the order in which they were made, so they change from one to
 * the other only when none is unanswered on the one they leave: those on `bulk` are held until
 * then, and while there is one on `bulk`, smaller ones follow it there. Heartbeats always go by
 * `main`.
 */
export class Lanes implements AsyncDisposable {
  readonly main: Link;
  readonly bulk: Link;
  readonly #onMain: AppendCount;
  readonly #onBulk: AppendCount;

  constructor(options: Omit<LinkOptions, 'lane'>) {
    this.main = new Link({ ...options, lane: 'main' });
    this.bulk = new Link({ ...options, lane: 'bulk' });
    this.#onMain = new AppendCount(() => this.bulk.hold(false));
    this.#onBulk = new AppendCount(() => undefined);
  }

  get openCalls(): number {
    return this.main.openCalls + this.bulk.openCalls;
  }

  get queuedBytes(): number {
    return this.main.queuedBytes + this.bulk.queuedBytes;
  }

  /** Where a call goes that need not stay in order. */
  laneFor(bytes: number): Link {
    return bytes > longestOnMain ? this.bulk : this.main;
  }

  /** Sends an append with entries. */
  append<Answer>(call: OpenCall<Answer>, signal?: AbortSignal): Promise<Answer> {
    if (this.#onBulk.count === 0 && call.bodyBytes <= longestOnMain) {
      this.#onMain.add(call);
      return this.main.start(call, signal);
    }
    if (this.#onMain.count > 0) this.bulk.hold(true);
    this.#onBulk.add(call);
    return this.bulk.start(call, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.main.close(), this.bulk.close()]);
  }
}

/** Appends of one lane that have not ended. */
class AppendCount implements CallObserver {
  count = 0;
  readonly #onNone: () => void;

  constructor(onNone: () => void) {
    this.#onNone = onNone;
  }

  add(call: OpenCall): void {
    this.count += 1;
    call.observer = this;
  }

  onCallEnd(): void {
    this.count -= 1;
    if (this.count === 0) this.#onNone();
  }
}
