import { parseArgs } from 'node:util';

export type StartArguments =
  | { readonly type: 'run'; readonly port: number }
  | { readonly type: 'help' }
  | { readonly type: 'error'; readonly message: string };

export const nodeCount = 3;

export const startUsage = `A key-value cluster of three nodes in three processes on this machine.

  npm start
  npm start -- --port 22001

  --port N   the first of three ports in a row on 127.0.0.1 (default 21001); 0 takes any free ones
  --help     shows this

Ctrl-C ends all three. Their state is in memory and goes with them.`;

const defaultPort = 21_001;
const lastFirstPort = 65_535 - nodeCount + 1;

export function parseStartArguments(args: readonly string[]): StartArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { port: { type: 'string' }, help: { type: 'boolean' } },
    });
    if (values.help === true) return { type: 'help' };
    return checkPort(values.port ?? String(defaultPort));
  } catch (error) {
    return { type: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

function checkPort(text: string): StartArguments {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > lastFirstPort) {
    const message = `--port wants a number from 0 to ${lastFirstPort}; got ${JSON.stringify(text)}.`;
    return { type: 'error', message };
  }
  return { type: 'run', port };
}
