import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';

export interface RunOptions {
  /** Where what was parsed once is kept for the next program; it may not be there yet. */
  readonly cache: string;
  /** A program that takes longer is ended, and has failed. */
  readonly timeoutMs: number;
}

/**
 * Runs a program in a thread of its own until it has nothing left to do, and returns what it
 * printed. A thread has its own modules, and costs a third of what a process does.
 *
 * @throws what the program threw, or that it did not end well or in time.
 */
export async function runInWorker(file: string, { cache, timeoutMs }: RunOptions): Promise<string> {
  const worker = new Worker(file, {
    stdout: true,
    stderr: true,
    execArgv: ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  const printed = text(worker.stdout);
  const complaints = text(worker.stderr);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void worker.terminate();
  }, timeoutMs);
  try {
    // Rejects with what the program threw.
    const [code] = (await once(worker, 'exit')) as [code: number];
    if (isLate) throw new Error(`${file} had not ended after ${timeoutMs} ms.`);
    if (code !== 0) {
      throw new Error(`${file} ended with code ${code}.\n${await printed}${await complaints}`);
    }
    return await printed;
  } finally {
    clearTimeout(timer);
  }
}
