import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

import type { CliContext } from '../context.ts';
import { CliExit, CliFailure, codeOf } from '../failure.ts';

export interface ChildOptions {
  /** Besides the environment of this process. `undefined`: not there. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it can read. Default: what this process can. */
  readonly input?: Uint8Array;
  /** Once it aborts, the command is asked to end by SIGTERM, and made to after two seconds. */
  readonly endSignal?: AbortSignal;
}

/** How long a command may take to end once it was asked to. */
const graceMs = 2000;
/** What a shell says when there is no such command, or it cannot be run. */
const noSuchCommand = 127;
const noProgram = 126;

/**
 * Runs a command with the terminal, the output and the environment of this process, and passes on
 * the signal by which this one is to end. Resolves to the exit code, as a shell has it: 128 and the
 * number of the signal that ended the command.
 *
 * @throws {CliFailure} if it cannot be started.
 */
export async function runChild(
  context: Pick<CliContext, 'cwd' | 'env' | 'signal' | 'isInputTerminal'>,
  [command = '', ...args]: readonly string[],
  { env, input, endSignal }: ChildOptions,
): Promise<number> {
  const child = spawn(command, args, {
    cwd: context.cwd,
    env: { ...context.env, ...env },
    stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'],
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(unstarted(command, cause)));
    child.once('exit', (code, by) => resolve(code ?? 128 + constants.signals[by ?? 'SIGTERM']));
  });
  // Not every command reads what it is given.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  let killing: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    killing = setTimeout(() => child.kill('SIGKILL'), graceMs);
  };
  const unlink = [onAbort(endSignal, end), onAbort(context.signal, () => passOn(child, context))];
  try {
    return await ended;
  } finally {
    clearTimeout(killing);
    for (const off of unlink) off();
  }
}

/** A terminal sends ctrl-C to every process that it is the terminal of. */
function passOn(
  child: ChildProcess,
  { signal, isInputTerminal }: Pick<CliContext, 'signal' | 'isInputTerminal'>,
): void {
  const by = (signal.reason instanceof CliExit ? signal.reason.by : undefined) ?? 'SIGTERM';
  if (by !== 'SIGINT' || !isInputTerminal) child.kill(by);
}

/** Runs it once the signal aborts, also if it has already. */
function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal?.aborted === true) run();
  else signal?.addEventListener('abort', run, { once: true });
  return () => signal?.removeEventListener('abort', run);
}

function unstarted(command: string, cause: unknown): CliFailure {
  const code = codeOf(cause);
  const isMissing = code === 'ENOENT';
  return new CliFailure(`the command ${command} cannot be run (${code}).`, {
    exitCode: isMissing ? noSuchCommand : noProgram,
    advice: isMissing
      ? 'See that it is installed and in the PATH, or give its whole path.'
      : 'See that it is a program, and that this user may run it.',
    cause,
  });
}

/**
 * Splits what stands behind `--` off the arguments of an action. Commander takes the `--` out, so
 * that is counted in what the program was called with. `undefined` if the first argument of the
 * command, which is none of `args`, stands behind it too.
 */
export function splitCommand(
  { args: all }: Pick<CliContext, 'args'>,
  args: readonly string[],
):
  | { readonly own: readonly string[]; readonly command: readonly string[] | undefined }
  | undefined {
  const at = all.indexOf('--');
  if (at < 0) return { own: args, command: undefined };
  const count = all.length - at - 1;
  if (count > args.length) return undefined;
  return { own: args.slice(0, args.length - count), command: args.slice(args.length - count) };
}
