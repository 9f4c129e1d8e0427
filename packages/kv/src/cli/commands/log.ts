import type { Command } from 'commander';

import { wholeFrom } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { checkLog } from './log-check.ts';
import { dumpLog } from './log-dump.ts';
import { addRecoverCommand } from './recover.ts';

/** `log` and `recover`: what works on the folder of a member that does not run. */
export function addLogCommands(program: Command, context: CliContext): void {
  const log = program
    .command('log')
    .summary('check and print the log of a member that does not run')
    .description('Reads the data folder of a member that does not run. Nothing is changed.');
  log
    .command('check')
    .summary('check everything that a member has on its disk')
    .description(
      'Reads every file of the log and the newest snapshot, checks every checksum and that entries ' +
        'follow one another, and names the first fault: the file, the offset, what was wanted and ' +
        'found, and which entries are lost. The exit code is 6 if there is one.',
    )
    .argument('<dir>', 'the data folder of a member')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate log check /var/lib/quorate`,
    )
    .action((dir: string, flags: { readonly json?: boolean }) => checkLog(context, dir, flags));
  log
    .command('dump')
    .summary('print the entries of a log')
    .description(
      'Prints the entries of a log in the order in which they were written: index, term, type, ' +
        'bytes, and what they do. Entries that were taken back later are printed too, before the ' +
        'line that says so.',
    )
    .argument('<dir>', 'the data folder of a member')
    .option('--from <index>', 'from this entry on', wholeFrom)
    .option('--to <index>', 'up to this entry, with it', wholeFrom)
    .option('--json', 'print JSON, one entry per line')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate log dump /var/lib/quorate --from 100 --to 120
  $ quorate log dump /var/lib/quorate --json | jq 'select(.type == "command")'`,
    )
    .action((dir: string, flags: { from?: number; to?: number; json?: boolean }) =>
      dumpLog(context, dir, flags),
    );
  addRecoverCommand(program, context);
}
