import { Screen } from './screen.ts';
import { type ClusterOptions, ClusterProcesses } from './start-cluster.ts';
import { nodeCount, parseStartArguments, startUsage } from './start-options.ts';
import { renderCommands, renderTable } from './start-view.ts';

/** Between two drawings, so that a busy cluster stays readable. */
const drawPauseMs = 100;

const options = parseStartArguments(process.argv.slice(2));
switch (options.type) {
  case 'help':
    console.log(startUsage);
    break;
  case 'error':
    console.error(`${options.message} Try npm run memstore -- --help.`);
    process.exitCode = 2;
    break;
  case 'run':
    process.exit(await run(options));
}

/** Runs the cluster until somebody ends it; returns the exit code. */
async function run(where: ClusterOptions): Promise<number> {
  const screen = new Screen(process.stdout);
  const ended = endRequested();
  screen.say(`Starting ${nodeCount} nodes ${describeData(where)} ...`);

  const cluster = showCluster(where, screen);
  try {
    await Promise.race([ended, cluster.run()]);
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`${message}${adviceFor(message)}`);
    return 1;
  } finally {
    await cluster.stop();
    screen.leave();
    screen.say(`All ${nodeCount} nodes have ended.`);
  }
}

function describeData({ data }: ClusterOptions): string {
  if (data === undefined) return 'in memory; what they hold goes with them';
  return `with their data in ${data}; delete it to start anew`;
}

function adviceFor(message: string): string {
  if (message.includes('in use by another process')) {
    return ' npm run memstore -- --port N --data DIR starts a second cluster.';
  }
  return message.includes('in use') ? ' npm run memstore -- --port N starts elsewhere.' : '';
}

interface ShownCluster {
  /** Rejects when the cluster does not come up, or when its last node has died. */
  run(): Promise<never>;
  stop(): Promise<void>;
}

function showCluster(where: ClusterOptions, screen: Screen): ShownCluster {
  let timer: NodeJS.Timeout | undefined;
  let isUp = false;

  const draw = (): void => {
    timer = undefined;
    const rows = cluster.rows;
    screen.show({ table: renderTable(rows), commands: renderCommands(rows) });
  };
  const cluster = new ClusterProcesses(where, {
    onChange: () => {
      if (isUp) timer ??= setTimeout(draw, drawPauseMs);
    },
    onDeath: (line) => {
      // Before that the start fails, and says so.
      if (isUp) screen.say(`${line} ${outlook(cluster.aliveCount)}`);
    },
  });
  return {
    async run() {
      await cluster.form();
      isUp = true;
      draw();
      await cluster.gone();
      if (isUp) draw();
      throw new Error('All nodes are dead.');
    },
    async stop() {
      isUp = false;
      clearTimeout(timer);
      await cluster.stop();
    },
  };
}

function outlook(aliveCount: number): string {
  if (aliveCount * 2 > nodeCount) return 'The others go on.';
  return 'What is left is no majority: no write can succeed any more.';
}

/** Resolves when this process is asked to end, or is left without terminal, reader or parent. */
function endRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve());
    }
    process.stdout.on('error', () => resolve());
    if (process.connected) process.once('disconnect', () => resolve());
  });
}
