import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommand, UsageError } from '../command-line.ts';

// What the runners have in common, whatever the nodes are.

/** Where a run has its logs and its data. */
export interface RunFolder {
  readonly directory: string;
  /** Nobody has asked for it to be kept. */
  readonly isTemporary: boolean;
}

/** What a run has found, and the lines that tell of it; with the folder, if that is kept. */
export interface RunReport {
  readonly isBad: boolean;
  readonly linesOf: (kept: string | undefined) => readonly string[];
}

/**
 * Runs in the folder `keep`, or in one that goes away when nothing was found. Prints the report,
 * and returns the exit code.
 *
 * @throws {UsageError} if the folder has something in it.
 */
export async function runInFolder(
  { keep, signal }: { readonly keep: string | undefined; readonly signal: AbortSignal },
  run: (folder: RunFolder) => Promise<RunReport>,
): Promise<number> {
  const directory = await openFolder(keep);
  const isTemporary = keep === undefined;
  let mayGo = isTemporary;
  try {
    const { isBad, linesOf } = await run({ directory, isTemporary });
    mayGo &&= !isBad;
    for (const line of linesOf(mayGo ? undefined : directory)) console.log(line);
    return isBad ? 1 : 0;
  } catch (error) {
    if (!signal.aborted) {
      mayGo = false;
      console.error(`The run broke off; what there is of it is in ${directory}`);
    }
    throw error;
  } finally {
    if (mayGo) await rm(directory, { recursive: true, force: true });
  }
}

async function openFolder(keep: string | undefined): Promise<string> {
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
