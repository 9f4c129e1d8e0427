import type {
  Acceptor,
  Dialer,
  Listener,
  ListenerHandler,
  ListenOptions,
  Socket,
  SocketAddress,
  SocketHandler,
} from '../../../src/network/tcp/sockets.ts';
import type { Timer } from '../../../src/platform/runtime.ts';
import { VirtualRuntime } from '../../node/virtual-runtime.ts';

/** Turns of the event loop take no time and come in their order, between two timers. */
export class WireRuntime extends VirtualRuntime {
  override yieldToIo(run: () => void): void {
    this.setTimer(run, 0);
  }
}

const latencyMs = 1;
/** What a socket gives at a time. */
const pieceBytes = 16 * 1024;
/** Beyond this a socket says that it is full. */
const highWaterBytes = 64 * 1024;

/** Sockets in virtual time, with faults. */
export class FakeNet implements Dialer, Acceptor {
  readonly isSecure = false;
  readonly runtime: WireRuntime;
  /** When each dial was made. */
  readonly dials: number[] = [];
  /** Every socket that was made, in pairs: who dialled, who listened. */
  readonly sockets: FakeSocket[] = [];
  /** `refused` at once, or no answer at all. */
  trouble: 'none' | 'refused' | 'silent' = 'none';
  /** What a socket sends in a millisecond, unless it has a speed of its own. */
  bytesPerMs = Infinity;
  /** Whether sockets keep what was written to them. */
  isRecording = true;
  readonly #listeners = new Map<number, ListenerHandler>();
  #nextPort = 1000;

  constructor(runtime: WireRuntime) {
    this.runtime = runtime;
  }

  get openSockets(): number {
    return this.sockets.filter(({ isOpen }) => isOpen).length;
  }

  async listen({ port }: ListenOptions, handler: ListenerHandler): Promise<Listener> {
    const own = port ?? this.#nextPort++;
    this.#listeners.set(own, handler);
    return { port: own, close: async () => void this.#listeners.delete(own) };
  }

  dial({ host, port }: SocketAddress, handler: SocketHandler): Socket {
    this.dials.push(this.runtime.now());
    const near = new FakeSocket(this, `${host}:${port}`);
    const far = new FakeSocket(this, 'caller');
    near.other = far;
    far.other = near;
    near.handler = handler;
    this.sockets.push(near);
    if (this.trouble === 'silent') return near;
    this.runtime.setTimer(() => {
      const listener = this.#listeners.get(port);
      if (!near.isOpen) return;
      if (this.trouble === 'refused' || listener === undefined) {
        near.close(new Error('connect ECONNREFUSED'));
        return;
      }
      this.sockets.push(far);
      far.handler = listener.onSocket({ socket: far });
      handler.onOpen();
    }, latencyMs);
    return near;
  }
}

/** One end. */
export class FakeSocket implements Socket {
  readonly remote: string;
  isOpen = true;
  handler: SocketHandler | undefined;
  other!: FakeSocket;
  /** What is written is lost on the way, and nobody notices. */
  swallows = false;
  /** A bit of the next piece is flipped on the way. */
  flipsNext = false;
  /** How often `write` was called, and what was written. */
  writes = 0;
  written: Buffer[] = [];
  bufferedBytes = 0;
  /** The most that was ever in `bufferedBytes`. */
  mostBuffered = 0;
  isPaused = false;
  /** What it sends in a millisecond, if that is not what the others do. */
  bytesPerMs: number | undefined;
  readonly #net: FakeNet;
  readonly #pieces: Uint8Array[] = [];
  #isFull = false;
  #hasEnded = false;
  #pump: Timer | undefined;

  constructor(net: FakeNet, remote: string) {
    this.#net = net;
    this.remote = remote;
  }

  write(buffers: readonly Uint8Array[]): boolean {
    if (!this.isOpen || this.#hasEnded) return true;
    this.writes += 1;
    for (const buffer of buffers) {
      if (this.#net.isRecording) this.written.push(Buffer.from(buffer));
      for (let at = 0; at < buffer.length; at += pieceBytes) {
        this.#pieces.push(Uint8Array.from(buffer.subarray(at, at + pieceBytes)));
      }
      this.bufferedBytes += buffer.length;
    }
    this.mostBuffered = Math.max(this.mostBuffered, this.bufferedBytes);
    this.#isFull = this.bufferedBytes > highWaterBytes;
    this.#plan();
    return !this.#isFull;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.other.#plan();
  }

  end(): void {
    this.#hasEnded = true;
    this.#plan();
  }

  destroy(): void {
    this.close(undefined);
    this.other.close(undefined);
  }

  /** Tells the handler in a moment. */
  close(error: Error | undefined): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#pump?.cancel();
    this.#net.runtime.setTimer(() => this.handler?.onClose(error), latencyMs);
  }

  #plan(): void {
    if (this.#pump !== undefined || !this.isOpen || this.other.isPaused) return;
    const [piece] = this.#pieces;
    if (piece === undefined && !this.#hasEnded) return;
    const ms = latencyMs + (piece?.length ?? 0) / (this.bytesPerMs ?? this.#net.bytesPerMs);
    this.#pump = this.#net.runtime.setTimer(() => this.#deliver(), ms);
  }

  #deliver(): void {
    this.#pump = undefined;
    if (this.other.isPaused) return;
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      this.destroy();
      return;
    }
    this.bufferedBytes -= piece.length;
    if (this.flipsNext) {
      this.flipsNext = false;
      const middle = piece.length >> 1;
      piece[middle] = (piece[middle] ?? 0) ^ 4;
    }
    if (!this.swallows && this.other.isOpen) this.other.handler?.onData(piece);
    if (this.#isFull && this.bufferedBytes === 0 && this.isOpen) {
      this.#isFull = false;
      this.handler?.onDrain();
    }
    this.#plan();
  }
}
