import type { Command } from 'commander';

import type { KvClient, MembershipChange } from '../../client.ts';
import { addConnectionFlags, type ConnectionFlags, durationFrom, withWriter } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { note } from '../output.ts';
import { awaitCaughtUp } from './member-catch-up.ts';
import { changing, printChange } from './member-changes.ts';

interface ReplaceFlags extends ConnectionFlags {
  readonly with: string;
  readonly wait: number;
}

interface Replacement {
  readonly old: string;
  readonly id: string;
  readonly address: string;
}

/** One command for a lost disk or machine. */
export function addReplaceCommand(member: Command, context: CliContext): void {
  const command = member
    .command('replace')
    .summary('put a new member in the place of another one')
    .usage('OLD --with NEW ADDRESS [options]')
    .description(
      'Puts a new member in the place of one whose disk or machine is lost: adds it as a learner, ' +
        'waits until it has caught up, and changes the voters in one step. If it is interrupted, ' +
        'the same command goes on with it.',
    )
    .argument('<old>', 'the member that leaves, which need not run')
    .argument('<address>', 'where the others reach the new one, HOST:PORT')
    .requiredOption('--with <new>', 'a name that no member has, and none ever had')
    .option('--wait <duration>', 'how long it may take to catch up', durationFrom, 600_000);
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate member replace c --with d 10.0.0.4:7001
  # On the new machine, before or after:
  $ quorate serve --name d --data DIR --listen 10.0.0.4:7001 --join 10.0.0.1:7001,10.0.0.2:7001`,
    )
    .action(async (old: string, address: string, flags: ReplaceFlags) => {
      const replacement = { old, id: flags.with, address };
      await withWriter(context, flags, async (client) => {
        const change = await replace(context, client, { replacement, flags });
        await printChange(context, flags, change, doneLines(replacement, change));
      });
    });
}

/** Every step can be repeated, so that the whole can. */
async function replace(
  context: CliContext,
  client: KvClient,
  { replacement, flags }: { readonly replacement: Replacement; readonly flags: ReplaceFlags },
): Promise<MembershipChange> {
  const { old, id, address } = replacement;
  const { signal } = context;
  if (old === id) {
    throw new CliFailure(`a member cannot be replaced by its own name, ${id}.`, {
      exitCode: exitCodes.usage,
      advice: 'Names never come back: choose a new one for the new disk.',
    });
  }
  const calling = changing(context, flags);
  const { members } = await client.status({ signal });
  const leaving = members.find((one) => one.id === old);
  if (leaving === undefined && !members.some((one) => one.id === id)) {
    const names = members.map((one) => one.id).join(', ');
    throw new CliFailure(`there is no member ${old} to be replaced.`, {
      exitCode: exitCodes.notFound,
      advice: `The members are ${names}.`,
    });
  }
  const added = await client.cluster.add({ id, address }, calling);
  if (added.changed) note(context, `${id} is a learner now; it takes the place of ${old} later.`);
  // Voters change places in one step, so a learner that is left had a learner to follow. Whether
  // the old one has ever been there the cluster knows; there is nothing left to be removed.
  if (leaving === undefined) return client.cluster.remove({ id: old }, calling);
  const again = 'give the same command again';
  await awaitCaughtUp(context, client, { id, waitMs: flags.wait, again });
  if (leaving.role === 'learner') return client.cluster.remove({ id: old }, calling);
  return client.cluster.promote({ id, insteadOf: old }, calling);
}

function doneLines(
  { old, id }: Replacement,
  { changed, members }: MembershipChange,
): readonly string[] {
  const role = members.find((one) => one.id === id)?.role ?? 'member';
  if (changed) return [`${id} has the place of ${old}, as a ${role}. Keep the name ${old} unused.`];
  const more = role === 'learner' ? [`Give it a vote: quorate member promote ${id}`] : [];
  return [`${old} has left the cluster before, and ${id} is a ${role}.`, ...more];
}
