import { oneOf, readOptions, UsageError, wholeNumber } from '../command-line.ts';
import { type NetworkName, networkNames } from './protocol.ts';

export interface ChaosOptions {
  readonly seconds: number;
  readonly nodes: number;
  readonly clients: number;
  readonly network: NetworkName;
  readonly seed: string;
  /** Where everything is kept; without it, a folder that is removed if nothing was found. */
  readonly keep: string | undefined;
}

/** The history is kept in memory; so long it fits. */
const maxSeconds = 4 * 60 * 60;

/** @throws {UsageError} that says what was wanted. */
export function readChaosOptions(args: readonly string[], freshSeed: string): ChaosOptions {
  const values = readOptions(
    {
      seconds: { type: 'string', default: '30' },
      nodes: { type: 'string', default: '5' },
      clients: { type: 'string', default: '8' },
      network: { type: 'string', default: 'tcp' },
      seed: { type: 'string', default: freshSeed },
      keep: { type: 'string' },
    },
    args,
  );
  const { seed, keep } = values;
  if (seed === '') throw new UsageError('--seed must not be empty.');
  if (keep === '') throw new UsageError('--keep must name a folder.');
  return {
    seconds: wholeNumber('seconds', values.seconds, { from: 1, to: maxSeconds }),
    nodes: wholeNumber('nodes', values.nodes, { from: 3, to: 9 }),
    clients: wholeNumber('clients', values.clients, { from: 1, to: 64 }),
    network: oneOf('network', values.network, networkNames),
    seed,
    keep,
  };
}
