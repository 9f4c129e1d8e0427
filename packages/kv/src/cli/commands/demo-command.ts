import { type Command, InvalidArgumentError, Option } from 'commander';

import { wholeFrom } from '../connect.ts';
import type { CliContext } from '../context.ts';
import type { DemoFlags } from './demo/run-demo.ts';

/** One key of the keyboard for each. */
const mostMembers = 9;

/** `quorate demo`. */
export function addDemoCommand(program: Command, context: CliContext): void {
  program
    .command('demo')
    .summary('run a whole cluster on this machine, to try it out')
    .description(
      'Runs a cluster on this machine, each member a process of its own, with some clients that ' +
        'keep it busy, and shows how it does. Ctrl-C ends all of it.',
    )
    .option('--members <n>', `how many, up to ${mostMembers}`, membersFrom, 3)
    .option('--dir <folder>', 'keep the data there, and go on with it next time')
    .option('--keep', 'keep the data of a demo without --dir as well')
    .option(
      '--port <n>',
      'listen there and on those that follow; 7001 or any that are free, otherwise',
      portFrom,
    )
    .option('--json', 'print what happens as JSON, one value per line')
    .addOption(
      new Option('--called <words>', 'how this program is called, for what to type next')
        .default('quorate')
        .hideHelp(),
    )
    .addHelpText(
      'after',
      `
On a terminal the keys 1 to ${mostMembers} kill a member or start it again, and q ends the demo.

Examples:
  $ quorate demo
  $ quorate demo --members 5 --dir ./demo-data`,
    )
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import('./demo/run-demo.ts');
      await runDemo(context, flags);
    });
}

function membersFrom(text: string): number {
  const count = wholeFrom(text);
  if (count >= 1 && count <= mostMembers) return count;
  throw new InvalidArgumentError(`Wanted 1 to ${mostMembers} members.`);
}

function portFrom(text: string): number {
  const port = wholeFrom(text);
  // HTTP is answered a thousand further on.
  if (port >= 1 && port <= 65_535 - 1000 - mostMembers) return port;
  throw new InvalidArgumentError(`Wanted a port from 1 to ${65_535 - 1000 - mostMembers}.`);
}
