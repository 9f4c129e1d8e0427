import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { programWords } from './member-process.ts';

/** How a program ended. */
export interface Ended {
  /** `undefined`: it was killed, since it took too long or all is over. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of the process; what it returns is called when that has ended. */
  readonly charge: (pid: number | undefined) => () => void;
}

/** Runs `quorate` with these words, as somebody at a terminal does. Never rejects. */
export async function runQuorate(
  words: readonly string[],
  { timeoutMs, signal, charge }: ProgramOptions,
): Promise<Ended> {
  const ending = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const child = spawn(process.execPath, [...programWords, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: ending,
    killSignal: 'SIGKILL',
    // The process of a test or of the runner may have some that are meant for itself.
    env: { ...process.env, NO_COLOR: '1' },
  });
  const discharge = charge(child.pid);
  let failure = '';
  child.once('error', (error) => {
    failure = error.message;
  });
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    child.pid === undefined ? undefined : once(child, 'close').catch(() => undefined),
  ]);
  discharge();
  return { code: child.exitCode ?? undefined, stdout, stderr: stderr || failure };
}
