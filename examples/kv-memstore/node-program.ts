import type { ExampleServer, ServerOptions } from './server.ts';
import type { ServerArguments } from './server-options.ts';
import { reportToParent } from './supervised.ts';

/** What did not end by itself within this time is cut off. */
const closeWithinMs = 3000;

/** Runs one node as a program, from its command line until a signal ends it. */
export async function runNode(
  options: ServerArguments,
  { start, usage }: { start: (options: ServerOptions) => Promise<ExampleServer>; usage: string },
): Promise<void> {
  switch (options.type) {
    case 'help':
      console.log(usage);
      return;
    case 'error':
      console.error(`${options.message} Try --help.`);
      process.exitCode = 2;
      return;
    case 'run':
  }

  let server: ExampleServer;
  try {
    server = await start(options);
  } catch (error) {
    console.error(`Node ${options.id} did not start: ${startFailure(error, options.host)}`);
    process.exitCode = 1;
    return;
  }

  console.log(`Node ${options.id} listens on ${server.address}`);
  const end = (): void => void close(server);
  process.once('SIGTERM', end);
  // A parent that started this process ends it itself; without one, Ctrl-C does.
  if (process.send === undefined) process.once('SIGINT', end);
  else await reportToParent(server, { onParentGone: end });
}

async function close(server: ExampleServer): Promise<void> {
  setTimeout(() => process.exit(1), closeWithinMs).unref();
  await server.close();
  process.exit(0);
}

function startFailure(error: unknown, host: string): string {
  if (!(error instanceof Error)) return String(error);
  // A failure to listen names its port; files have codes like these too.
  if ('code' in error && 'port' in error) {
    const where = `port ${String(error.port)} on ${host}`;
    if (error.code === 'EADDRINUSE') return `${where} is in use.`;
    if (error.code === 'EACCES') return `${where} is not open to this user.`;
  }
  return error.message;
}
