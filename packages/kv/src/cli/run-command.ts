import { CommanderError } from 'commander';

import { type CliContext, processContext, type Why } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { CliExit, type CliFailure, failureOf, unwritable } from './failure.ts';
import { flush } from './output.ts';
import { buildProgram, exitCodeOf, printVersion } from './program.ts';

/** Runs whatever is no `serve`, and resolves to the exit code of the process. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const context = processContext(args, exitWith);
  const ended = await runIn(context);
  await flush(context.stdout);
  const code = ended === exitCodes.well ? written(context) : ended;
  await flush(context.stderr);
  return code;
}

function exitWith(why: Why): CliExit | CliFailure {
  return 'by' in why ? new CliExit(exitCodes.interrupted, why.by) : unwritable(why.output);
}

/** The last of the output may fail when the command is over already. */
function written(context: CliContext): number {
  const { errored } = context.stdout;
  // Streams of a test may not have the field at all.
  return errored ? tell(context, unwritable(errored)) : exitCodes.well;
}

/** Runs the command that the context names, and resolves to the exit code. */
export async function runIn(context: CliContext): Promise<number> {
  const { args } = context;
  try {
    if (args.length === 1 && args[0] === '--version') await printVersion(context);
    else await (await buildProgram(context)).parseAsync([...args], { from: 'user' });
    return exitCodes.well;
  } catch (error) {
    return tell(context, error);
  }
}

/** Says what went wrong, and what to do about it. */
function tell(context: CliContext, error: unknown): number {
  const { signal, stderr, env } = context;
  // Commander has said it already.
  if (error instanceof CommanderError) return exitCodeOf(error);
  // Whatever else fails then fails because of it.
  const failure = failureOf(signal.aborted ? signal.reason : error);
  if (failure instanceof CliExit) return failure.exitCode;
  const advice = failure.advice === undefined ? '' : `${failure.advice}\n`;
  stderr.write(`quorate: ${failure.message}\n${advice}`);
  if ((env['QUORATE_DEBUG'] ?? '') !== '' && error instanceof Error) {
    stderr.write(`${error.stack}\n`);
  }
  return failure.exitCode;
}
