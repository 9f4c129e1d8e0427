import type { Runtime, Timer } from '../../platform/runtime.ts';
import { remoteName } from './address.ts';
import { type Connection, unreachable } from './connection.ts';
import { Dialing, type DialOptions, type DialOwner } from './dialing.ts';
import { readFailure } from './failure.ts';
import { type Frame, frameTypes } from './frame.ts';
import {
  type Hello,
  type Lane,
  type Speaker,
  type Welcome,
  writeSpeaker,
} from './handshake-messages.ts';
import { readCredit } from './messages.ts';
import type { OpenCall } from './open-call.ts';
import type { FailedDial } from './options.ts';
import { isSameFrom, isSameTo } from './speakers.ts';

export interface LinkOptions extends DialOptions {
  readonly lane: Lane;
  /** Calls that may be under way at a time; one more is refused. */
  readonly maxOpenCalls: number;
  /** Who is to be reached: tells the other side before it is asked anything. */
  readonly target?: NonNullable<Hello['target']>;
  readonly onFailedDial: ((failed: FailedDial) => void) | undefined;
}

const speakerHead = { type: frameTypes.speaker, group: 0, call: 0 };

/**
 * Calls to one other place, over one connection at a time, which is dialled when it is needed. Each
 * call is sent once at most: those that wait for a connection are sent when there is one, and those
 * that were sent end with it. Calls leave in the order in which they were made.
 */
