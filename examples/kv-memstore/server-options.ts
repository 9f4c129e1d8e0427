import { parseArgs } from 'node:util';

export type ServerArguments =
  | { readonly type: 'run'; readonly id: number; readonly host: string; readonly port: number }
  | { readonly type: 'help' }
  | { readonly type: 'error'; readonly message: string };

export const serverUsage = `One node of the example key-value cluster.

  node --conditions=quorate-source examples/kv-memstore/main.ts --id 1 --addr 127.0.0.1:21001

  --id N             the number of the node, unique for all time
  --addr HOST:PORT   where it listens, for clients and for the other nodes; port 0 takes any free one
  --http-addr        another name for --addr
  --help             shows this`;

export function parseServerArguments(args: readonly string[]): ServerArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        id: { type: 'string' },
        addr: { type: 'string' },
        'http-addr': { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (values.help === true) return { type: 'help' };
    return checkServerValues(values.id, values.addr ?? values['http-addr']);
  } catch (error) {
    return { type: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

function checkServerValues(id: string | undefined, address: string | undefined): ServerArguments {
  if (id === undefined || !/^\d{1,15}$/.test(id)) {
    return { type: 'error', message: `--id wants a number such as 1; got ${id ?? 'nothing'}.` };
  }

  const [, host, port] = /^([^\s/@]+):(\d{1,5})$/.exec(address ?? '') ?? [];
  if (host === undefined || Number(port) > 65_535) {
    const wanted = '--addr wants host:port such as 127.0.0.1:21001';
    return { type: 'error', message: `${wanted}; got ${address ?? 'nothing'}.` };
  }
  return { type: 'run', id: Number(id), host, port: Number(port) };
}
