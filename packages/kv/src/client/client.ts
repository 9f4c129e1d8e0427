import { nodeRuntime, type Runtime } from 'quorate';
import type { ConnectionOptions, Dialer, TlsOptions } from 'quorate/network/tcp';
import { BaseClient } from './base-client.ts';
import type { ClientOptions } from './parts.ts';
import { TcpWire } from './tcp-transport.ts';

export interface KvClientOptions extends ClientOptions {
  /** `host:port` of some members; the others are learned from them. */
  readonly servers: readonly string[];
  /** Without it nothing is encrypted, and whoever answers is believed. */
  readonly tls?: TlsOptions;
  /** Bounds and timings of the connections. */
  readonly connection?: ConnectionOptions;
  /** Time and chance. Default: those of the process. */
  readonly runtime?: Runtime;
  /** Who brings the sockets: for a simulator. */
  readonly sockets?: Dialer;
}

/**
 * A client of a cluster, by the native protocol: one connection with each member that it needs.
 *
 *     await using kv = new KvClient({ servers: ['127.0.0.1:7001'] });
 *     await kv.put('greeting', 'hello');
 */
export class KvClient extends BaseClient {
  /** @throws {RangeError} if an address is none, or an option is not a positive number. */
  constructor(options: KvClientOptions) {
    const { tls, connection, sockets, runtime = nodeRuntime } = options;
    const dialing = {
      ...connection,
      runtime,
      ...(tls === undefined ? {} : { tls }),
      ...(sockets === undefined ? {} : { sockets }),
    };
    super(new TcpWire(dialing, runtime), runtime, options);
  }
}
