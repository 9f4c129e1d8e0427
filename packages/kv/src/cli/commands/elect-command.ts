import type { Command } from 'commander';

import type { KvClient, Leader } from '../../client.ts';
import { addConnectionFlags, type ConnectionFlags, withClient, withWriter } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { bytesJson, paint, printEither, shown } from '../output.ts';
import { hold, letGo } from './hold.ts';
import { bytesFrom, demandName, usage } from './keys.ts';
import { secondsOf, ttlOption } from './lock-command.ts';

interface ElectFlags extends ConnectionFlags {
  readonly ttl: number;
  readonly listen?: boolean;
}

export function addElectCommand(program: Command, context: CliContext): void {
  const command = program
    .command('elect')
    .summary('stand in an election, or see who leads')
    .description(
      'Waits until it leads, tells VALUE to all who listen, and leads until ctrl-C. The exit code ' +
        'is 4 if the leadership is lost. With --listen, prints who leads, and each change of that.',
    )
    .argument('<name>', 'of the election')
    .argument('[value]', 'what this candidate tells of itself')
    .addOption(ttlOption())
    .option('--listen', 'do not stand: print each leader');
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate elect scheduler "$(hostname)"
  $ quorate elect scheduler --listen`,
    )
    .action(async (name: string, value: string | undefined, flags: ElectFlags) => {
      demandName(name);
      if (flags.listen === true && value !== undefined) {
        throw usage('VALUE has no place beside --listen.', 'Leave one of them out.');
      }
      if (flags.listen === true) {
        await withClient(context, flags, (client) => listen(context, client, { name, flags }));
        return;
      }
      if (value === undefined) {
        throw usage('elect wants a VALUE.', 'Say what others shall see of this candidate.');
      }
      await withWriter(context, flags, (client) => stand(context, client, { name, value, flags }));
    });
}

interface Standing {
  readonly name: string;
  readonly value: string;
  readonly flags: ElectFlags;
}

async function stand(
  context: CliContext,
  client: KvClient,
  { name, value: tells, flags }: Standing,
): Promise<void> {
  const { signal } = context;
  const election = client.election(name);
  const told = bytesFrom(tells, 'VALUE', {});
  const won = await election.campaign(told, { ttl: secondsOf(flags), signal });
  const what = `the leadership of "${name}"`;
  try {
    const { key, fencingToken } = won;
    const value = { key, fencingToken, value: bytesJson(told) };
    const line = `leads: ${shown(told)} (token ${fencingToken})`;
    await printEither(context, flags, { value, line });
    await hold(context, won, what);
  } finally {
    await letGo(context, { held: won, what, flags }, (options) => won.resign(options));
  }
}

async function listen(
  context: CliContext,
  client: KvClient,
  { name, flags }: Omit<Standing, 'value'>,
): Promise<void> {
  for await (const leader of client.election(name).observe({ signal: context.signal })) {
    const value = { leader: leader === undefined ? null : leaderJson(leader) };
    await printEither(context, flags, { value, line: lineOf(context, leader) });
  }
}

function leaderJson({ key, value, fencingToken, revision }: Leader): object {
  return { key, value: bytesJson(value), fencingToken, revision };
}

function lineOf(context: CliContext, leader: Leader | undefined): string {
  if (leader === undefined) return paint(context).dim('nobody leads');
  return `leads: ${shown(leader.value)} (token ${leader.fencingToken})`;
}