export class Link implements DialOwner {
  readonly #options: LinkOptions;
  readonly #runtime: Runtime;
  readonly #dialing: Dialing;
  /** By their numbers: those that wait, and those that were sent. */
  readonly #calls = new Map<number, OpenCall>();
  readonly #waiting = new Set<OpenCall>();
  readonly #streaming = new Set<OpenCall>();
  #waitingBytes = 0;
  #lastNumber = 0;
  #connection: Connection | undefined;
  #maxBodyBytes = 0;
  /** Who asks and who is meant, as this connection was told last. */
  #from: Speaker['from'];
  #to: Speaker['to'];
  #isHeld = false;
  #isClosed = false;
  /** One timer for all calls: it rings at the earliest deadline, or before it. */
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#runtime = options.runtime;
    this.#dialing = new Dialing(options, this);
  }

  get openCalls(): number {
    return this.#calls.size;
  }

  /** What waits for the connection, and what it has not got rid of yet. */
  get queuedBytes(): number {
    return this.#waitingBytes + (this.#connection?.queuedBytes ?? 0);
  }

  /** Puts the call on its way, or ends it at once if that cannot be. */
  start<Answer>(call: OpenCall<Answer>, signal?: AbortSignal): Promise<Answer> {
    const refusal = this.#refusal(call);
    if (refusal !== undefined) {
      call.fail(call.notSent(refusal));
      return call.promise;
    }
    call.number = this.#freeNumber();
    this.#calls.set(call.number, call);
    if (signal !== undefined) call.abortBy(signal, () => this.abandon(call, signal.reason));
    this.setDeadline(call, call.deadline);
    if (this.#connection !== undefined && !this.#isHeld) this.#send(this.#connection, call);
    else this.#wait(call);
    return call.promise;
  }

  /** While it is held, calls wait although there is a connection. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) this.#sendWaiting();
  }

  /** Ends the call on this side, and tells the other one that nobody waits for it. */
  abandon(call: OpenCall, reason: unknown): void {
    if (!this.#remove(call)) return;
    if (call.sentAt >= 0) this.#sendFrame(call, frameTypes.cancel);
    call.fail(reason);
  }

  /** Ends the call as if this had been answered. */
  settle(call: OpenCall, body: Uint8Array): void {
    if (this.#remove(call)) call.answer(body);
  }

  /** `deadline`: on the clock of the runtime, or Infinity while nobody is to be blamed. */
  setDeadline(call: OpenCall, deadline: number): void {
    call.deadline = deadline;
    if (this.#timerAt > deadline) this.#arm(deadline);
  }

  /** Sends a frame of the call's stream, if the call is still under way. */
  sendFrame(call: OpenCall, type: number, body?: readonly Uint8Array[]): void {
    if (this.#calls.get(call.number) === call) this.#sendFrame(call, type, body);
  }

  get isClogged(): boolean {
    return this.#connection?.isClogged ?? true;
  }

  /** The other side has broken the rules, so nothing it says counts any more. */
  breakOff(why: string): void {
    const connection = this.#connection;
    connection?.sayGoodbye(unreachable(connection.socket.remote, why));
  }

  /** Ends all calls. Resolves when no socket and no timer is left. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#endAll([...this.#calls.values()], 'ended: the connection was closed on this side');
    }
    await this.#dialing.close(unreachable('This side', 'closed the connection'));
    this.#timer?.cancel();
  }

  hello(): Omit<Hello, 'minVersion' | 'maxVersion'> {
    const { lane, target } = this.#options;
    const [first] = this.#waiting;
    const { cluster, node, incarnation, starts } = first?.from ?? {};
    const to = first?.to ?? target;
    return {
      lane,
      ...(cluster === undefined ? {} : { cluster }),
      ...(node === undefined ? {} : { node }),
      ...(incarnation === undefined ? {} : { incarnation }),
      ...(starts === undefined ? {} : { starts }),
      ...(to === undefined ? {} : { target: to }),
    };
  }

  onReady(connection: Connection, { maxBodyBytes }: Welcome): void {
    this.#connection = connection;
    this.#maxBodyBytes = maxBodyBytes;
    this.#from = undefined;
    this.#to = undefined;
    this.#sendWaiting();
  }

  onFailed(reason: Error): void {
    const { target, address, onFailedDial } = this.#options;
    if (!this.#isClosed) {
      const meant = target === undefined ? {} : { node: target.node };
      onFailedDial?.({ ...meant, remote: remoteName(address), reason });
    }
    for (const call of [...this.#waiting]) {
      this.#remove(call);
      // What the other side says for itself, that it is somebody else for example, is passed on.
      call.fail(isUnreachable(reason) ? call.notSent('was not sent', reason) : reason);
    }
  }

  onLost(reason: Error): void {
    const sent = [...this.#calls.values()].filter((call) => call.sentAt >= 0);
    this.#endAll(sent, 'lost its connection', reason);
    this.#connection = undefined;
    if (this.#waiting.size > 0) this.#dialing.want();
  }

  onDrain(): void {
    for (const call of [...this.#streaming]) call.stream?.onDrain();
  }

  onFrame(frame: Frame): void {
    const call = this.#calls.get(frame.call);
    switch (frame.type) {
      case frameTypes.response:
        if (call !== undefined) this.settle(call, frame.body);
        return;
      case frameTypes.failure:
        if (call === undefined) return;
        this.#remove(call);
        call.fail(failureOf(call, frame.body));
        return;
      case frameTypes.chunk:
        call?.stream?.onChunk(frame.body);
        return;
      case frameTypes.end:
        call?.stream?.onStreamEnd();
        return;
      case frameTypes.credit:
        this.#grant(call, frame.body);
        return;
      default:
        this.breakOff(`sent a frame of type ${frame.type}, which only callers send`);
    }
  }

  #grant(call: OpenCall | undefined, body: Uint8Array): void {
    try {
      const bytes = readCredit(body);
      call?.stream?.onCredit(bytes);
    } catch {
      this.breakOff('sent a credit that is none');
    }
  }

  #refusal(call: OpenCall): string | undefined {
    if (this.#isClosed) return 'was not sent: the connection was closed on this side';
    const { maxOpenCalls, limits } = this.#options;
    if (this.#calls.size >= maxOpenCalls) {
      return `was not sent: ${maxOpenCalls} calls are under way already`;
    }
    if (this.#connection === undefined || this.#isHeld) {
      const isFull = this.#waitingBytes + call.bodyBytes > limits.maxQueuedBytes;
      if (!isFull || this.#waiting.size === 0) return undefined;
      return `was not sent: ${this.#waitingBytes} bytes wait for the connection already`;
    }
    if (call.bodyBytes > this.#maxBodyBytes) return this.#tooLong(call);
    if (!this.#connection.isClogged) return undefined;
    return `was not sent: ${this.#connection.queuedBytes} bytes wait for the socket already`;
  }

  #tooLong({ bodyBytes }: OpenCall): string {
    return `was not sent: it has ${bodyBytes} bytes, and the other side takes ${this.#maxBodyBytes}`;
  }

  #freeNumber(): number {
    do {
      this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    } while (this.#lastNumber === 0 || this.#calls.has(this.#lastNumber));
    return this.#lastNumber;
  }

  #wait(call: OpenCall): void {
    this.#waiting.add(call);
    this.#waitingBytes += call.bodyBytes;
    if (this.#connection === undefined) this.#dialing.want();
  }

  #sendWaiting(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#isHeld) return;
    for (const call of [...this.#waiting]) {
      this.#leaveQueue(call);
      if (call.bodyBytes <= this.#maxBodyBytes) this.#send(connection, call);
      else if (this.#remove(call)) call.fail(call.notSent(this.#tooLong(call)));
    }
  }

  #send(connection: Connection, call: OpenCall): void {
    if (!isSameFrom(call.from, this.#from) || !isSameTo(call.to, this.#to)) {
      connection.send(speakerHead, writeSpeaker(speakerOf(call)));
    }
    this.#from = call.from;
    this.#to = call.to;
    call.sentAt = connection.flushes;
    connection.send({ type: frameTypes.request, group: 0, call: call.number }, call.body);
    call.body = noBody;
    if (call.stream === undefined) return;
    this.#streaming.add(call);
    call.stream.onSent(call);
  }

  #sendFrame(call: OpenCall, type: number, body?: readonly Uint8Array[]): void {
    this.#connection?.send({ type, group: 0, call: call.number }, body);
  }

  /** Takes the call off the books; `false` if it was not on them any more. */
  #remove(call: OpenCall): boolean {
    if (!this.#calls.delete(call.number)) return false;
    if (call.stream !== undefined) this.#streaming.delete(call);
    if (call.sentAt < 0) this.#leaveQueue(call);
    return true;
  }

  #leaveQueue(call: OpenCall): void {
    if (!this.#waiting.delete(call)) return;
    this.#waitingBytes -= call.bodyBytes;
    if (this.#waiting.size === 0) this.#dialing.unwant();
  }

  #endAll(calls: readonly OpenCall[], what: string, cause?: Error): void {
    for (const call of calls) if (this.#remove(call)) call.fail(this.#ended(call, what, cause));
  }

  /** Whatever was not written yet has certainly not arrived. */
  #ended(call: OpenCall, what: string, cause?: Error): Error {
    const mayHaveLeft = call.sentAt >= 0 && (this.#connection?.flushes ?? 0) > call.sentAt;
    return mayHaveLeft ? call.lost(what, cause) : call.notSent(what, cause);
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    const ms = Math.max(0, Math.ceil(at - this.#runtime.now()));
    this.#timer = this.#runtime.setTimer(this.#ring, ms);
  }

  readonly #ring = (): void => {
    this.#timerAt = Infinity;
    const now = this.#runtime.now();
    let next = Infinity;
    for (const call of [...this.#calls.values()]) {
      if (call.deadline > now) next = Math.min(next, call.deadline);
      else this.#expire(call);
    }
    if (next < this.#timerAt) this.#arm(next);
  };

  #expire(call: OpenCall): void {
    const what = `was not answered within ${Math.round(call.timeoutMs)} ms`;
    // Behind a full socket it is not written yet, but it leaves as soon as there is room.
    this.abandon(call, call.sentAt >= 0 ? call.lost(what) : call.notSent(what));
  }
}

const noBody: readonly Uint8Array[] = [];

function speakerOf({ from, to }: OpenCall): Speaker {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function isUnreachable(error: Error): boolean {
  return (error as { code?: unknown }).code === 'RAFT_UNREACHABLE';
}

function failureOf(call: OpenCall, body: Uint8Array): Error {
  try {
    return readFailure(body);
  } catch (error) {
    return call.lost('got a failure that is none', error);
  }
}
