import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type NetworkName, parseNetwork } from './server-options.ts';

export type StartArguments =
  | {
      readonly type: 'run';
      readonly port: number;
      /** What the nodes speak among each other. */
      readonly network: NetworkName;
      /** Where the data is, as an absolute path; `undefined` means in memory. */
      readonly data: string | undefined;
    }
  | { readonly type: 'help' }
  | { readonly type: 'error'; readonly message: string };

export const nodeCount = 3;

export const startUsage = `A key-value cluster of three nodes in three processes on this machine.

  npm run memstore
  npm run memstore -- --port 22001 --data ./other
  npm run memstore -- --memory

  --port N         the first of three ports in a row on 127.0.0.1 (default 21001); 0 takes any free
                   ones, or those that the data was made with
  --network NAME   what the nodes speak among each other: tcp (the default), or http
  --data DIR       where the nodes keep logs and snapshots (default ./data in the project's folder)
  --memory         keeps everything in memory, which goes with the nodes
  --help           shows this

Ctrl-C ends all three; the next start goes on with their data. Delete it to start anew.`;

const defaultData = fileURLToPath(new URL('../../data', import.meta.url));

const defaultPort = 21_001;
const lastFirstPort = 65_535 - nodeCount + 1;

export function parseStartArguments(args: readonly string[]): StartArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        network: { type: 'string' },
        data: { type: 'string' },
        memory: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.help === true) return { type: 'help' };
    return checkStartValues(values);
  } catch (error) {
    return { type: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

interface StartValues {
  readonly port?: string | undefined;
  readonly network?: string | undefined;
  readonly data?: string | undefined;
  readonly memory?: boolean | undefined;
}

function checkStartValues({
  port = String(defaultPort),
  network,
  data,
  memory = false,
}: StartValues): StartArguments {
  if (!/^\d{1,5}$/.test(port) || Number(port) > lastFirstPort) {
    const message = `--port wants a number from 0 to ${lastFirstPort}; got ${JSON.stringify(port)}.`;
    return { type: 'error', message };
  }
  if (data === '') return { type: 'error', message: '--data wants a directory; got "".' };
  if (memory && data !== undefined) {
    return { type: 'error', message: '--memory keeps nothing in a directory: leave out --data.' };
  }
  const directory = memory ? undefined : path.resolve(data ?? defaultData);
  return { type: 'run', port: Number(port), network: parseNetwork(network), data: directory };
}
