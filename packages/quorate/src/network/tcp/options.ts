import type { NodeId } from '../../core/types.ts';
import { nodeRuntime, type Runtime } from '../../platform/runtime.ts';
import type { ConnectionLimits } from './connection.ts';
import type { LinkOptions } from './link.ts';
import type { Dialer } from './sockets.ts';
import { nodeNamesOf, type TlsOptions } from './tls.ts';

/** Bounds that both ends of a connection have. */
export interface ConnectionOptions {
  /** The longest message that is read. Default 64 MiB. */
  readonly maxMessageBytes?: number;
  /**
   * Bytes that may wait for a connection or its socket; further calls are refused at once, and what
   * comes from who does not take its answers is not read. Default 64 MiB.
   */
  readonly maxQueuedBytes?: number;
  /**
   * When nothing came over a connection for so long, the other side is asked whether it is there,
   * in milliseconds. Default 500.
   */
  readonly pingAfterMs?: number;
  /** When nothing came for so long, the connection is given up. Default 2000. */
  readonly deadAfterMs?: number;
}

/** How one side reaches others. */
export interface DialingOptions extends ConnectionOptions {
  /** Without it nothing is encrypted, and whoever answers is believed. */
  readonly tls?: TlsOptions;
  /** How long it may take until a connection can be used, in milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number;
  /**
   * After a failure the next dial waits about this long, and twice as long each time. Default 10.
   */
  readonly minBackOffMs?: number;
  /** The longest of these waits. Default 150. */
  readonly maxBackOffMs?: number;
  /** Calls on one connection that may be unanswered; one more is refused. Default 65536. */
  readonly maxOpenCalls?: number;
  /** Time and chance. Default: those of the process. */
  readonly runtime?: Runtime;
  /** Who brings the sockets: for a simulator. Default: Node, with `tls` if that is given. */
  readonly sockets?: Dialer;
  /**
   * Called after each dial that led to no connection: for a log. While there is something to send,
   * dials follow one another by the waits above, so the same is told again and again.
   */
  readonly onFailedDial?: (failed: FailedDial) => void;
}

/** Somebody who was dialled and cannot be reached, or is not who is meant, or refuses this side. */
export interface FailedDial {
  /** The node that was meant, if it is one whose name is known. */
  readonly node?: NodeId;
  /** `host:port`. */
  readonly remote: string;
  readonly reason: Error;
}

/** @throws {RangeError} if an option is not a positive number. */
export function linkOptions(
  owner: string,
  options: DialingOptions,
  dialer: Dialer,
): Omit<LinkOptions, 'lane' | 'address' | 'target'> {
  const fromMs = positive(owner, 'minBackOffMs', options.minBackOffMs ?? 10);
  const toMs = positive(owner, 'maxBackOffMs', options.maxBackOffMs ?? Math.max(150, fromMs));
  if (toMs < fromMs) {
    throw new RangeError(`${owner}: maxBackOffMs must be at least ${fromMs}; got ${toMs}.`);
  }
  return {
    dialer,
    runtime: options.runtime ?? nodeRuntime,
    limits: connectionLimits(owner, options),
    handshakeTimeoutMs: positive(owner, 'connectTimeoutMs', options.connectTimeoutMs ?? 5000),
    backOff: { fromMs, toMs },
    nodeNames: nodeNamesOf(options.tls),
    maxOpenCalls: positive(owner, 'maxOpenCalls', options.maxOpenCalls ?? 65_536),
    onFailedDial: options.onFailedDial,
  };
}

/** @throws {RangeError} if an option is not a positive number. */
export function connectionLimits(owner: string, options: ConnectionOptions): ConnectionLimits {
  const limits = {
    maxBodyBytes: positive(owner, 'maxMessageBytes', options.maxMessageBytes ?? 64 * 1024 ** 2),
    maxQueuedBytes: positive(owner, 'maxQueuedBytes', options.maxQueuedBytes ?? 64 * 1024 ** 2),
    pingAfterMs: positive(owner, 'pingAfterMs', options.pingAfterMs ?? 500),
    deadAfterMs: positive(owner, 'deadAfterMs', options.deadAfterMs ?? 2000),
  };
  if (limits.maxBodyBytes >= 2 ** 32) {
    throw new RangeError(`${owner}: maxMessageBytes must be below 4 GiB.`);
  }
  if (limits.pingAfterMs * 2 <= limits.deadAfterMs) return limits;
  throw new RangeError(
    `${owner}: deadAfterMs must be at least twice pingAfterMs (${limits.pingAfterMs}); got ${limits.deadAfterMs}.`,
  );
}

export function positive(owner: string, name: string, value: number): number {
  if (value > 0) return value;
  throw new RangeError(`${owner}: ${name} must be a positive number; got ${value}.`);
}
