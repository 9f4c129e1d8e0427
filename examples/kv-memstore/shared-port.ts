import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket as NetSocket, type Server } from 'node:net';
import type {
  Acceptor,
  Listener,
  ListenerHandler,
  ListenOptions,
  Socket,
  SocketHandler,
} from 'quorate/network/tcp';

/** A frame begins with its length, lowest byte first; of the first frame, the fourth byte is 0. */
const decidingBytes = 4;
/** Who has not said by then what it speaks is gone, or means no good. */
const decideWithinMs = 10_000;

/**
 * Lets the frames of other nodes and the HTTP of clients come to one port, so that one address says
 * where a node is. The first bytes of a connection tell which of the two it is: those of HTTP are
 * letters.
 */
export class SharedPort implements Acceptor {
  readonly #http: HttpServer;
  /** Those that speak HTTP, and those of which nobody knows yet. */
  readonly #sockets = new Set<NetSocket>();

  constructor(http: HttpServer) {
    this.#http = http;
  }

  async listen(options: ListenOptions, handler: ListenerHandler): Promise<Listener> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#keep(socket);
      whenDecided(socket, (speaksFrames) => {
        if (!speaksFrames) {
          this.#http.emit('connection', socket);
          return;
        }
        this.#sockets.delete(socket);
        acceptFrames(socket, handler);
      });
    });
    if (options.maxSockets !== undefined) server.maxConnections = options.maxSockets;
    const { host, port = 0 } = options;
    server.listen({ port, ...(host === undefined ? {} : { host }) });
    await once(server, 'listening');
    server.on('error', (error) => handler.onFailedArrival({ remote: 'a caller', error }));
    return this.#listenerOf(server);
  }

  #keep(socket: NetSocket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // Callers may break off; `close` follows.
    socket.on('error', () => undefined);
  }

  #listenerOf(server: Server): Listener {
    const { port } = server.address() as AddressInfo; // A server that listens on a port has one.
    return {
      port,
      close: async () => {
        server.close();
        for (const socket of this.#sockets) socket.destroy();
      },
    };
  }
}

/** Reads the first bytes and puts them back, so that whoever takes the socket reads them again. */
function whenDecided(socket: NetSocket, decide: (speaksFrames: boolean) => void): void {
  let head: Buffer = Buffer.alloc(0);
  const look = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    if (head.length < decidingBytes) return;
    socket.off('data', look);
    socket.off('timeout', giveUp);
    socket.off('end', giveUp);
    socket.setTimeout(0);
    socket.pause();
    socket.unshift(head);
    decide(head[decidingBytes - 1] === 0);
    socket.resume();
  };
  const giveUp = (): void => void socket.destroy();
  socket.on('data', look);
  socket.on('timeout', giveUp);
  socket.on('end', giveUp);
  socket.setTimeout(decideWithinMs);
}

function acceptFrames(socket: NetSocket, listener: ListenerHandler): void {
  const handler: SocketHandler = listener.onSocket({ socket: frameSocket(socket) });
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  socket.on('data', (chunk: Buffer) => handler.onData(chunk));
  socket.on('drain', () => handler.onDrain());
  socket.once('close', () => handler.onClose(failure));
}

/** A socket of Node, in the words of the library. */
function frameSocket(socket: NetSocket): Socket {
  return {
    remote: `${socket.remoteAddress}:${socket.remotePort}`,
    get bufferedBytes() {
      return socket.writableLength;
    },
    write: (buffers) => {
      let hasRoom = true;
      socket.cork();
      for (const buffer of buffers) hasRoom = socket.write(buffer);
      socket.uncork();
      return hasRoom;
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}
