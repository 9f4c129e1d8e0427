import type { NodeId } from '../core/types.ts';
import { FatalError, StoppedError } from '../errors.ts';

/** What callers are told from the moment on in which a node stops. */
export interface Stopped {
  readonly reason: unknown;
  /** For those whose write is in the log, or whose change. */
  readonly reasonIfLogged: unknown;
}

export interface EndingHost {
  readonly id: NodeId;
  /** Tells who waits, and starts nothing more. */
  readonly halt: (stopped: Stopped) => void;
  /** Waits for what is under way. */
  readonly release: () => Promise<void>;
  /** Tells the writes that are in no log. */
  readonly stopWaiting: (reason: unknown) => void;
  /** Ends when this node leads no more, or cannot hand over; `undefined` if there is nothing to. */
  readonly handOver: () => Promise<void> | undefined;
}

export interface CloseOptions {
  /** A leader hands the leadership over before it stops. Default `true`. */
  readonly handOver?: boolean;
}

/** How a node ends: closed by its owner, or by itself since a promise can no longer be kept. */
export class Ending {
  readonly #host: EndingHost;
  readonly #message: string;
  readonly #end = Promise.withResolvers<void>();
  #fatal: FatalError | undefined = undefined;
  #isClosing = false;
  #stopped: Stopped | undefined = undefined;

  constructor(host: EndingHost) {
    this.#host = host;
    this.#message = `Node ${host.id} was closed.`;
  }

  get fatal(): FatalError | undefined {
    return this.#fatal;
  }

  get isRunning(): boolean {
    return this.#stopped === undefined;
  }

  /**
   * @throws {StoppedError | FatalError} if the node no longer runs; one that says that it may have
   * been applied, if what the caller waits for `isLogged`.
   */
  demandRunning({ isLogged = false }: { isLogged?: boolean } = {}): void {
    if (this.#stopped === undefined) return;
    throw isLogged ? this.#stopped.reasonIfLogged : this.#stopped.reason;
  }

  /** @throws {StoppedError | FatalError} if the node takes nothing new, as while it hands over. */
  demandOpen(): void {
    this.demandRunning();
    if (this.#isClosing) throw new StoppedError(this.#message);
  }

  /** Stops for good because a promise can no longer be kept; what waits is told why. */
  fail(cause: unknown): void {
    if (this.#stopped !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `Node ${this.#host.id} stopped: ${reason}`;
    this.#fatal = new FatalError(message, { cause });
    const reasonIfLogged = new FatalError(message, { cause, maybeApplied: true });
    this.#stop({ reason: this.#fatal, reasonIfLogged });
  }

  close({ handOver = true }: CloseOptions = {}): Promise<void> {
    const handing = handOver && !this.#isClosing && this.isRunning ? this.#handOver() : undefined;
    if (handing === undefined) {
      // A second call waits as long as the first, unless it wants no hand-over.
      if (!this.#isClosing || !handOver) this.#closeNow();
    } else void handing.finally(() => this.#closeNow());
    return this.#end.promise;
  }

  #handOver(): Promise<void> | undefined {
    const handing = this.#host.handOver();
    if (handing === undefined) return undefined;
    this.#isClosing = true;
    this.#host.stopWaiting(new StoppedError(this.#message));
    return handing;
  }

  #closeNow(): void {
    this.#isClosing = true;
    if (this.#stopped !== undefined) return;
    const message = `${this.#message} What is in its log may still be committed by the others.`;
    const reasonIfLogged = new StoppedError(message, { maybeApplied: true });
    this.#stop({ reason: new StoppedError(this.#message), reasonIfLogged });
  }

  /** Set before anybody is told, so that whoever calls back finds a node that has stopped. */
  #stop(stopped: Stopped): void {
    this.#stopped = stopped;
    this.#host.halt(stopped);
    this.#end.resolve(this.#host.release());
  }
}
