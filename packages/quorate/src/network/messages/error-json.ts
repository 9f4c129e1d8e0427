import {
  AlreadyInitializedError,
  BehindError,
  ChangeInProgressError,
  EntryNotFoundError,
  FatalError,
  InvalidMembershipError,
  type LeaderHint,
  LeadershipLostError,
  NotLeaderError,
  OverloadedError,
  type RaftError,
  type RaftErrorOptions,
  RefusedError,
  SessionExpiredError,
  StoppedError,
  TransferError,
  UnreachableError,
  UnsupportedError,
  WrongTargetError,
} from '../../errors.ts';
import { Fields } from './fields.ts';
import { readLogId, readNodeInfo } from './shapes.ts';

/** An error as it travels in `{"Err": ...}`. */
export interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly maybeApplied?: boolean;
  readonly [detail: string]: unknown;
}

/** Returns what travels of an error of the library, or `undefined` for any other. */
export function errorToJson(error: unknown): ErrorJson | undefined {
  if (!isRaftError(error)) return undefined;
  const { code, message, maybeApplied } = error;
  return {
    code,
    message,
    maybeApplied,
    ...('leader' in error ? { leader: error.leader } : {}),
    ...('logId' in error ? { logId: error.logId } : {}),
  };
}

/** By its code: a second copy of the package has a second set of classes. */
function isRaftError(error: unknown): error is RaftError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    builders.has(error.code)
  );
}

/**
 * Rebuilds the error that the other node threw: the same class, code and details. One with a code
 * that this version does not know becomes an `UnreachableError` that quotes it.
 *
 * @throws {WrongShapeError} if it is not an error at all.
 */
export function readError(value: unknown, path: string): RaftError {
  const fields = new Fields(value, path);
  const code = fields.string('code');
  const message = fields.string('message');
  const maybeApplied = fields.has('maybeApplied') ? fields.boolean('maybeApplied') : false;
  const build = builders.get(code);
  if (build !== undefined) return build(message, { maybeApplied }, fields);
  return new UnreachableError(`The other side answered with ${code}: ${message}`, { maybeApplied });
}

type Build = (message: string, options: RaftErrorOptions, fields: Fields) => RaftError;

const builders: ReadonlyMap<string, Build> = new Map<string, Build>([
  [
    'RAFT_NOT_LEADER',
    (message, options, fields) => {
      const leader = fields.has('leader') ? fields.nested('leader', readLeaderHint) : undefined;
      return new NotLeaderError(message, { ...options, leader });
    },
  ],
  [
    'RAFT_LEADERSHIP_LOST',
    (message, options, fields) =>
      new LeadershipLostError(message, { ...options, logId: fields.nested('logId', readLogId) }),
  ],
  [
    'RAFT_CHANGE_IN_PROGRESS',
    (message, options, fields) =>
      new ChangeInProgressError(message, { ...options, logId: fields.nested('logId', readLogId) }),
  ],
  ['RAFT_INVALID_MEMBERSHIP', (message, options) => new InvalidMembershipError(message, options)],
  ['RAFT_ALREADY_INITIALIZED', (message, options) => new AlreadyInitializedError(message, options)],
  ['RAFT_TRANSFER_FAILED', (message, options) => new TransferError(message, options)],
  ['RAFT_OVERLOADED', (message, options) => new OverloadedError(message, options)],
  ['RAFT_BEHIND', (message, options) => new BehindError(message, options)],
  ['RAFT_REFUSED', (message, options) => new RefusedError(message, options)],
  ['RAFT_SESSION_EXPIRED', (message, options) => new SessionExpiredError(message, options)],
  ['RAFT_ENTRY_NOT_FOUND', (message, options) => new EntryNotFoundError(message, options)],
  ['RAFT_UNREACHABLE', (message, options) => new UnreachableError(message, options)],
  ['RAFT_WRONG_TARGET', (message, options) => new WrongTargetError(message, options)],
  ['RAFT_UNSUPPORTED', (message, options) => new UnsupportedError(message, options)],
  ['RAFT_STOPPED', (message, options) => new StoppedError(message, options)],
  ['RAFT_FATAL', (message, options) => new FatalError(message, options)],
]);

function readLeaderHint(value: unknown, path: string): LeaderHint {
  const fields = new Fields(value, path);
  return { id: fields.string('id'), info: fields.nested('info', readNodeInfo) };
}
