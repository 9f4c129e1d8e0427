/** Whether and how a call that failed so may be made again. */
export type Retry =
  /** It would fail again. */
  | 'no'
  /** It took no effect: again, after a moment or at another member. */
  | 'yes'
  /** A read: again. A write may have taken effect: again only with its session number. */
  | 'session';

export interface KvErrorKind {
  /** The status of the HTTP API. */
  readonly status: number;
  readonly retry: Retry;
  /** What it means, in a sentence. */
  readonly means: string;
  /** What to do about it, in a sentence. */
  readonly advice: string;
}

export type KvErrorCode =
  | 'KV_INVALID'
  | 'KV_DUPLICATE_KEY'
  | 'KV_FUTURE_REVISION'
  | 'KV_KEY_NOT_FOUND'
  | 'KV_LEASE_NOT_FOUND'
  | 'KV_NOT_FOUND'
  | 'KV_MEMBER_NOT_FOUND'
  | 'KV_METHOD'
  | 'KV_LEASE_EXISTS'
  | 'KV_SESSION_EXPIRED'
  | 'KV_MEMBERSHIP'
  | 'KV_COMPACTED'
  | 'KV_CONDITION'
  | 'KV_TOO_LARGE'
  | 'KV_LIMIT'
  | 'KV_OVERLOADED'
  | 'KV_INTERNAL'
  | 'KV_NO_LEADER'
  | 'KV_MAYBE'
  | 'KV_UNHEALTHY'
  | 'KV_STOPPING'
  | 'KV_TIMEOUT'
  | 'KV_LOW_SPACE';

/** The one table of errors: the server answers by it, the client throws by it, the docs show it. */
export const errorKinds: Readonly<Record<KvErrorCode, KvErrorKind>> = {
  KV_INVALID: {
    status: 400,
    retry: 'no',
    means: 'The request is not well-formed, or contradicts itself.',
    advice: 'Mend what the message names.',
  },
  KV_DUPLICATE_KEY: {
    status: 400,
    retry: 'no',
    means: 'A transaction would change the same key twice.',
    advice: 'Put each key at most once on either side of it.',
  },
  KV_FUTURE_REVISION: {
    status: 400,
    retry: 'no',
    means: 'The revision that was asked for does not exist yet.',
    advice: 'Ask for one that an answer has named.',
  },
  KV_KEY_NOT_FOUND: {
    status: 404,
    retry: 'no',
    means: 'There is no such key, and the request needs it.',
    advice: 'Put it with a value and a lease first.',
  },
  KV_LEASE_NOT_FOUND: {
    status: 404,
    retry: 'no',
    means: 'There is no such lease: it has expired, was revoked, or was never granted.',
    advice: 'Grant a new one, and attach its keys again.',
  },
  KV_NOT_FOUND: {
    status: 404,
    retry: 'no',
    means: 'There is nothing at this address.',
    advice: 'See the list of paths in docs/api.md.',
  },
  KV_MEMBER_NOT_FOUND: {
    status: 404,
    retry: 'no',
    means: 'There is no such member of the cluster.',
    advice: 'See who is in the cluster, and add it first.',
  },
  KV_METHOD: {
    status: 405,
    retry: 'no',
    means: 'The path is right, and the method is not.',
    advice: 'Use one that the header Allow names.',
  },
  KV_LEASE_EXISTS: {
    status: 409,
    retry: 'no',
    means: 'There is a lease with this id already.',
    advice: 'Grant it with another id, or with none.',
  },
  KV_SESSION_EXPIRED: {
    status: 409,
    retry: 'no',
    means: 'The cluster does not remember the session any more, so it cannot tell a repetition.',
    advice: 'Find out by a read whether the write took effect, and go on with a new session.',
  },
  KV_MEMBERSHIP: {
    status: 409,
    retry: 'no',
    means: 'The members cannot be changed so: the cluster would be worse off. Nothing was changed.',
    advice: 'Do what the message says first.',
  },
  KV_COMPACTED: {
    status: 410,
    retry: 'no',
    means: 'The revision that was asked for has been compacted.',
    advice: 'Read the newest state, and watch from its revision on.',
  },
  KV_CONDITION: {
    status: 412,
    retry: 'no',
    means: 'A header If-Match or If-None-Match did not hold. Nothing was changed.',
    advice: 'Read the key, and decide anew by what it is now.',
  },
  KV_TOO_LARGE: {
    status: 413,
    retry: 'no',
    means: 'A key, a value, a request or a transaction is larger than its limit.',
    advice: 'Split it, or raise the limit that the message names, on every member.',
  },
  KV_LIMIT: {
    status: 429,
    retry: 'yes',
    means: 'There are as many watchers, leases or connections as are allowed.',
    advice: 'End some, or raise the limit that the message names.',
  },
  KV_OVERLOADED: {
    status: 429,
    retry: 'yes',
    means: 'More waits on this member than it takes.',
    advice: 'Try again after a moment, with fewer requests at a time.',
  },
  KV_INTERNAL: {
    status: 500,
    retry: 'no',
    means: 'Something happened that nobody thought of.',
    advice: 'Look into the log of the member, and report it.',
  },
  KV_NO_LEADER: {
    status: 503,
    retry: 'yes',
    means: 'No leader is known just now, or it cannot be reached. Nothing was changed.',
    advice: 'Try again: an election takes less than a second. If it lasts, see which members run.',
  },
  KV_MAYBE: {
    status: 503,
    retry: 'session',
    means: 'Leadership or the connection was lost while a write was under way: its fate is open.',
    advice: 'Send it again with the same session number, or read what came of it.',
  },
  KV_UNHEALTHY: {
    status: 503,
    retry: 'yes',
    means: 'This member has taken itself out of service; its state or its disk cannot be trusted.',
    advice: 'Ask another member, and replace this one.',
  },
  KV_STOPPING: {
    status: 503,
    retry: 'yes',
    means: 'This member is stopping.',
    advice: 'Ask another member.',
  },
  KV_TIMEOUT: {
    status: 504,
    retry: 'session',
    means: 'There was no answer in time; a write may take effect all the same.',
    advice: 'Try again, or give it more time.',
  },
  KV_LOW_SPACE: {
    status: 507,
    retry: 'yes',
    means: 'So little room is left on the disks of members that nothing may be added.',
    advice: 'Make room on the disks that the message names. Reads and deletes go on meanwhile.',
  },
};

export interface KvErrorOptions {
  readonly cause?: unknown;
  /** Names what the message is about, for programs: `{ limit: 'maxKeyBytes', ... }`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What the server answers and the client throws. Compare `code`, not the class. */
export class KvError extends Error {
  override readonly name = 'KvError';
  readonly code: KvErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: KvErrorCode, message: string, { details = {}, ...rest }: KvErrorOptions = {}) {
    super(message, 'cause' in rest ? { cause: rest.cause } : undefined);
    this.code = code;
    this.details = details;
  }

  get kind(): KvErrorKind {
    return errorKinds[this.code];
  }

  /** `false`: the write certainly took no effect. */
  get maybeApplied(): boolean {
    return this.kind.retry === 'session' || this.details['maybeApplied'] === true;
  }
}

export function isKvErrorCode(code: unknown): code is KvErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorKinds, code);
}
