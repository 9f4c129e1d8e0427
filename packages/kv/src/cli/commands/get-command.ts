import { type Command, Option } from 'commander';

import type { Entry, KvClient } from '../../client.ts';
import type { SortTarget } from '../../types.ts';
import { addConnectionFlags, type ConnectionFlags, wholeFrom, withClient } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { print, printEither } from '../output.ts';
import { addKeysFlags, type KeysFlags, keysFrom, type NamedKeys, usage } from './keys.ts';
import { bytesForPeople, inLine, type PairFlags, printPair } from './pairs.ts';

interface GetFlags extends ConnectionFlags, KeysFlags, PairFlags {
  readonly json?: boolean | undefined;
  readonly limit?: number;
  readonly order?: 'asc' | 'desc';
  readonly sort?: SortTarget;
  readonly revision?: number;
  readonly countOnly?: boolean;
  readonly serializable?: boolean;
}

export function addGetCommand(program: Command, context: CliContext): void {
  const command = program
    .command('get')
    .summary('print a key, or a range of keys')
    .description('Prints a key and its value, or those of all keys from KEY to END (not in it).')
    .argument('<key>', 'the key, or the first one')
    .argument('[end]', 'the first key behind the range');
  addKeysFlags(command)
    .addOption(new Option('--limit <n>', 'at most so many pairs').argParser(wholeFrom))
    .addOption(new Option('--order <order>', 'of the keys').choices(['asc', 'desc']))
    .addOption(
      new Option('--sort <by>', 'by something else than the key; all pairs in one answer').choices([
        ...['key', 'version', 'create', 'mod', 'value'],
      ]),
    )
    .addOption(
      new Option('--rev, --revision <n>', 'as the store was at this revision').argParser(wholeFrom),
    )
    .option('--keys-only', 'print no values')
    .addOption(
      new Option('--count-only', 'print how many keys there are').conflicts(['keysOnly', 'limit']),
    )
    .addOption(
      new Option('--print-value-only', 'print no keys; one value into a pipe as it is').conflicts([
        'keysOnly',
        'countOnly',
        'json',
      ]),
    )
    .option('--serializable', 'what some member has at once; it may be old');
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate get greeting
  $ quorate get --prefix users/ --keys-only
  $ quorate get picture --print-value-only > picture.png
  $ quorate get users/ users0 --limit 10 --json`,
    )
    .action(async (key: string, end: string | undefined, flags: GetFlags) => {
      const keys = keysFrom(key, end, flags);
      await withClient(context, flags, (client) => get(context, { client, keys, flags }));
    });
}

interface Get {
  readonly client: KvClient;
  readonly keys: NamedKeys;
  readonly flags: GetFlags;
}

async function get(context: CliContext, { client, keys, flags }: Get): Promise<void> {
  const { limit, revision, serializable, keysOnly } = flags;
  const { signal } = context;
  const reading = { signal, revision, serializable };
  if (flags.countOnly === true) {
    const count = await client.count(keys, reading);
    await printEither(context, flags, { value: { count }, line: `${count}` });
    return;
  }
  if (limit === 0) throw usage('--limit wants at least 1.', 'Leave it out for all pairs.');
  if (keys instanceof Uint8Array) {
    const { entries } = await client.page(keys, { ...reading, keysOnly });
    await printOne(context, entries[0], { key: keys, flags });
    return;
  }
  const descending = flags.order === 'desc';
  const about = { ...reading, limit, keysOnly, descending };
  if (flags.sort === undefined || flags.sort === 'key') {
    for await (const entry of client.range(keys, about)) await printPair(context, entry, flags);
    return;
  }
  const { entries } = await client.page(keys, { ...about, sortBy: flags.sort });
  for (const entry of entries) await printPair(context, entry, flags);
}

async function printOne(
  context: CliContext,
  entry: Entry | undefined,
  { key, flags }: { readonly key: Uint8Array; readonly flags: GetFlags },
): Promise<void> {
  if (entry === undefined) {
    throw new CliFailure(`there is no key ${inLine(key, flags)}.`, {
      exitCode: exitCodes.notFound,
      advice: 'See which there are by quorate get --prefix "" --keys-only.',
    });
  }
  if (flags.printValueOnly !== true || context.isTerminal) {
    await printPair(context, entry, flags);
    return;
  }
  await print(context, bytesForPeople(context, entry.value, flags));
}
