import type { Codec } from '../contract/codec.ts';
import type { Network } from '../contract/network.ts';
import type { AnyStateMachine } from '../contract/state-machine.ts';
import type { Storage } from '../contract/storage.ts';
import type { NodeId } from '../core/types.ts';
import type { Runtime } from '../platform/runtime.ts';
import { checkLogger, type Logger } from './logger.ts';

/** Times, sizes and counts. Every queue in the library has its bound here. */
export interface RaftConfig {
  /** How often an idle leader speaks, in milliseconds. Default 50. */
  readonly heartbeatMs: number;
  /**
   * A follower waits a random time in this range before it campaigns. A leader that reaches no
   * quorum for `max` steps down; a follower that heard its leader within `min` votes for nobody
   * else. Default 300 to 600.
   */
  readonly electionTimeoutMs: { readonly min: number; readonly max: number };
  /**
   * How much faster or slower one node's clock may run than another's, as a share of the time that
   * passes: 0 to below 1. Lease reads are safe as long as this holds. Default 0.1.
   */
  readonly maxClockDrift: number;
  /**
   * Whether a node that does not lead passes writes on to the leader. If not, it refuses them with
   * a `NotLeaderError` that names the leader. Default `true`.
   */
  readonly forwardWrites: boolean;
  /**
   * How long a call to another node may take, in milliseconds; an append is given one more for each
   * KiB that it carries, and that those before it carry which are not answered. Default 1000.
   */
  readonly callTimeoutMs: number;
  /**
   * AppendEntries calls under way to one follower; on a network that is not ordered, 1. Default 8.
   */
  readonly maxInflightAppends: number;
  /**
   * Payload of one AppendEntries call and of one `apply`, in bytes; one entry may be larger.
   * Default 1 MiB.
   */
  readonly maxAppendBytes: number;
  /**
   * The largest command, in bytes. A network must carry it: over HTTP it takes four thirds of its
   * size. Default 16 MiB, or `maxPendingBytes` if that is less.
   */
  readonly maxCommandBytes: number;
  /**
   * Writes accepted and not yet answered, together, in bytes. The last sixteenth is for writes that
   * are no larger than that, so that large ones do not keep small ones out. Default 64 MiB.
   */
  readonly maxPendingBytes: number;
  /** The same by count. Default 100,000. */
  readonly maxPendingWrites: number;
  /**
   * How long a read may wait, in milliseconds, wherever it is: for its turn, for the leader, for
   * the state machine to get to its index. It ends earlier if no leader is found. Default 10,000.
   */
  readonly readTimeoutMs: number;
  /** Reads and other calls of the application that wait for an answer. Default 100,000. */
  readonly maxWaitingCalls: number;
  /**
   * Sessions that the cluster remembers; beyond it, the one used longest ago expires. This and the
   * next two are logged when a session is opened and hold from there on, for every node alike.
   * Default 10,000.
   */
  readonly maxSessions: number;
  /**
   * Responses kept for repeated writes of sessions, all together, in bytes; each counts for 64
   * more. It may be exceeded by what 64 entries of the log were answered. Default 64 MiB.
   */
  readonly maxSessionBytes: number;
  /**
   * Newest writes of one session whose responses are kept. Half as many can be under way at once.
   * Default 1024.
   */
  readonly sessionWindow: number;
  /**
   * How many entries a node may lack that is made a voter; it catches up as a learner until then.
   * Default 1000.
   */
  readonly catchUpEntries: number;
  /**
   * How long `changeVoters` waits for that, in milliseconds, before it refuses. Default 30,000.
   */
  readonly catchUpTimeoutMs: number;
  /**
   * Written entries kept in memory for followers, in bytes (unwritten ones always are). Default 64
   * MiB.
   */
  readonly tailCacheBytes: number;
  /**
   * Build a snapshot when the log since the last one exceeds both this, in bytes, and the size of
   * that snapshot, so that the work stays in proportion. Default 64 MiB.
   */
  readonly snapshotAfterBytes: number;
  /** Build one also after this many entries. Default `Infinity`: go by bytes alone. */
  readonly snapshotAfterEntries: number;
  /**
   * Log kept behind a snapshot, in bytes, for followers that lag a little. 0 keeps none. Default 64
   * MiB.
   */
  readonly keepBytes: number;
  /**
   * Bytes a second with which a snapshot is built while commands are applied; a node that applies
   * none builds four times as fast. Default 16 MiB.
   */
  readonly snapshotBuildBytesPerSecond: number;
  /** Snapshots sent at once to lagging followers; the others wait for their turn. Default 2. */
  readonly maxSnapshotTransfers: number;
  /**
   * Bytes of snapshots sent in a second, all together. It is kept to over any stretch of time, but
   * for what about a twentieth of a second allows. Default `Infinity`.
   */
  readonly snapshotBytesPerSecond: number;
  /**
   * A transfer of a snapshot in which nothing moves for this long, in milliseconds, is given up;
   * the next one goes on where it ended. It also bounds how long the follower may take to verify
   * and store the last of it, and ends the receiving of one from which nothing comes. A network may
   * have a deadline of its own, as `HttpNetworkOptions.snapshotTimeoutMs`: the shorter one counts.
   * Default 10,000.
   */
  readonly snapshotStallMs: number;
}

