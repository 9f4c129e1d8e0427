import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';

/** What happens to the bytes that go one way. */
export interface Manner {
  /** They go no further; the connections stay open, and what was sent comes late or never. */
  readonly isHeld: boolean;
  readonly delayMs: number;
  /** How many of them pass in a second. */
  readonly bytesPerSecond: number;
}

export const freeWay: Manner = { isHeld: false, delayMs: 0, bytesPerSecond: Infinity };

/** What one direction of a connection keeps at most before it stops reading. */
const maxKeptBytes = 256 * 1024;

interface Piece {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

/** One direction of one connection. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #manner: () => Manner;
  readonly #pieces: Piece[] = [];
  #keptBytes = 0;
  #freeAt = 0;
  #hasEnded = false;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(from: Socket, to: Socket, manner: () => Manner) {
    this.#from = from;
    this.#to = to;
    this.#manner = manner;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#hasEnded = true;
      this.pass();
    });
    to.on('drain', () => this.pass());
    from.on('close', () => clearTimeout(this.#timer));
  }

  /** Passes on what is due; call it when the manner changes. */
  pass(): void {
    clearTimeout(this.#timer);
    if (this.#manner().isHeld || this.#to.destroyed) return;
    const now = performance.now();
    for (;;) {
      const [next] = this.#pieces;
      if (next === undefined) break;
      if (next.dueAt > now) {
        this.#timer = setTimeout(() => this.pass(), next.dueAt - now);
        return;
      }
      this.#pieces.shift();
      this.#keptBytes -= next.bytes.length;
      if (!this.#to.write(next.bytes)) break;
    }
    if (this.#keptBytes <= maxKeptBytes) this.#from.resume();
    if (this.#hasEnded && this.#pieces.length === 0) this.#to.end();
  }

  #take(bytes: Buffer): void {
    const { delayMs, bytesPerSecond } = this.#manner();
    const now = performance.now();
    const from = Math.max(now + delayMs, this.#freeAt);
    this.#freeAt = from + (1000 * bytes.length) / bytesPerSecond;
    this.#pieces.push({ bytes, dueAt: this.#freeAt });
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > maxKeptBytes) this.#from.pause();
    this.pass();
  }
}

/**
 * The way from one node to another: a port of its own, at which only that node calls, and behind it
 * whoever has the other node's place. Requests and answers can be treated differently.
 */
export class Link {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #ways = new Set<Way>();
  /** Connections that came while nothing passed. */
  readonly #waiting = new Set<Socket>();
  /** Connections whose other side is gone, which nobody on this side knows yet. */
  readonly #broken = new Set<Socket>();
  #requests: Manner = freeWay;
  #answers: Manner = freeWay;
  #target: number | undefined = undefined;

  private constructor() {
    // What one side ends, the other may still answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket));
  }

  static async open(): Promise<Link> {
    const link = new Link();
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The port to which new connections lead. `undefined`: nobody is there. */
  lead(target: number | undefined): void {
    this.#target = target;
  }

  /** Changes what is done from now on, with the connections that are open, too. */
  treat({ requests, answers }: { requests?: Manner; answers?: Manner }): void {
    this.#requests = requests ?? this.#requests;
    this.#answers = answers ?? this.#answers;
    if (!this.#requests.isHeld) {
      for (const socket of this.#waiting) this.#connect(socket);
      this.#waiting.clear();
    }
    if (!this.#answers.isHeld) {
      for (const socket of this.#broken) socket.resetAndDestroy();
    }
    for (const way of this.#ways) way.pass();
  }

  /** Resets every connection. What was held of them is lost. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #take(socket: Socket): void {
    this.#keep(socket);
    if (!this.#requests.isHeld) {
      this.#connect(socket);
      return;
    }
    this.#waiting.add(socket);
    socket.on('close', () => this.#waiting.delete(socket));
  }

  #connect(socket: Socket): void {
    if (this.#target === undefined) {
      socket.resetAndDestroy();
      return;
    }
    const behind = new Socket({ allowHalfOpen: true });
    this.#keep(behind);
    behind.connect(this.#target, '127.0.0.1');
    const there = new Way(socket, behind, () => this.#requests);
    const back = new Way(behind, socket, () => this.#answers);
    for (const way of [there, back]) this.#ways.add(way);
    socket.on('close', () => {
      for (const way of [there, back]) this.#ways.delete(way);
      this.#broken.delete(socket);
      behind.destroy();
    });
    behind.on('close', (hadError) => {
      if (!hadError) return; // What it sent is passed on, and then its end.
      // While nothing passes, it is not learned either that the other side is gone.
      if (this.#answers.isHeld) this.#broken.add(socket);
      else socket.resetAndDestroy();
    });
  }

  #keep(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Broken connections are what this is for.
    socket.on('error', () => undefined);
  }
}
