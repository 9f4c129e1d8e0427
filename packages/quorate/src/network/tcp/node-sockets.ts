import { once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer,
  type Socket as NetSocket,
  type Server,
} from 'node:net';
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import { remoteName } from './address.ts';
import type {
  Acceptor,
  Dialer,
  Listener,
  ListenerHandler,
  ListenOptions,
  Socket,
  SocketHandler,
} from './sockets.ts';
import { namesOf, type TlsOptions, withAdvice } from './tls.ts';

/** How long a caller may take to set up the encryption. */
const tlsHandshakeMs = 5000;

/**
 * Dials by node:net, or by node:tls if there are options for it. `demand`: whose name a certificate
 * must show, the host's, or the node's if ids are tied to names.
 */
export function nodeDialer(
  tls: TlsOptions | undefined,
  { demand }: { readonly demand: 'host' | 'node' },
): Dialer {
  if (tls === undefined) {
    return {
      isSecure: false,
      dial: ({ host, port }, handler) => {
        const socket = connect({ host, port, noDelay: true });
        return new NodeSocket(socket, remoteName({ host, port })).handledBy(handler, 'connect');
      },
    };
  }
  const { serverName } = tls;
  const isNode = demand === 'node' && tls.nodeNames !== undefined;
  // Made now, so that what is wrong with it shows at once.
  const current = new CurrentContext(tls);
  return {
    isSecure: true,
    dial: ({ host, port }, handler) => {
      const socket = connectTls({
        host,
        port,
        secureContext: current.newest(),
        ...(serverName === undefined ? {} : { servername: serverName }),
        rejectUnauthorized: true,
        // The link compares the names with the node that it means, and nothing goes out before.
        ...(isNode ? { checkServerIdentity: () => undefined } : {}),
      });
      socket.setNoDelay(true);
      return new NodeSocket(socket, remoteName({ host, port })).handledBy(handler, 'secureConnect');
    },
  };
}

/** Listens by node:net, or by node:tls if there are options for it. */
export function nodeAcceptor(tls: TlsOptions | undefined): Acceptor {
  return {
    listen: async (options, handler) => {
      const arriving = new Map<string, NetSocket>();
      const server = tls === undefined ? plainServer(handler) : tlsServer(tls, handler, arriving);
      if (options.maxSockets !== undefined) server.maxConnections = options.maxSockets;
      server.listen({ port: options.port ?? 0, ...hostOf(options) });
      await once(server, 'listening');
      // From now on, an error is one of a single socket that could not be accepted.
      server.on('error', (error) => handler.onFailedArrival({ remote: 'a caller', error }));
      server.on('drop', (dropped) => {
        const remote = `${dropped?.remoteAddress}:${dropped?.remotePort}`;
        handler.onFailedArrival({ remote, error: new Error('There are too many sockets.') });
      });
      return listenerOf(server, arriving);
    },
  };
}

function plainServer(handler: ListenerHandler): Server {
  return createServer({ noDelay: true }, (socket) => {
    const accepted = new NodeSocket(socket, callerName(socket));
    accepted.handledBy(handler.onSocket({ socket: accepted }));
  });
}

/** `arriving`: the sockets that are not encrypted yet, which nobody else knows. */
function tlsServer(
  tls: TlsOptions,
  handler: ListenerHandler,
  arriving: Map<string, NetSocket>,
): Server {
  const current = new CurrentContext(tls);
  const server = createTlsServer({
    ...contextOf(tls),
    requestCert: true,
    // Callers with a bad certificate are told so, and then refused: see `refusalOf`.
    rejectUnauthorized: false,
    handshakeTimeout: tlsHandshakeMs,
    noDelay: true,
  });
  // Before the server itself hears of it, and begins with what it has.
  server.prependListener('connection', () => {
    if (current.isRenewed()) server.setSecureContext(contextOf(tls));
  });
  server.on('connection', (socket: NetSocket) => {
    const name = callerName(socket);
    arriving.set(name, socket);
    socket.once('close', () => arriving.delete(name));
  });
  server.on('secureConnection', (socket) => {
    const name = callerName(socket);
    arriving.delete(name);
    const accepted = new NodeSocket(socket, name);
    const refusal = refusalOf(socket);
    const arrival = { socket: accepted, ...(refusal === undefined ? {} : { refusal }) };
    accepted.handledBy(handler.onSocket(arrival));
  });
  server.on('tlsClientError', (error, socket) => {
    handler.onFailedArrival({ remote: callerName(socket), error });
    socket.destroy();
  });
  return server;
}