export interface RaftOptions<Command, Response> {
  readonly id: NodeId;
  /** A `StateMachine`, or a `DurableStateMachine` if it has a disk of its own. */
  readonly stateMachine: AnyStateMachine<Command, Response>;
  readonly storage: Storage;
  readonly network: Network;
  readonly codec?: Codec<Command>;
  /**
   * Turns the state machine's responses into bytes and back, where they travel to another node or
   * belong to a session. The default is JSON in UTF-8; a `Uint8Array` and `undefined` pass as they
   * are, whatever the codec. Every node needs the same.
   */
  readonly responseCodec?: Codec<Response>;
  readonly config?: Partial<RaftConfig>;
  /** Where the node writes what an operator wants to know. Default: nowhere. */
  readonly logger?: Logger;
  /** The outside world. The default is Node's; a simulator brings its own. */
  readonly runtime?: Runtime;
}

const mebibyte = 1024 * 1024;

export const defaultConfig: RaftConfig = {
  heartbeatMs: 50,
  electionTimeoutMs: { min: 300, max: 600 },
  maxClockDrift: 0.1,
  forwardWrites: true,
  callTimeoutMs: 1000,
  maxInflightAppends: 8,
  maxAppendBytes: mebibyte,
  maxCommandBytes: 16 * mebibyte,
  maxPendingBytes: 64 * mebibyte,
  maxPendingWrites: 100_000,
  readTimeoutMs: 10_000,
  maxWaitingCalls: 100_000,
  maxSessions: 10_000,
  maxSessionBytes: 64 * mebibyte,
  sessionWindow: 1024,
  catchUpEntries: 1000,
  catchUpTimeoutMs: 30_000,
  tailCacheBytes: 64 * mebibyte,
  snapshotAfterBytes: 64 * mebibyte,
  snapshotAfterEntries: Infinity,
  keepBytes: 64 * mebibyte,
  snapshotBuildBytesPerSecond: 16 * mebibyte,
  maxSnapshotTransfers: 2,
  snapshotBytesPerSecond: Infinity,
  snapshotStallMs: 10_000,
};

/**
 * Returns `config` with the defaults filled in.
 *
 * @throws {RangeError} that names the option, the value and the rule.
 */
