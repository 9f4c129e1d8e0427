import { spawn } from 'node:child_process';

/** How a program ended. `output` is empty unless it was captured. */
export type Outcome = {
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly timedOut: boolean;
  readonly output: string;
  readonly seconds: number;
};

export type RunOptions = {
  readonly cwd: string;
  /** The program and all that it started are killed when this is over. */
  readonly timeoutMs: number;
  /** Keeps the output for the caller in place of showing it. */
  readonly capture?: boolean;
  readonly env?: NodeJS.ProcessEnv;
};

/** Time between asking a program to end and ending it. */
const graceMs = 5_000;

const running = new Set<number>();

/**
 * Runs a program to its end, in a process group of its own so that no grandchild survives it.
 * Never rejects: a program that cannot be started has no exit code, and the cause as output.
 */
export function runProgram(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Outcome> {
  const startedAt = performance.now();
  const child = spawn(file, args, {
    cwd: options.cwd,
    detached: true,
    env: options.env ?? process.env,
    stdio: options.capture === true ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) endGroup(child.pid);
  }, options.timeoutMs);
  if (child.pid !== undefined) running.add(child.pid);

  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const settle = (exitCode: number | undefined, signal: NodeJS.Signals | undefined): void => {
    clearTimeout(timer);
    if (child.pid !== undefined) {
      running.delete(child.pid);
      killGroup(child.pid, 'SIGKILL');
    }
    const output = Buffer.concat(chunks).toString('utf8');
    const seconds = (performance.now() - startedAt) / 1_000;
    resolve({ exitCode, signal, timedOut, output, seconds });
  };
  child.once('error', (error) => {
    chunks.push(Buffer.from(`${file} could not be started: ${error.message}\n`));
    settle(undefined, undefined);
  });
  // A captured program is over when its output is; `exit` alone would lose the last lines.
  const overEvent = options.capture === true ? 'close' : 'exit';
  child.once(overEvent, (code: number | null, signal: NodeJS.Signals | null) =>
    settle(code ?? undefined, signal ?? undefined),
  );
  return promise;
}

/** Makes Ctrl-C end what is running, and then this process. */
export function endProgramsOnSignal(): void {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => {
      for (const group of running) killGroup(group, 'SIGKILL');
      process.exit(128 + number);
    });
  }
}

function endGroup(group: number): void {
  killGroup(group, 'SIGTERM');
  setTimeout(() => killGroup(group, 'SIGKILL'), graceMs).unref();
}

function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // The group is gone, which is what was wanted.
  }
}
