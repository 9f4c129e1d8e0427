import { KvError, type KvErrorCode } from '../errors.ts';
import { exitCodes } from './exit-codes.ts';

export interface CliFailureOptions {
  readonly exitCode: number;
  /** What to do next, in a sentence. */
  readonly advice?: string;
  readonly cause?: unknown;
}

/** What a command fails with: the message says what was wanted and what came. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: number;
  readonly advice: string | undefined;

  constructor(message: string, { exitCode, advice, ...rest }: CliFailureOptions) {
    super(message, 'cause' in rest ? { cause: rest.cause } : undefined);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** Ends the program with a code and without a word: all has been said. */
export class CliExit extends Error {
  override readonly name = 'CliExit';
  readonly exitCode: number;
  /** The signal that it ends by, if it does. */
  readonly by: NodeJS.Signals | undefined;

  constructor(exitCode: number, by?: NodeJS.Signals) {
    super(`The program ends with ${exitCode}.`);
    this.exitCode = exitCode;
    this.by = by;
  }
}

const codesOfErrors: Partial<Readonly<Record<KvErrorCode, number>>> = {
  KV_INVALID: exitCodes.usage,
  KV_DUPLICATE_KEY: exitCodes.usage,
  KV_KEY_NOT_FOUND: exitCodes.notFound,
  KV_LEASE_NOT_FOUND: exitCodes.notFound,
  KV_NOT_FOUND: exitCodes.notFound,
  KV_MEMBER_NOT_FOUND: exitCodes.notFound,
  KV_LEASE_EXISTS: exitCodes.refused,
  KV_MEMBERSHIP: exitCodes.refused,
  KV_CONDITION: exitCodes.refused,
  KV_NO_LEADER: exitCodes.unreachable,
  KV_MAYBE: exitCodes.unreachable,
  KV_UNHEALTHY: exitCodes.unreachable,
  KV_STOPPING: exitCodes.unreachable,
  KV_TIMEOUT: exitCodes.unreachable,
};

/** Whatever a command threw, as what is said of it and what the program ends with. */
export function failureOf(thrown: unknown): CliFailure | CliExit {
  if (thrown instanceof CliFailure || thrown instanceof CliExit) return thrown;
  if (thrown instanceof KvError) return failureOfKvError(thrown);
  const cause = thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = codeOf(thrown);
  if (code === 'KV_NOT_HELD')
    return new CliFailure(message, { exitCode: exitCodes.refused, cause });
  // Options and addresses that a client refuses.
  if (thrown instanceof RangeError) {
    return new CliFailure(message, { exitCode: exitCodes.usage, cause });
  }
  const advice = adviceOfSystem[code];
  const exitCode = exitCodes.failed;
  return new CliFailure(
    message,
    advice === undefined ? { exitCode, cause } : { exitCode, advice, cause },
  );
}

function failureOfKvError(error: KvError): CliFailure {
  const { code, kind } = error;
  const exitCode = codesOfErrors[code] ?? exitCodes.failed;
  return new CliFailure(`${error.message} (${code})`, {
    exitCode,
    advice: kind.advice,
    cause: error,
  });
}

const adviceOfSystem: Readonly<Record<string, string>> = {
  ENOENT: 'Give the path of a file that is there.',
  EACCES: 'Run it as a user who may, or change the permissions.',
  EISDIR: 'Give the path of a file, not of a folder.',
  ENOSPC: 'Make room on the disk, and try again.',
};

/** What the standard output fails with. Who has stopped reading need not be told. */
export function unwritable(cause: Error): CliExit | CliFailure {
  const code = codeOf(cause);
  if (code === 'EPIPE' || code === 'ECONNRESET') return new CliExit(exitCodes.brokenPipe);
  return new CliFailure(`the output cannot be written (${code || cause.message}).`, {
    exitCode: exitCodes.failed,
    advice: adviceOfSystem[code] ?? 'Make sure that there is room for it; it is not whole.',
    cause,
  });
}

/** The `code` that errors of Node and of the recipes have. */
export function codeOf(thrown: unknown): string {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}
