import { type Command, Option } from 'commander';

import type { KvClient } from '../../client.ts';
import type { PutRequest, PutResponse } from '../../types.ts';
import { addConnectionFlags, type ConnectionFlags, wholeFrom, withWriter } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { note, paint, printJson, printLine } from '../output.ts';
import { readAll } from './input.ts';
import { addBytesFlags, type BytesFlags, bytesFrom, usage } from './keys.ts';
import { pairJson, pairOf, printPair } from './pairs.ts';

interface PutFlags extends ConnectionFlags, BytesFlags {
  readonly lease?: number;
  readonly prev?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

/** No server can be told to take a longer one. */
const mostValueBytes = 8 * 1024 * 1024;

export function addPutCommand(program: Command, context: CliContext): void {
  const command = program
    .command('put')
    .summary('write a key')
    .description('Writes a key. Without VALUE, or with -, the value is what the input has.')
    .argument('<key>')
    .argument('[value]')
    .addOption(
      new Option('--lease <id>', 'delete the key when this lease ends').argParser(wholeFrom),
    )
    .option('--prev', 'print the pair as it was before')
    .option('--ignore-value', 'keep the value that is there')
    .addOption(new Option('--ignore-lease', 'keep the lease that the key has').conflicts('lease'));
  addBytesFlags(command);
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate put greeting hello
  $ quorate put picture < picture.png
  $ quorate put workers/1 here --lease 1000`,
    )
    .action(async (key: string, value: string | undefined, flags: PutFlags) => {
      const request = await requestFrom(context, { key, value, flags });
      await withWriter(context, flags, async (client) => {
        await printPut(context, await put(context, client, request), flags);
      });
    });
}

async function requestFrom(
  context: CliContext,
  { key, value, flags }: { key: string; value: string | undefined; flags: PutFlags },
): Promise<PutRequest> {
  const { lease, prev = false, ignoreValue = false, ignoreLease = false } = flags;
  if (ignoreValue && value !== undefined) {
    throw usage('VALUE has no place beside --ignore-value.', 'Leave one of them out.');
  }
  const keyBytes = bytesFrom(key, 'KEY', flags);
  if (keyBytes.length === 0) throw usage('KEY is empty, and no key is.', 'Name a key.');
  return {
    key: keyBytes,
    value: ignoreValue ? new Uint8Array() : await valueFrom(context, value, flags),
    ...(lease === undefined ? {} : { lease }),
    ...(prev ? { previous: true } : {}),
    ...(ignoreValue ? { ignoreValue } : {}),
    ...(ignoreLease ? { ignoreLease } : {}),
  };
}

async function valueFrom(
  context: CliContext,
  value: string | undefined,
  flags: PutFlags,
): Promise<Uint8Array> {
  if (value !== undefined && value !== '-') return bytesFrom(value, 'VALUE', flags);
  if (context.isInputTerminal)
    note(context, 'Type the value; ctrl-D on a line of its own ends it.');
  const read = await readAll(context, { what: 'The value', mostBytes: 2 * mostValueBytes });
  if (flags.hex !== true && flags.base64 !== true) return read;
  return bytesFrom(read.toString('latin1').trim(), 'The input', flags);
}

async function put(
  { signal }: CliContext,
  client: KvClient,
  request: PutRequest,
): Promise<PutResponse> {
  // The plain call of the client cannot keep a value.
  const operation = { type: 'put', ...request } as const;
  // oxlint-disable-next-line unicorn/no-thenable -- It is data.
  const { results } = await client.commit({ compare: [], then: [operation], else: [] }, { signal });
  const [result] = results;
  if (result?.type === 'put') return result;
  throw new CliFailure(`The put was answered as a ${result?.type}.`, {
    exitCode: exitCodes.failed,
    advice: 'See that the members and this program have the same version.',
  });
}

async function printPut(
  context: CliContext,
  { revision, previous }: PutResponse,
  flags: PutFlags,
): Promise<void> {
  const before = previous === undefined ? undefined : pairOf(previous);
  if (flags.json === true) {
    const rest = before === undefined ? {} : { previous: pairJson(before) };
    await printJson(context, { revision, ...rest });
    return;
  }
  await printLine(context, `${paint(context).green('OK')} (revision ${revision})`);
  if (before !== undefined) await printPair(context, before, flags);
}
