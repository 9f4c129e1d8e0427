/*
 * What the link needs of sockets, and no more, so that a simulator can bring its own. A socket
 * tells its handler what happens, never within a call that the handler makes, and after `onClose`
 * nothing more.
 */

/** One end of a connection. */
export interface Socket {
  /** Where the other end is, for messages. */
  readonly remote: string;
  /** Names in the verified certificate of the other end; absent without TLS. */
  readonly certificateNames?: readonly string[];
  /** Bytes that were written and that the system has not taken yet. */
  readonly bufferedBytes: number;
  /** Writes the buffers, which nobody changes again. `false`: `onDrain` will say when to go on. */
  write(buffers: readonly Uint8Array[]): boolean;
  pause(): void;
  resume(): void;
  /** Sends what was written, and then the end. */
  end(): void;
  /** Closes at once. What was not sent is lost. */
  destroy(): void;
}

export interface SocketHandler {
  /** A dialled socket can be written to; with TLS, the certificates are verified. */
  onOpen(): void;
  onData(chunk: Uint8Array): void;
  onDrain(): void;
  /** The socket is closed, by whomever; the last call. `error` says why, if that was no plan. */
  onClose(error: Error | undefined): void;
}

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export interface Dialer {
  /** Whether its sockets are encrypted: decided once, and never by what the other side says. */
  readonly isSecure: boolean;
  /** Returns at once; the handler hears how it went. */
  dial(address: SocketAddress, handler: SocketHandler): Socket;
}

/** A socket that somebody has opened to a listener. */
export interface Arrival {
  readonly socket: Socket;
  /** Why this caller must be refused: its certificate is not what is wanted. */
  readonly refusal?: string;
}

/** Somebody who never became a caller: the encryption between the two could not be set up. */
export interface FailedArrival {
  readonly remote: string;
  readonly error: Error;
}

export interface ListenerHandler {
  onSocket(arrival: Arrival): SocketHandler;
  onFailedArrival(failed: FailedArrival): void;
}

export interface Listener {
  readonly port: number;
  /** Takes no more sockets, and closes those that have not arrived. The others stay open. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Default: every address of this machine. */
  readonly host?: string;
  /** Default 0: one that is free. */
  readonly port?: number;
  /** Sockets at a time, also those that are not encrypted yet; more are closed without a word. */
  readonly maxSockets?: number;
}

export interface Acceptor {
  listen(options: ListenOptions, handler: ListenerHandler): Promise<Listener>;
}
