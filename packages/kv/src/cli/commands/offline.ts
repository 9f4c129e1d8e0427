import path from 'node:path';

import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure, codeOf } from '../failure.ts';

/* What commands that work on files have in common. */

/** A path as the user meant it. */
export function pathOf({ cwd }: CliContext, file: string): string {
  return path.resolve(cwd, file);
}

/** Turns what reading and writing of backups and disks throws into what a user can use. */
export async function withFiles<T>(context: CliContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    context.signal.throwIfAborted();
    throw explained(error);
  }
}

function explained(cause: unknown): unknown {
  const message = cause instanceof Error ? cause.message : String(cause);
  switch (codeOf(cause)) {
    case 'RAFT_DAMAGED':
      return new CliFailure(message, { exitCode: exitCodes.damaged, cause });
    case 'RAFT_UNSUPPORTED':
      return new CliFailure(message, { exitCode: exitCodes.failed, cause });
    case 'RAFT_LOCKED':
      return new CliFailure(message, {
        exitCode: exitCodes.failed,
        advice: 'Stop the member that runs there, or work on a copy of the folder.',
        cause,
      });
    case 'RAFT_ALREADY_INITIALIZED':
    case 'RAFT_INVALID_MEMBERSHIP':
    case 'RAFT_WRONG_TARGET':
      return new CliFailure(message, { exitCode: exitCodes.refused, cause });
    case 'EEXIST':
      return new CliFailure(message, {
        exitCode: exitCodes.refused,
        advice: 'Give another name, or --force to replace the file.',
        cause,
      });
    default:
      return cause;
  }
}
