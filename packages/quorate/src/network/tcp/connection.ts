import { UnreachableError } from '../../errors.ts';
import type { Runtime, Timer } from '../../platform/runtime.ts';
import { readFailure, writeFailure } from './failure.ts';
import { type Frame, type FrameHead, FrameWriter, frameTypes } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import type { Socket, SocketHandler } from './sockets.ts';

/** Bounds of a connection; both sides have them. */
export interface ConnectionLimits {
  /** The longest body that is read once the handshake is over. */
  readonly maxBodyBytes: number;
  /** What may wait for the socket before nothing more is added. */
  readonly maxQueuedBytes: number;
  /** When nothing came for so long, the other side is asked whether it is still there. */
  readonly pingAfterMs: number;
  /** When nothing came for so long, it is taken for dead. */
  readonly deadAfterMs: number;
}

/** Whom a connection tells what happens. Nothing is told after `onEnd`, except `onClosed`. */
export interface ConnectionOwner {
  onOpen(): void;
  /** Any frame but a goodbye, a ping or a pong. */
  onFrame(frame: Frame): void;
  /** What waited for the socket has gone. */
  onDrain(): void;
  /** It cannot be used any more, and why. Called once. */
  onEnd(reason: Error): void;
  /** Its socket is gone too. Called once, last. */
  onClosed(): void;
}

/** Before the handshake nobody is owed more memory than this. */
export const maxHandshakeBytes: number = 64 * 1024;
/** How long the other side gets to read why the connection ends. */
const lingerMs = 1000;
const noBody: readonly Uint8Array[] = [];
const pingHead: FrameHead = { type: frameTypes.ping, group: 0, call: 0 };
const pongHead: FrameHead = { type: frameTypes.pong, group: 0, call: 0 };
const goodbyeHead: FrameHead = { type: frameTypes.goodbye, group: 0, call: 0 };

/**
 * Frames over one socket, from either end. All that is sent in one turn of the event loop leaves in
 * one write; while the socket is full, more gathers here, and `queuedBytes` says how much. A peer
 * of which nothing is heard for too long is taken for dead.
 */
export class Connection implements SocketHandler {
  readonly #owner: ConnectionOwner;
  readonly #runtime: Runtime;
  readonly #limits: ConnectionLimits;
  readonly #writer = new FrameWriter();
  readonly #reader = new FrameReader({ maxBodyBytes: maxHandshakeBytes });
  #socket: Socket | undefined;
  /** `closing`: the end was told, and the socket lingers. */
  #state: 'opening' | 'open' | 'closing' | 'closed' = 'opening';
  #flushes = 0;
  #isFlushPlanned = false;
  #isSocketFull = false;
  #isPaused = false;
  #heardAt: number;
  #spokeAt = 0;
  #timer: Timer | undefined;

  constructor(owner: ConnectionOwner, runtime: Runtime, limits: ConnectionLimits) {
    this.#owner = owner;
    this.#runtime = runtime;
    this.#limits = limits;
    this.#heardAt = runtime.now();
  }

  /** To be called once, before anything else: which socket this is about. */
  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** The other side has accepted this one, or was accepted. */
  welcome(): void {
    this.#reader.setMaxBodyBytes(this.#limits.maxBodyBytes);
    this.#heardAt = this.#runtime.now();
    this.#watch();
  }

