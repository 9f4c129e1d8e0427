import { parseArgs } from 'node:util';

export type ServerArguments =
  | {
      readonly type: 'run';
      readonly id: number;
      readonly host: string;
      readonly port: number;
      /** The directory of the node's data; without one, everything is in memory. */
      readonly data: string | undefined;
    }
  | { readonly type: 'help' }
  | { readonly type: 'error'; readonly message: string };

export const serverUsage = `One node of the example key-value cluster.

  node --conditions=quorate-source examples/kv-memstore/main.ts --id 1 --addr 127.0.0.1:21001

  --id N             the number of the node, unique for all time
  --addr HOST:PORT   where it listens, for clients and for the other nodes; port 0 takes any free one,
                     or the one that the data knows
  --http-addr        another name for --addr
  --data DIR         keeps the log in this directory; without it, the node forgets all when it ends
  --help             shows this`;

export function parseServerArguments(args: readonly string[]): ServerArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        id: { type: 'string' },
        addr: { type: 'string' },
        'http-addr': { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (values.help === true) return { type: 'help' };
    return checkServerValues({ ...values, address: values.addr ?? values['http-addr'] });
  } catch (error) {
    return { type: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

interface ServerValues {
  readonly id?: string | undefined;
  readonly address: string | undefined;
  readonly data?: string | undefined;
}

function checkServerValues({ id, address, data }: ServerValues): ServerArguments {
  if (id === undefined || !/^\d{1,15}$/.test(id)) {
    return { type: 'error', message: `--id wants a number such as 1; got ${id ?? 'nothing'}.` };
  }

  const [, host, port] = /^([^\s/@]+):(\d{1,5})$/.exec(address ?? '') ?? [];
  if (host === undefined || Number(port) > 65_535) {
    const wanted = '--addr wants host:port such as 127.0.0.1:21001';
    return { type: 'error', message: `${wanted}; got ${address ?? 'nothing'}.` };
  }
  if (data === '') return { type: 'error', message: '--data wants a directory; got "".' };
  return { type: 'run', id: Number(id), host, port: Number(port), data };
}
