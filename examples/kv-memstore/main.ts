import { runNode } from './node-program.ts';
import { startServer } from './server.ts';
import { parseServerArguments, serverUsage } from './server-options.ts';

const options = parseServerArguments(process.argv.slice(2));
await runNode(options, { start: startServer, usage: serverUsage });