  get socket(): Socket {
    if (this.#socket === undefined) throw new Error('The connection has no socket yet.');
    return this.#socket;
  }

  get isUsable(): boolean {
    return this.#state === 'open' || this.#state === 'opening';
  }

  /** Bytes that the system has not taken yet. */
  get queuedBytes(): number {
    return this.#writer.byteLength + (this.#socket?.bufferedBytes ?? 0);
  }

  get isClogged(): boolean {
    return this.queuedBytes > this.#limits.maxQueuedBytes;
  }

  /** Counts the writes. A frame has certainly not left if no write came after it was sent. */
  get flushes(): number {
    return this.#flushes;
  }

  /** The frame leaves at the end of this turn; its large parts must not change any more. */
  send(head: FrameHead, body: readonly Uint8Array[] = noBody): void {
    if (!this.isUsable) return;
    this.#writer.add(head, body);
    if (this.#isFlushPlanned || this.#isSocketFull) return;
    this.#isFlushPlanned = true;
    this.#runtime.yieldToIo(this.#flush);
  }

  /** Reads nothing more until `resume`. */
  pause(): void {
    if (this.#isPaused || !this.isUsable) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#heardAt = this.#runtime.now();
    this.#socket?.resume();
  }

  /** Tells the other side why this is the end, and ends. */
  sayGoodbye(reason: Error): void {
    if (!this.isUsable) return;
    this.send(goodbyeHead, writeFailure(reason));
    this.#isSocketFull = false;
    this.#flush();
    this.#finish('closing', reason);
    // What still comes is read and thrown away: closed with bytes unread, the socket would be
    // reset, and the goodbye could be lost with it.
    this.#socket?.resume();
    this.#socket?.end();
    this.#timer = this.#runtime.setTimer(() => this.#socket?.destroy(), lingerMs);
  }

  /** Ends without a word. */
  destroy(reason: Error): void {
    if (this.isUsable) this.#finish('closing', reason);
    this.#socket?.destroy();
  }

  onOpen(): void {
    if (this.#state !== 'opening') return;
    this.#state = 'open';
    this.#owner.onOpen();
  }

  onData(chunk: Uint8Array): void {
    if (!this.isUsable) return;
    this.#state = 'open';
    this.#heardAt = this.#runtime.now();
    try {
      this.#reader.push(chunk, this.#onFrame);
    } catch (error) {
      this.sayGoodbye(unreachable(this.#remote, 'sent what is no frame', error));
    }
  }

  onDrain(): void {
    if (!this.isUsable) return;
    this.#isSocketFull = false;
    this.#flush();
    if (this.isUsable && !this.isClogged) this.#owner.onDrain();
  }

  onClose(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    const what = this.#state === 'opening' ? 'cannot be reached' : 'closed the connection';
    if (this.isUsable) this.#finish('closed', unreachable(this.#remote, what, error));
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#owner.onClosed();
  }

  readonly #flush = (): void => {
    this.#isFlushPlanned = false;
    if (!this.isUsable || this.#isSocketFull || this.#writer.byteLength === 0) return;
    const wasClogged = this.isClogged;
    this.#flushes += 1;
    this.#spokeAt = this.#runtime.now();
    this.#isSocketFull = this.#socket?.write(this.#writer.take()) === false;
    if (wasClogged && !this.#isSocketFull) this.#owner.onDrain();
  };

  readonly #onFrame = (frame: Frame): void => {
    if (!this.isUsable) return;
    switch (frame.type) {
      case frameTypes.ping:
        // Whoever asks and does not read gets no answers that would pile up.
        if (!this.isClogged) this.send(pongHead);
        return;
      case frameTypes.pong:
        return;
      case frameTypes.goodbye:
        this.destroy(this.#readGoodbye(frame));
        return;
      default:
        this.#owner.onFrame(frame);
    }
  };

  #readGoodbye({ body }: Frame): Error {
    try {
      return readFailure(body);
    } catch (error) {
      return unreachable(this.#remote, 'ended the connection and did not say why', error);
    }
  }

  /** Looks from time to time whether the other side is still there. */
  #watch(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.isUsable) return;
    const { pingAfterMs, deadAfterMs } = this.#limits;
    const now = this.#runtime.now();
    const silentMs = now - this.#heardAt;
    if (silentMs >= deadAfterMs && !this.#isPaused) {
      this.destroy(unreachable(this.#remote, `was silent for ${Math.round(silentMs)} ms`));
      return;
    }
    const quietMs = now - this.#spokeAt;
    if (silentMs >= pingAfterMs && !this.#isPaused && !this.isClogged) this.send(pingHead);
    // A question of the other side may wait behind all that it sends, or not be read here for now;
    // so it is told unasked that this side is there.
    else if (quietMs >= pingAfterMs) this.send(pongHead);
    const nextMs = Math.min(...[silentMs, quietMs].map((ms) => pingAfterMs - (ms % pingAfterMs)));
    const leftMs = this.#isPaused ? Infinity : deadAfterMs - silentMs;
    // Whole milliseconds: by fractions of one, time might not move on at all.
    const ms = Math.max(1, Math.ceil(Math.min(nextMs, leftMs)));
    this.#timer = this.#runtime.setTimer(() => this.#watch(), ms);
  }

  #finish(state: 'closing' | 'closed', reason: Error): void {
    this.#state = state;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#writer.take();
    this.#owner.onEnd(reason);
  }

  get #remote(): string {
    return this.#socket?.remote ?? 'the other side';
  }
}

/** What went wrong between this side and the other, in words. */
export function unreachable(remote: string, what: string, cause?: unknown): UnreachableError {
  const why = cause instanceof Error ? `: ${cause.message || codeOf(cause)}` : '';
  const message = `${remote} ${what}${why}`.replace(/\.?$/, '.');
  return new UnreachableError(message, cause === undefined ? {} : { cause });
}

/** A dial that failed for each address of a name has no message of its own. */
function codeOf(error: Error & { readonly code?: string }): string {
  return error.code ?? error.name;
}