export function completeConfig(config: Partial<RaftConfig> = {}): RaftConfig {
  demandObject('config', config);
  for (const name of Object.keys(config)) {
    if (Object.hasOwn(defaultConfig, name)) continue;
    const known = Object.keys(defaultConfig).join(', ');
    throw new RangeError(`config.${name} is not an option; the options are ${known}.`);
  }
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  const { maxPendingBytes = defaultConfig.maxPendingBytes } = config;
  const maxCommandBytes = Math.min(defaultConfig.maxCommandBytes, maxPendingBytes);
  const complete: RaftConfig = {
    ...defaultConfig,
    maxCommandBytes,
    ...Object.fromEntries(given),
  };
  demandObject('config.electionTimeoutMs', complete.electionTimeoutMs);
  const { min, max } = complete.electionTimeoutMs;
  demandPositive('heartbeatMs', complete.heartbeatMs);
  demandPositive('electionTimeoutMs.min', min);
  demandPositive('electionTimeoutMs.max', max);
  demandPositive('callTimeoutMs', complete.callTimeoutMs);
  demandPositive('readTimeoutMs', complete.readTimeoutMs);
  demandPositive('snapshotStallMs', complete.snapshotStallMs);
  demandPositive('catchUpTimeoutMs', complete.catchUpTimeoutMs);
  for (const name of countOptions) demandCount(name, complete[name]);
  for (const name of unboundedOptions) {
    if (complete[name] !== Infinity) demandCount(name, complete[name]);
  }
  demand(
    Number.isSafeInteger(complete.keepBytes) && complete.keepBytes >= 0,
    `config.keepBytes must be a whole number of bytes, 0 or above; it is ${String(complete.keepBytes)}.`,
  );
  demandShare('maxClockDrift', complete.maxClockDrift);
  demandBoolean('forwardWrites', complete.forwardWrites);
  demand(
    complete.heartbeatMs * 2 <= min,
    `config.heartbeatMs must be at most half of electionTimeoutMs.min (${min}), so that one lost heartbeat costs no leader; it is ${complete.heartbeatMs}.`,
  );
  demand(
    min < max,
    `config.electionTimeoutMs.max must be above min (${min}), so that split votes end; it is ${max}.`,
  );
  demand(
    complete.maxCommandBytes <= complete.maxPendingBytes,
    `config.maxCommandBytes must be at most maxPendingBytes (${complete.maxPendingBytes}); it is ${complete.maxCommandBytes}.`,
  );
  return complete;
}

/** @throws {TypeError | RangeError} that names what is missing. */
export function checkOptions(options: RaftOptions<unknown, unknown>): void {
  const id: unknown = options.id;
  if (typeof id !== 'string' || id === '') {
    throw new TypeError(`options.id must be a string that is not empty; it is ${String(id)}.`);
  }
  for (const name of ['stateMachine', 'storage', 'network'] as const) {
    if (typeof options[name] === 'object' && options[name] !== null) continue;
    throw new TypeError(`options.${name} must be an object; it is ${String(options[name])}.`);
  }
  checkLogger(options.logger);
}

const countOptions = [
  'maxInflightAppends',
  'maxAppendBytes',
  'maxPendingBytes',
  'maxCommandBytes',
  'maxPendingWrites',
  'maxWaitingCalls',
  'maxSessions',
  'maxSessionBytes',
  'sessionWindow',
  'catchUpEntries',
  'tailCacheBytes',
  'snapshotAfterBytes',
  'maxSnapshotTransfers',
] as const;

const unboundedOptions = [
  'snapshotAfterEntries',
  'snapshotBuildBytesPerSecond',
  'snapshotBytesPerSecond',
] as const;

function demandObject(name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null) return;
  throw new TypeError(`${name} must be an object; it is ${String(value)}.`);
}

function demandPositive(name: string, value: number): void {
  demand(
    Number.isFinite(value) && value > 0,
    `config.${name} must be a number of milliseconds above 0; it is ${String(value)}.`,
  );
}

function demandShare(name: string, value: number): void {
  demand(
    value >= 0 && value < 1,
    `config.${name} must be a share from 0 to below 1; it is ${String(value)}.`,
  );
}

function demandBoolean(name: string, value: unknown): void {
  demand(
    typeof value === 'boolean',
    `config.${name} must be true or false; it is ${String(value)}.`,
  );
}

function demandCount(name: string, value: number): void {
  demand(
    Number.isSafeInteger(value) && value > 0,
    `config.${name} must be a whole number above 0; it is ${String(value)}.`,
  );
}

function demand(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(message);
}
