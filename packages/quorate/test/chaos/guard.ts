// Stands beside the chaos runner and kills its nodes if it dies: a node that is stopped by SIGSTOP
// would not notice. The runner sends the numbers of the processes that live.

let pids: readonly number[] = [];

// The signals of a terminal are meant for the runner.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('message', (living: readonly number[]) => {
  pids = living;
});
process.once('disconnect', () => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone, which is what was wanted.
    }
  }
  process.exit(0);
});
