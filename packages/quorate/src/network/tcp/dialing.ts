import { UnsupportedError, WrongTargetError } from '../../errors.ts';
import type { Runtime, Timer } from '../../platform/runtime.ts';
import {
  Connection,
  type ConnectionLimits,
  type ConnectionOwner,
  unreachable,
} from './connection.ts';
import { type Frame, frameTypes } from './frame.ts';
import { type Hello, readWelcome, type Welcome, writeHello } from './handshake-messages.ts';
import type { Dialer, SocketAddress } from './sockets.ts';
import { type NodeNames, otherName } from './tls.ts';
import { commonVersion, wireVersions } from './version.ts';

/** How one side reaches the other, and how patient it is. */
export interface DialOptions {
  readonly dialer: Dialer;
  readonly address: SocketAddress;
  readonly runtime: Runtime;
  readonly limits: ConnectionLimits;
  /** From the beginning of a dial to the welcome. */
  readonly handshakeTimeoutMs: number;
  /** After a failure the next dial waits: at first about `fromMs`, twice as long each time. */
  readonly backOff: { readonly fromMs: number; readonly toMs: number };
  readonly nodeNames?: NodeNames | undefined;
}

export interface DialOwner {
  /** Who dials, by which lane, and who is meant; asked for each dial. */
  hello(): Omit<Hello, 'minVersion' | 'maxVersion'>;
  onReady(connection: Connection, welcome: Welcome): void;
  /** A dial failed. The next one is made when `want` is called again, after a rest. */
  onFailed(reason: Error): void;
  onFrame(frame: Frame): void;
  onDrain(): void;
  /** The connection that was ready is no more. */
  onLost(reason: Error): void;
}

/** A connection that is lost sooner counts as a dial that failed. */
const stableMs = 1000;
const helloHead = { type: frameTypes.hello, group: 0, call: 0 };

/**
 * Sees to it that there is a connection when one is wanted: one dial at a time, and after failures
 * rests that grow and differ by chance, so that many who lost the same node do not return at once.
 */
export class Dialing {
  readonly #options: DialOptions;
  readonly #owner: DialOwner;
  #attempt: Attempt | undefined;
  #rest: Timer | undefined;
  #restUntil = -Infinity;
  #failures = 0;
  #readyAt = -Infinity;
  #isClosed = false;
  /** Sockets that are not closed yet, and who waits for that. */
  #sockets = 0;
  #onNoSocket: (() => void) | undefined;

  constructor(options: DialOptions, owner: DialOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Somebody has something to send: dials, now or after the rest, unless that is under way. */
  want(): void {
    if (this.#isClosed || this.#attempt !== undefined || this.#rest !== undefined) return;
    const restMs = this.#restUntil - this.#options.runtime.now();
    if (restMs <= 0) {
      this.#dial();
      return;
    }
    this.#rest = this.#options.runtime.setTimer(() => {
      this.#rest = undefined;
      this.#dial();
    }, restMs);
  }

  /** Nobody has anything to send any more. A dial that is under way goes on. */
  unwant(): void {
    this.#rest?.cancel();
    this.#rest = undefined;
  }

  /** Resolves when no socket and no timer is left. */
  async close(reason: Error): Promise<void> {
    this.#isClosed = true;
    this.unwant();
    this.#attempt?.connection.destroy(reason);
    if (this.#sockets === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#onNoSocket;
    this.#onNoSocket = () => {
      before?.();
      resolve();
    };
    await promise;
  }

  #dial(): void {
    const { dialer, address, runtime, limits } = this.#options;
    const attempt = new Attempt(this.#options, {
      hello: () => this.#owner.hello(),
      onReady: (welcome) => {
        this.#readyAt = runtime.now();
        this.#owner.onReady(attempt.connection, welcome);
      },
      onFrame: (frame) => this.#owner.onFrame(frame),
      onDrain: () => this.#owner.onDrain(),
      onEnd: (reason) => this.#ended(attempt, reason),
      onClosed: () => this.#socketClosed(),
    });
    this.#attempt = attempt;
    this.#sockets += 1;
    attempt.start(new Connection(attempt, runtime, limits), (handler) =>
      dialer.dial(address, handler),
    );
  }

  #ended(attempt: Attempt, reason: Error): void {
    this.#attempt = undefined;
    if (attempt.isReady && this.#options.runtime.now() - this.#readyAt >= stableMs) {
      this.#failures = 0;
    } else this.#planRest();
    if (attempt.isReady) this.#owner.onLost(reason);
    else this.#owner.onFailed(reason);
  }

  #planRest(): void {
    const { runtime, backOff } = this.#options;
    const longestMs = Math.min(backOff.toMs, backOff.fromMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#restUntil = runtime.now() + longestMs * (0.5 + runtime.random() / 2);
  }

  #socketClosed(): void {
    this.#sockets -= 1;
    if (this.#sockets === 0) this.#onNoSocket?.();
  }
}

