import type { Socket, SocketHandler } from '../../src/network/tcp/sockets.ts';
import type { Choices } from './choices.ts';
import type { EventQueue } from './event-queue.ts';
import type { SimProcess } from './process.ts';
import type { Item, WirePipe } from './wire-pipe.ts';

export interface WireSocketOptions {
  readonly process: SimProcess;
  readonly remote: string;
  readonly choices: Choices;
  readonly queue: EventQueue;
  /** Sees what is written, before anything happens to it. */
  readonly onWrite: (bytes: Uint8Array) => void;
  /** Runs `deliver`, in which the process is given bytes of this socket. */
  readonly delivering: (deliver: () => void) => void;
  readonly onClosed: () => void;
  /** Whether somebody is there to say that the socket is gone. */
  readonly isMachineThere: () => boolean;
}

/** Beyond this a socket says that it is full. */
const highWaterBytes = 16 * 1024;

/** One end of a simulated connection. It is gone with its process. */
export class WireSocket implements Socket {
  readonly remote: string;
  handler: SocketHandler | undefined = undefined;
  isOpen = true;
  out: WirePipe | undefined = undefined;
  in: WirePipe | undefined = undefined;
  readonly #options: WireSocketOptions;
  #inbox: Uint8Array[] = [];
  #isPaused = false;
  #isFull = false;
  #hasEnded = false;
  /** The other side has ended. */
  #isOver = false;

  constructor(options: WireSocketOptions) {
    this.remote = options.remote;
    this.#options = options;
  }

  get bufferedBytes(): number {
    return this.out?.unsentBytes ?? 0;
  }

  write(buffers: readonly Uint8Array[]): boolean {
    if (!this.isOpen || this.#hasEnded || this.out === undefined) return true;
    const bytes = joined(buffers);
    this.#options.onWrite(bytes);
    this.out.write(bytes);
    this.#isFull = this.bufferedBytes > highWaterBytes;
    return !this.#isFull;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#options.process.yieldToIo(() => this.deliver());
  }

  end(): void {
    if (this.#hasEnded || !this.isOpen) return;
    this.#hasEnded = true;
    this.out?.end('fin');
  }

  destroy(): void {
    if (!this.isOpen) return;
    this.out?.drop();
    this.out?.end(this.#options.choices.choose('net.wireDestroy', 2) === 0 ? 'fin' : 'reset');
    this.#close(undefined);
  }

  /** The connection is no more. */
  break(code: string): void {
    this.out?.drop();
    if (this.out !== undefined) this.out.isVoid = true;
    this.#close(Object.assign(new Error(`The connection broke: ${code}.`), { code }));
  }

  /** The process is gone; its machine tells the other side, unless that is off as well. */
  die({ isTold }: { readonly isTold: boolean }): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.out?.drop();
    if (isTold) this.out?.end('reset');
    else if (this.out !== undefined) this.out.isOff = true;
    this.#options.onClosed();
  }

  /** Something has come, in its turn. */
  take(item: Item): void {
    if (!this.isOpen) {
      if (item.type === 'bytes') this.#refuse();
      return;
    }
    const { process, choices, queue } = this.#options;
    switch (item.type) {
      case 'open':
        process.enter(() => {
          if (this.isOpen) this.handler?.onOpen();
        });
        return;
      case 'bytes':
        this.#inbox.push(item.bytes);
        // Now and then what comes next is read together with this.
        if (choices.choose('net.wireJoin', 8) < 7) this.#deliverSoon();
        else queue.after(1, () => this.#deliverSoon());
        return;
      case 'fin':
        this.#isOver = true;
        this.#deliverSoon();
        return;
      case 'reset':
        this.break('ECONNRESET');
    }
  }

  /** All that was written has left. */
  sent(): void {
    if (this.#isFull) {
      this.#isFull = false;
      this.#options.process.yieldToIo(() => {
        if (this.isOpen && !this.#isFull) this.handler?.onDrain();
      });
    }
    this.#maybeOver();
  }

  /** Gives the process what is here. */
  deliver(): void {
    const { handler } = this;
    if (!this.isOpen || this.#isPaused || handler === undefined) return;
    if (this.#inbox.length > 0) {
      const chunk = joined(this.#inbox);
      this.#inbox = [];
      this.#options.delivering(() => handler.onData(chunk));
      this.in?.read(chunk.length);
    }
    this.#maybeOver();
  }

  #deliverSoon(): void {
    this.#options.process.enter(() => this.deliver());
  }

  /** When the other side has ended, so does this one, as sockets of Node do. */
  #maybeOver(): void {
    if (!this.isOpen || !this.#isOver || this.#inbox.length > 0) return;
    this.end();
    if (this.bufferedBytes === 0) this.#close(undefined);
  }

  #close(error: Error | undefined): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#inbox = [];
    this.#options.onClosed();
    this.#options.process.yieldToIo(() => this.handler?.onClose(error));
  }

  /** Nobody is here who could take it, and the machine says so, if it is there. */
  #refuse(): void {
    if (this.in !== undefined) this.in.isVoid = true;
    if (this.#options.isMachineThere()) this.out?.refuse();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
