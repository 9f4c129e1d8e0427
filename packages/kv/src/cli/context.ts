import { createReadStream, createWriteStream, fstatSync, type Stats } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';

/** What a command has of the outside world. */
export interface CliContext {
  /** What the program was called with. */
  readonly args: readonly string[];
  readonly stdin: Readable;
  /** Write to it by `output.ts`, which waits for a slow reader. */
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The width of the terminal, or 80. */
  readonly columns: number;
  /** Of the standard output. */
  readonly isTerminal: boolean;
  /** Of the standard error, where progress is drawn. */
  readonly isErrorTerminal: boolean;
  /** Of the standard input, where questions are asked. */
  readonly isInputTerminal: boolean;
  /** On the standard output. */
  readonly useColor: boolean;
  /**
   * Aborts by ctrl-C, by SIGTERM, and when the output cannot be written any more. Its reason is a
   * `CliExit` or a `CliFailure`: throw it, and the program ends as it should.
   */
  readonly signal: AbortSignal;
  /** After `signal` the process ends in a second, or in so many milliseconds after this call. */
  endWithin(ms: number): void;
}

/** How long the process may live after a signal, unless a command asks for more. */
const defaultEndMs = 900;
/** The longest delay that a timer takes. */
const longestTimerMs = 2 ** 31 - 1;
const plainColumns = 80;

/** What ends a command from outside: a signal, or an output that cannot be written. */
export type Why = { readonly by: NodeJS.Signals } | { readonly output: Error };

/** The context of this process. `exitWith` makes the reason out of what ends it. */
export function processContext(
  args: readonly string[],
  exitWith: (why: Why) => { readonly exitCode: number },
): CliContext {
  const { stderr, env } = process;
  // Without a terminal there is no such field, whatever its type says.
  const columns = process.stdout.isTTY ? process.stdout.columns : plainColumns;
  const stdin = standardInput();
  const stdout = standardOutput();
  const ending = new Ending(exitWith);
  for (const by of ['SIGINT', 'SIGTERM'] as const) process.on(by, () => ending.begin({ by }));
  stdout.on('error', (output) => ending.begin({ output }));
  // Who does not read what is wrong has nothing to be told.
  stderr.on('error', () => undefined);
  return {
    args,
    stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    columns,
    isTerminal: isatty(1),
    isErrorTerminal: isatty(2),
    isInputTerminal: isatty(0),
    useColor: wantsColor(env, isatty(1)),
    signal: ending.signal,
    endWithin: (ms) => ending.within(ms),
  };
}

/** A folder would be read as if nothing were in it. */
function standardInput(): Readable {
  if (stats(0)?.isDirectory() !== true) return process.stdin;
  return createReadStream('', { fd: 0, autoClose: false });
}

/**
 * When the system takes a part of what is written to a file, as on a disk that fills up, the stream
 * that Node makes for it drops the rest and says nothing.
 */
function standardOutput(): Writable {
  if (isatty(1)) return process.stdout;
  const found = stats(1);
  if (found?.isFile() !== true && found?.isCharacterDevice() !== true) return process.stdout;
  return createWriteStream('', { fd: 1, autoClose: false });
}

function stats(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

/** See https://no-color.org and https://force-color.org. */
export function wantsColor(env: CliContext['env'], isTerminal: boolean): boolean {
  const { NO_COLOR: no = '', FORCE_COLOR: force, TERM: term } = env;
  if (no !== '') return false;
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return isTerminal && term !== 'dumb';
}

/** The end of the process that a signal began. */
class Ending {
  readonly #aborting = new AbortController();
  readonly #exitWith: Parameters<typeof processContext>[1];
  #endMs = defaultEndMs;
  #timer: NodeJS.Timeout | undefined;
  #code = 1;

  constructor(exitWith: Parameters<typeof processContext>[1]) {
    this.#exitWith = exitWith;
  }

  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  begin(why: Why): void {
    // Whoever asks twice means it. A pipe tells it of every write, and is not somebody.
    if (this.signal.aborted) {
      if ('by' in why) process.exit(this.#code);
      return;
    }
    const reason = this.#exitWith(why);
    this.#code = reason.exitCode;
    this.#arm();
    this.#aborting.abort(reason);
  }

  within(ms: number): void {
    this.#endMs = ms;
    if (this.#timer !== undefined) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const end = (): never => process.exit(this.#code);
    this.#timer = setTimeout(end, Math.min(this.#endMs, longestTimerMs)).unref();
  }
}
