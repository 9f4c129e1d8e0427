import { parseArgs } from 'node:util';

/** What the nodes speak among each other. */
export const networkNames = ['tcp', 'http'] as const;
export type NetworkName = (typeof networkNames)[number];

export type ServerArguments =
  | {
      readonly type: 'run';
      readonly id: number;
      readonly host: string;
      readonly port: number;
      readonly network: NetworkName;
      /** The directory of the node's data; without one, everything is in memory. */
      readonly data: string | undefined;
      /** When a snapshot is built, and how much of the log stays; `undefined`: the default. */
      readonly snapshotAfterBytes: number | undefined;
      readonly keepBytes: number | undefined;
    }
  | { readonly type: 'help' }
  | { readonly type: 'error'; readonly message: string };

export const serverUsage = `One node of the example key-value cluster.

  node --conditions=quorate-source examples/kv-memstore/main.ts --id 1 --addr 127.0.0.1:21001

  --id N             the number of the node, unique for all time
  --addr HOST:PORT   where it listens, for clients and for the other nodes; port 0 takes any free one,
                     or the one that the data knows
  --http-addr        another name for --addr
  --network NAME     what this node speaks when it calls the others: tcp (the default), or http, which
                     curl can speak as well; it answers both
  --data DIR         keeps log and snapshots in this directory; without it, the node forgets all when
                     it ends
  --snapshot-after-bytes N
                     builds a snapshot when the log since the last one exceeds N bytes and the size of
                     that snapshot (default 67108864, 64 MiB)
  --keep-bytes N     keeps N bytes of log behind a snapshot for nodes that lag a little (default
                     67108864; 0 keeps none)
  --help             shows this`;

export function parseServerArguments(args: readonly string[]): ServerArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        id: { type: 'string' },
        addr: { type: 'string' },
        'http-addr': { type: 'string' },
        network: { type: 'string' },
        data: { type: 'string' },
        'snapshot-after-bytes': { type: 'string' },
        'keep-bytes': { type: 'string' },
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
  readonly network?: string | undefined;
  readonly data?: string | undefined;
  readonly 'snapshot-after-bytes'?: string | undefined;
  readonly 'keep-bytes'?: string | undefined;
}

function checkServerValues({
  id,
  address,
  network,
  data,
  ...policy
}: ServerValues): ServerArguments {
  if (id === undefined || !/^\d{1,15}$/.test(id)) {
    return { type: 'error', message: `--id wants a number such as 1; got ${id ?? 'nothing'}.` };
  }

  const [, host, port] = /^([^\s/@]+):(\d{1,5})$/.exec(address ?? '') ?? [];
  if (host === undefined || Number(port) > 65_535) {
    const wanted = '--addr wants host:port such as 127.0.0.1:21001';
    return { type: 'error', message: `${wanted}; got ${address ?? 'nothing'}.` };
  }
  if (data === '') return { type: 'error', message: '--data wants a directory; got "".' };
  return {
    type: 'run',
    id: Number(id),
    host,
    port: Number(port),
    network: parseNetwork(network),
    data,
    snapshotAfterBytes: parseBytes('--snapshot-after-bytes', policy['snapshot-after-bytes'], 1),
    keepBytes: parseBytes('--keep-bytes', policy['keep-bytes'], 0),
  };
}

/** @throws {RangeError} with a line for people. */
export function parseNetwork(text = 'tcp'): NetworkName {
  const name = networkNames.find((one) => one === text);
  if (name !== undefined) return name;
  throw new RangeError(
    `--network wants ${networkNames.join(' or ')}; got ${JSON.stringify(text)}.`,
  );
}

/** @throws {RangeError} with a line for people. */
function parseBytes(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new RangeError(
    `${option} wants a whole number of bytes, ${least} or above; got ${JSON.stringify(text)}.`,
  );
}
