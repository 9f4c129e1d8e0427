import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand, UsageError } from '../command-line.ts';

// What the runners have in common, whatever the nodes are.

/** @throws {UsageError} if the folder has something in it. */
export async function openFolder(keep: string | undefined): Promise<string> {
  if (keep === undefined) return mkdtemp(path.join(tmpdir(), 'quorate-chaos-'));
  await mkdir(keep, { recursive: true });
  const found = await readdir(keep);
  if (found.length === 0) return keep;
  throw new UsageError(
    `--keep needs a folder that is empty or not there yet; ${keep} has ${found.length} entries.`,
  );
}

/** Runs `main` to its exit code. Whatever interrupts the program aborts the signal. */
export async function runChaosProgram(
  usage: string,
  main: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const interrupted = new AbortController();
  const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  for (const [name, code] of Object.entries(exitCodes)) {
    process.once(name, () => {
      process.exitCode = code;
      interrupted.abort(new Error(`The run was ended by ${name}.`));
    });
  }
  // Who started it and read its words is gone.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      process.exitCode ??= 1;
      interrupted.abort(error);
    });
  }
  await runCommand('chaos', usage, async () => {
    try {
      return await main(interrupted.signal);
    } catch (error) {
      if (!interrupted.signal.aborted) throw error;
      console.error('The run was interrupted; its nodes are gone.');
      return 1;
    }
  });
}
