import type { Command } from 'commander';

import { addConnectionFlags, type ConnectionFlags, withWriter } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { printJson, printLine } from '../output.ts';
import { addKeysFlags, type KeysFlags, keysFrom } from './keys.ts';
import { pairJson, printPair } from './pairs.ts';

interface DelFlags extends ConnectionFlags, KeysFlags {
  readonly prev?: boolean;
}

export function addDelCommand(program: Command, context: CliContext): void {
  const command = program
    .command('del')
    .summary('delete a key, or a range of keys')
    .description('Deletes keys, all at one revision, and prints how many there were.')
    .argument('<key>', 'the key, or the first one')
    .argument('[end]', 'the first key behind the range')
    .option('--prev', 'print the pairs as they were');
  addKeysFlags(command);
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate del greeting
  $ quorate del --prefix users/ --prev`,
    )
    .action(async (key: string, end: string | undefined, flags: DelFlags) => {
      const keys = keysFrom(key, end, flags);
      await withWriter(context, flags, async (client) => {
        const options = { previous: flags.prev === true, signal: context.signal };
        const { revision, deleted, previous } = await client.delete(keys, options);
        if (flags.json === true) {
          const before =
            flags.prev === true ? { previous: previous.map((one) => pairJson(one)) } : {};
          await printJson(context, { revision, deleted, ...before });
          return;
        }
        await printLine(context, `${deleted}`);
        for (const entry of previous) await printPair(context, entry, flags);
      });
    });
}
