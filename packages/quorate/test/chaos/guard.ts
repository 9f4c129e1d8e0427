// Stands beside the chaos runner and clears up if it dies: it kills the nodes, of which one that is
// stopped by SIGSTOP would not notice, and removes a folder that nobody asked to keep.

import { rm } from 'node:fs/promises';

/** What is to be done when the runner is gone. The newest of them counts. */
export interface Charge {
  /** The processes that live. */
  readonly pids: readonly number[];
  readonly folder?: string | undefined;
}

let charge: Charge = { pids: [] };

// The signals of a terminal are meant for the runner.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('message', (newest: Charge) => {
  charge = newest;
});
process.once('disconnect', () => void clearUp(charge));

async function clearUp({ pids, folder }: Charge): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone, which is what was wanted.
    }
  }
  // Until they are gone, they may still make files.
  if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  process.exit(0);
}