/** What the options say now, as long as that can be read; otherwise what they said before. */
class CurrentContext {
  readonly #tls: TlsOptions;
  #context: SecureContext;
  #seen: readonly unknown[];

  /** @throws {Error} if what the options say cannot be read. */
  constructor(tls: TlsOptions) {
    this.#tls = tls;
    this.#context = createSecureContext(contextOf(tls));
    this.#seen = partsOf(tls);
  }

  newest(): SecureContext {
    this.isRenewed();
    return this.#context;
  }

  /** Whether they say something else than at the last look, that can be read. */
  isRenewed(): boolean {
    const seen = partsOf(this.#tls);
    if (seen.every((part, at) => part === this.#seen[at])) return false;
    this.#seen = seen;
    try {
      this.#context = createSecureContext(contextOf(this.#tls));
      return true;
    } catch {
      return false; // Who changes them has to look whether they are right.
    }
  }
}

function partsOf({ ca, cert, key, passphrase }: TlsOptions): readonly unknown[] {
  return [ca, cert, key, passphrase];
}

function contextOf({ ca, cert, key, passphrase }: TlsOptions): SecureContextOptions {
  return {
    ca: (Array.isArray(ca) ? ca : [ca]).map(pem),
    cert: pem(cert),
    key: pem(key),
    ...(passphrase === undefined ? {} : { passphrase }),
    minVersion: 'TLSv1.3',
  };
}

function pem(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
}

function refusalOf(socket: TLSSocket): string | undefined {
  if (socket.getPeerX509Certificate() === undefined) {
    return 'it shows no certificate; give it one that the `ca` of this side has signed';
  }
  if (socket.authorized) return undefined;
  const code = String(socket.authorizationError);
  return withAdvice(`its certificate is not believed: ${code}`, code);
}

function hostOf({ host }: ListenOptions): { host?: string } {
  return host === undefined ? {} : { host };
}

function listenerOf(server: Server, arriving: ReadonlyMap<string, NetSocket>): Listener {
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: async () => {
      if (!server.listening) return;
      // Its event waits for every socket that is still open, and this must not.
      server.close();
      for (const socket of arriving.values()) socket.destroy();
    },
  };
}

function callerName({ remoteAddress, remotePort }: NetSocket): string {
  if (remoteAddress === undefined) return 'a caller that is gone';
  return remoteName({ host: remoteAddress, port: remotePort ?? 0 });
}

/** The error, with what to do about it if it is one about a certificate. */
function advised(error: Error & { readonly code?: string }): Error {
  const { code } = error;
  const message = withAdvice(error.message, code);
  if (message === error.message) return error;
  return Object.assign(new Error(message, { cause: error }), { code });
}

/** A socket of Node behind the few words that the link knows. */
class NodeSocket implements Socket {
  readonly remote: string;
  readonly #socket: NetSocket;
  #error: Error | undefined;

  constructor(socket: NetSocket, remote: string) {
    this.#socket = socket;
    this.remote = remote;
    // A socket may break before anybody listens to it.
    socket.on('error', (error) => (this.#error = advised(error)));
  }

  handledBy(handler: SocketHandler, opening?: 'connect' | 'secureConnect'): this {
    const socket = this.#socket;
    if (opening !== undefined) socket.once(opening, () => handler.onOpen());
    socket.on('data', (chunk: Buffer) => handler.onData(chunk));
    socket.on('drain', () => handler.onDrain());
    socket.once('close', () => handler.onClose(this.#error));
    return this;
  }

  get certificateNames(): readonly string[] {
    return 'getPeerCertificate' in this.#socket
      ? namesOf((this.#socket as TLSSocket).getPeerCertificate())
      : [];
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(buffers: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    const [only] = buffers;
    if (buffers.length === 1 && only !== undefined) return socket.write(only);
    let hasRoom = true;
    socket.cork();
    for (const buffer of buffers) hasRoom = socket.write(buffer);
    socket.uncork();
    return hasRoom;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
