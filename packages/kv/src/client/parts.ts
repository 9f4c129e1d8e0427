import type { KvStatus } from '../types.ts';
import type { CallsHost } from './calls-host.ts';
import { Cluster, type ClusterHost } from './cluster.ts';
import { ColdCalls } from './cold-calls.ts';
import { Deadlines } from './deadlines.ts';
import { Leases } from './leases.ts';
import { type Member, Members } from './members.ts';
import { Pauses } from './pauses.ts';
import { Reads } from './reads.ts';
import type { ClientRuntime } from './runtime.ts';
import { readSnapshot, type SnapshotOptions } from './snapshots.ts';
import type { Wire } from './transport.ts';
import type { Waiting } from './turn-message.ts';
import { Watches } from './watches.ts';
import { Writes } from './writes.ts';

export interface ClientOptions {
  /** Where some members are; the others are learned from them. */
  readonly servers: readonly string[];
  /**
   * Whether members are also reached where they say that they are. `false` where that is no address
   * for this side; then name all servers. Default `true`.
   */
  readonly discover?: boolean | undefined;
  /** How long a call is tried if it does not say so, in milliseconds. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Calls that may wait for answers: so many writes, and so many reads. Default 100,000. */
  readonly maxPendingCalls?: number | undefined;
  /** Bytes of writes that may be unanswered. Default 64 MiB. */
  readonly maxPendingBytes?: number | undefined;
  /** Watches at a time. Default 10,000. */
  readonly maxWatches?: number | undefined;
  /** Leases that are kept alive at a time. Default 10,000. */
  readonly maxLeases?: number | undefined;
}

/** How long the cluster may take to hear that a session is over; it would find out by itself. */
const closeSessionMs = 500;

/** What a client is made of, put together. */
export class ClientParts {
  readonly timeoutMs: number;
  readonly writes: Writes;
  readonly reads: Reads;
  readonly cold: ColdCalls;
  readonly watches: Watches;
  readonly leases: Leases;
  readonly #host: CallsHost;
  #closed: Promise<void> | undefined;

  /** @throws {RangeError} if an option is none. */
  constructor(wire: Wire, runtime: ClientRuntime, options: ClientOptions) {
    const timeoutMs = positive('timeoutMs', options.timeoutMs ?? 5000);
    const host: CallsHost = {
      wire,
      runtime,
      members: new Members({ ...options, wire, runtime }),
      deadlines: new Deadlines(runtime),
      pauses: new Pauses(runtime),
      maxPendingCalls: positive('maxPendingCalls', options.maxPendingCalls ?? 100_000),
      maxPendingBytes: positive('maxPendingBytes', options.maxPendingBytes ?? 64 * 1024 ** 2),
    };
    this.#host = host;
    this.timeoutMs = timeoutMs;
    this.writes = new Writes(host);
    this.reads = new Reads(host);
    this.cold = new ColdCalls(host);
    this.watches = new Watches(host, {
      // One key is enough to learn the revision.
      newestRevision: ({ key }) =>
        this.reads.range({ key, countOnly: true }, ({ revision }) => revision, { timeoutMs }),
      maxWatches: positive('maxWatches', options.maxWatches ?? 10_000),
    });
    this.leases = new Leases(host, {
      writes: this.writes,
      cold: this.cold,
      timeoutMs,
      maxLeases: positive('maxLeases', options.maxLeases ?? 10_000),
    });
  }

  /** `waits` reads how a call of the cluster waits. */
  cluster(waits: ClusterHost['waits']): Cluster {
    return new Cluster({ host: this.#host, cold: this.cold, waits });
  }

  /** The whole store as a backup file, from a follower if it can be. */
  async *snapshot(
    options: SnapshotOptions,
    waiting: Waiting,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (options.serializable !== true) {
      const ask = ({ transport }: Member, timeoutMs: number): Promise<KvStatus> =>
        transport.cold('status', {}, { timeoutMs });
      this.#host.members.learn(await this.cold.run(ask, waiting));
    }
    yield* readSnapshot(this.#host, options, waiting);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { members, deadlines, pauses } = this.#host;
    const { session } = this.writes;
    this.watches.close();
    this.leases.close();
    this.cold.close();
    this.reads.close();
    this.writes.close();
    pauses.close();
    deadlines.close();
    if (session !== undefined) await this.#closeSession(session);
    await members.close();
  }

  async #closeSession(id: number): Promise<void> {
    const { transport } = this.#host.members.leader();
    try {
      await transport.cold('closeSession', { id }, { timeoutMs: closeSessionMs });
    } catch {
      // It expires by itself when others have been used after it.
    }
  }
}

/** @throws {RangeError} if it is not. */
export function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new RangeError(`${name} must be a positive number; got ${value}.`);
}
