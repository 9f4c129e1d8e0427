import type { Codec } from '../contract/codec.ts';
import type { Network } from '../contract/network.ts';
import type { StateMachine } from '../contract/state-machine.ts';
import type { Storage } from '../contract/storage.ts';
import type { NodeId } from '../core/types.ts';
import type { Runtime } from '../platform/runtime.ts';

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
   * How long a call to another node may take, in milliseconds; an append is given one more for each
   * KiB it carries. Default 1000.
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
  /** Writes accepted and not yet answered, together, in bytes. Default 64 MiB. */
  readonly maxPendingBytes: number;
  /** The same by count. Default 100,000. */
  readonly maxPendingWrites: number;
  /** Reads and other calls of the application that wait for an answer. Default 100,000. */
  readonly maxWaitingCalls: number;
  /**
   * Written entries kept in memory for followers, in bytes (unwritten ones always are). Default 64
   * MiB.
   */
  readonly tailCacheBytes: number;
}

export interface RaftOptions<Command, Response> {
  readonly id: NodeId;
  readonly stateMachine: StateMachine<Command, Response>;
  readonly storage: Storage;
  readonly network: Network;
  readonly codec?: Codec<Command>;
  readonly config?: Partial<RaftConfig>;
  /** The outside world. The default is Node's; a simulator brings its own. */
  readonly runtime?: Runtime;
}

const mebibyte = 1024 * 1024;

export const defaultConfig: RaftConfig = {
  heartbeatMs: 50,
  electionTimeoutMs: { min: 300, max: 600 },
  callTimeoutMs: 1000,
  maxInflightAppends: 8,
  maxAppendBytes: mebibyte,
  maxCommandBytes: 16 * mebibyte,
  maxPendingBytes: 64 * mebibyte,
  maxPendingWrites: 100_000,
  maxWaitingCalls: 100_000,
  tailCacheBytes: 64 * mebibyte,
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
  for (const name of countOptions) demandCount(name, complete[name]);
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
}

const countOptions = [
  'maxInflightAppends',
  'maxAppendBytes',
  'maxPendingBytes',
  'maxCommandBytes',
  'maxPendingWrites',
  'maxWaitingCalls',
  'tailCacheBytes',
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

function demandCount(name: string, value: number): void {
  demand(
    Number.isSafeInteger(value) && value > 0,
    `config.${name} must be a whole number above 0; it is ${String(value)}.`,
  );
}

function demand(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(message);
}
