import { parseArgs } from 'node:util';
import { type NetworkName, parseNetwork } from './server-options.ts';

export interface CatchUpOptions {
  readonly entries: number;
  readonly writers: number;
  readonly network: NetworkName;
  readonly snapshotAfterBytes: number;
  readonly keepBytes: number;
  /** How long a node may take for what others do in seconds. */
  readonly waitSeconds: number;
}

export type CatchUpArguments =
  | ({ readonly type: 'run' } & CatchUpOptions)
  | { readonly type: 'help' }
  | { readonly type: 'error'; readonly message: string };

export const catchUpUsage = `A node that was away comes back after its entries have gone from the logs.

  node --conditions=quorate-source examples/kv-memstore/catch-up.ts --entries 1000000

Three nodes on free ports and in a temporary directory get many entries. After half of them one
node is killed; it starts again when all are written, and is brought up to date by a snapshot. Then
the states of all three are compared, and the sizes of their directories shown.

  --entries N               to write, each under a key of its own (default 1000000)
  --writers N               that write at the same time (default 64)
  --network NAME            as for a node: tcp (the default) or http
  --snapshot-after-bytes N  as for a node (default 8388608, 8 MiB)
  --keep-bytes N            as for a node (default 4194304, 4 MiB)
  --wait-seconds N          that a node may take to purge its log, and to catch up (default 60)
  --help                    shows this`;

const mebibyte = 1024 * 1024;

export function parseCatchUpArguments(args: readonly string[]): CatchUpArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        entries: { type: 'string', default: '1000000' },
        writers: { type: 'string', default: '64' },
        network: { type: 'string' },
        'snapshot-after-bytes': { type: 'string', default: String(8 * mebibyte) },
        'keep-bytes': { type: 'string', default: String(4 * mebibyte) },
        'wait-seconds': { type: 'string', default: '60' },
        help: { type: 'boolean' },
      },
    });
    if (values.help === true) return { type: 'help' };
    return {
      type: 'run',
      entries: parseCount('--entries', values.entries, 2),
      writers: parseCount('--writers', values.writers, 1),
      network: parseNetwork(values.network),
      snapshotAfterBytes: parseCount('--snapshot-after-bytes', values['snapshot-after-bytes'], 1),
      keepBytes: parseCount('--keep-bytes', values['keep-bytes'], 0),
      waitSeconds: parseCount('--wait-seconds', values['wait-seconds'], 1),
    };
  } catch (error) {
    return { type: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws {RangeError} with a line for people. */
function parseCount(option: string, text: string, least: number): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new RangeError(
    `${option} wants a whole number, ${least} or above; got ${JSON.stringify(text)}.`,
  );
}