interface AttemptOwner {
  hello(): Omit<Hello, 'minVersion' | 'maxVersion'>;
  onReady(welcome: Welcome): void;
  onFrame(frame: Frame): void;
  onDrain(): void;
  onEnd(reason: Error): void;
  onClosed(): void;
}

/** One dial: from the socket to the welcome, and the connection that it leads to. */
class Attempt implements ConnectionOwner {
  isReady = false;
  readonly #options: DialOptions;
  readonly #owner: AttemptOwner;
  #connection: Connection | undefined;
  #deadline: Timer | undefined;
  #target: string | undefined;

  constructor(options: DialOptions, owner: AttemptOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  get connection(): Connection {
    if (this.#connection === undefined) throw new Error('The dial has not begun.');
    return this.#connection;
  }

  start(
    connection: Connection,
    dial: (handler: Connection) => Parameters<Connection['attach']>[0],
  ): void {
    this.#connection = connection;
    const { runtime, handshakeTimeoutMs } = this.#options;
    this.#deadline = runtime.setTimer(() => {
      const what = `accepted no connection within ${handshakeTimeoutMs} ms`;
      connection.destroy(unreachable(connection.socket.remote, what));
    }, handshakeTimeoutMs);
    connection.attach(dial(connection));
  }

  onOpen(): void {
    const hello = this.#owner.hello();
    this.#target = hello.target?.node;
    const strange = this.#strangeCertificate(this.#target);
    if (strange !== undefined) this.connection.destroy(strange);
    else this.connection.send(helloHead, writeHello({ ...wireVersions, ...hello }));
  }

  onFrame(frame: Frame): void {
    if (this.isReady) {
      this.#owner.onFrame(frame);
      return;
    }
    const welcome = this.#read(frame);
    if (welcome instanceof Error) {
      this.connection.sayGoodbye(welcome);
      return;
    }
    this.#deadline?.cancel();
    this.isReady = true;
    this.connection.welcome();
    this.#owner.onReady(welcome);
  }

  onDrain(): void {
    if (this.isReady) this.#owner.onDrain();
  }

  onEnd(reason: Error): void {
    this.#deadline?.cancel();
    this.#owner.onEnd(reason);
  }

  onClosed(): void {
    this.#owner.onClosed();
  }

  /** With ids tied to names, a server must show the name of the node that is meant. */
  #strangeCertificate(target: string | undefined): Error | undefined {
    const { nodeNames } = this.#options;
    if (nodeNames === undefined || target === undefined) return undefined;
    const { certificateNames = [], remote } = this.connection.socket;
    try {
      if (nodeNames(target, certificateNames)) return undefined;
    } catch (error) {
      return unreachable(remote, `may not be node ${target}: the rule of names failed`, error);
    }
    return unreachable(remote, otherName(target, certificateNames));
  }

  #read(frame: Frame): Welcome | Error {
    const { remote } = this.connection.socket;
    if (frame.type !== frameTypes.welcome) {
      return unreachable(remote, `answered a hello with a frame of type ${frame.type}`);
    }
    let welcome: Welcome;
    try {
      welcome = readWelcome(frame.body);
    } catch (error) {
      return unreachable(remote, 'sent a welcome that is none', error);
    }
    const { version, node } = welcome;
    if (commonVersion(wireVersions, { minVersion: version, maxVersion: version }) === undefined) {
      return new UnsupportedError(`${remote} speaks version ${version}, which nobody asked for.`);
    }
    if (this.#target !== undefined && node !== undefined && node !== this.#target) {
      return new WrongTargetError(`At ${remote} is node ${node}, not node ${this.#target}.`);
    }
    // Of whom nobody knew the name, the name is what it says now.
    return this.#strangeCertificate(this.#target ?? node) ?? welcome;
  }
}
