import type { Command } from 'commander';

import { addConnectionFlags, type ConnectionFlags, wholeFrom, withWriter } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { printEither } from '../output.ts';

export function addCompactCommand(program: Command, context: CliContext): void {
  const command = program
    .command('compact')
    .summary('forget what was before a revision')
    .description(
      'Forgets what happened before REVISION; the store as of it can still be read. Members do ' +
        'this by themselves as well, as their option "compaction" says.',
    )
    .argument('<revision>', 'as an answer has named it', wholeFrom);
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate compact 1000`,
    )
    .action(async (revision: number, flags: ConnectionFlags) => {
      const { signal } = context;
      await withWriter(context, flags, (client) => client.compact(revision, { signal }));
      const line = `compacted up to revision ${revision}`;
      await printEither(context, flags, { value: { compactedRevision: revision }, line });
    });
}
