import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';

/** The program as a source. */
export const mainFile: string = path.join(
  ...[import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.ts'],
);

/** What Node needs to run it. */
export const nodeFlags: readonly string[] = [
  '--conditions=quorate-source',
  '--disable-warning=ExperimentalWarning',
];

export interface CliOptions {
  /** The standard input. Default: empty. */
  readonly input?: string | Uint8Array | undefined;
  /** Besides those of this process, of which `QUORATE_*` and the colours are left out. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Sends SIGINT. */
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string | undefined;
}

export interface CliEnded {
  /** As a shell has it: 128 and the number of the signal that ended it. */
  readonly code: number;
  /** The signal that ended it, if it did not end by itself. */
  readonly by: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
}

/** Runs `quorate` with these arguments, and resolves when it has ended. */
export async function runCli(
  args: readonly string[],
  { input = '', signal, ...options }: CliOptions = {},
): Promise<CliEnded> {
  const child = spawn(process.execPath, [...nodeFlags, mainFile, ...args], spawning(options));
  const interrupt = (): void => void child.kill('SIGINT');
  signal?.addEventListener('abort', interrupt);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const ended = await endOf(child);
  signal?.removeEventListener('abort', interrupt);
  return ended;
}

/** `quorate` as it runs. */
export interface RunningCli extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<CliEnded>;
  /** What it has printed so far. */
  readonly output: () => string;
}

export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const child = spawn(process.execPath, [...nodeFlags, mainFile, ...args], spawning(options));
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stdin?.on('error', () => undefined);
  if (options.input !== undefined) child.stdin?.end(options.input);
  const ended = endOf(child);
  return {
    child,
    ended,
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface TerminalOptions extends Omit<CliOptions, 'signal' | 'input'> {
  /** Typed at once. */
  readonly input?: string;
  /** Typed when something is there to read. */
  readonly reply?: { readonly to: RegExp; readonly type: string };
}

/** The same on a terminal of its own. Lines end in `\n` here too; errors are in `stdout`. */
export async function runOnTerminal(
  args: readonly string[],
  { input = '', reply, ...options }: TerminalOptions = {},
): Promise<CliEnded> {
  const words = [process.execPath, ...nodeFlags, mainFile, ...args];
  const command = `stty cols 100 2>/dev/null; exec ${words.map(quoted).join(' ')}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    ...spawning(options),
  });
  child.stdin?.on('error', () => undefined);
  // `script` passes on what it is given, and ends when it is given an end.
  child.stdin?.write(input);
  let output = '';
  let hasReplied = false;
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (hasReplied || reply?.to.test(output) !== true) return;
    hasReplied = true;
    child.stdin?.write(reply.type);
  });
  const ended = await endOf(child);
  return { ...ended, stdout: ended.stdout.replaceAll('\r\n', '\n') };
}

/** For a shell: one word, whatever is in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function spawning({ env = {}, cwd }: Pick<CliOptions, 'env' | 'cwd'>) {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(QUORATE_|FORCE_COLOR$|NO_COLOR$|CLICOLOR)/.test(name),
  );
  return {
    stdio: ['pipe', 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(clean), TERM: 'xterm', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  };
}

async function endOf(child: ChildProcess): Promise<CliEnded> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new TypeError('It was started without pipes.');
  const texts = Promise.all([buffer(stdout), buffer(stderr)]);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const [bytes, errors] = await texts;
  return {
    code: code ?? 128 + (signal === 'SIGINT' ? 2 : signal === 'SIGKILL' ? 9 : 15),
    by: signal,
    stdout: bytes.toString(),
    stderr: errors.toString(),
    bytes,
  };
}
