import { type ExampleServer, startServer } from './server.ts';
import { parseServerArguments, type ServerArguments, serverUsage } from './server-options.ts';
import { reportToParent } from './supervised.ts';

/** What did not end by itself within this time is cut off. */
const closeWithinMs = 3000;

const options = parseServerArguments(process.argv.slice(2));
switch (options.type) {
  case 'help':
    console.log(serverUsage);
    break;
  case 'error':
    console.error(`${options.message} Try --help.`);
    process.exitCode = 2;
    break;
  case 'run':
    await run(options);
}

async function run(where: Extract<ServerArguments, { type: 'run' }>): Promise<void> {
  let server: ExampleServer;
  try {
    server = await startServer(where);
  } catch (error) {
    console.error(`Node ${where.id} did not start: ${startFailure(error, where.host)}`);
    process.exitCode = 1;
    return;
  }

  console.log(`Node ${where.id} listens on ${server.address}`);
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
