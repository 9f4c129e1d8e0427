import { setTimeout as sleep } from 'node:timers/promises';

import type { Command } from 'commander';

import type { KvClient, MemberStatus, MembershipChange } from '../../client.ts';
import {
  addConnectionFlags,
  type ConnectionFlags,
  durationFrom,
  withClient,
  withWriter,
} from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { printEither, printJson, printTable } from '../output.ts';
import { awaitCaughtUp } from './member-catch-up.ts';
import { changing, printChange } from './member-changes.ts';
import { addReplaceCommand } from './member-replace.ts';
import { hostPort, serveLine } from './member-words.ts';

interface WaitFlags extends ConnectionFlags {
  readonly wait: number;
}

const lookEveryMs = 50;

/** `quorate member ...`. */
export function addMemberCommands(program: Command, context: CliContext): void {
  const member = program
    .command('member')
    .summary('see and change who is in the cluster')
    .description('Shows the members of a cluster, and changes who they are.');
  addListCommand(member, context);
  addAddCommand(member, context);
  addPromoteCommand(member, context);
  addRemoveCommand(member, context);
  addReplaceCommand(member, context);
  addTransferCommand(member, context);
}

function addListCommand(member: Command, context: CliContext): void {
  const command = member
    .command('list')
    .summary('show the members and their addresses')
    .description('Shows the members and where they are reached, as the leader knows them.');
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate member list
  $ quorate member list --endpoints 10.0.0.1:7001,10.0.0.2:7001 --json`,
    )
    .action(async (flags: ConnectionFlags) => {
      await withClient(context, flags, (client) => list(context, client, flags));
    });
}

async function list(
  context: CliContext,
  client: KvClient,
  { json = false }: ConnectionFlags,
): Promise<void> {
  const { members, leader, cluster } = await client.status({ signal: context.signal });
  if (json) {
    await printJson(context, { cluster, leader, members });
    return;
  }
  const rows = members.map(({ id, role, peerAddress, httpAddress = '-' }) => [
    id,
    id === leader ? 'leader' : role,
    hostPort(peerAddress),
    httpAddress,
  ]);
  await printTable(context, ['NAME', 'ROLE', 'ADDRESS', 'HTTP'], rows);
}

function addAddCommand(member: Command, context: CliContext): void {
  const command = member
    .command('add')
    .summary('add a member, as a learner')
    .description(
      'Adds a member that receives everything and has no vote. Its process may run already with ' +
        '--join, or be started afterwards.',
    )
    .argument('<name>', 'a name that no member has, and none ever had')
    .argument('<address>', 'where the others reach it, HOST:PORT')
    .option('--voter', 'let it become a voter by itself, once it has caught up');
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate member add d 10.0.0.4:7001
  $ quorate member promote d`,
    )
    .action(async (id: string, address: string, flags: ConnectionFlags & { voter?: boolean }) => {
      const { voter = false } = flags;
      await withWriter(context, flags, async (client) => {
        const change = await client.cluster.add({ id, address, voter }, changing(context, flags));
        await printChange(context, flags, change, addedLines(change, { id, address, voter }));
      });
    });
}

function addedLines(
  { changed, members }: MembershipChange,
  { id, address, voter }: { readonly id: string; readonly address: string; voter: boolean },
): readonly string[] {
  const role = members.find((one) => one.id === id)?.role ?? 'learner';
  const next = voter
    ? 'It becomes a voter by itself once it has caught up.'
    : `Then give it a vote, unless it is to stay a learner: quorate member promote ${id}`;
  return [
    changed ? `${id} is a member now, a learner at ${address}.` : `${id} is a ${role} already.`,
    ...(role === 'voter' ? [] : ['If it does not run yet, start it:']),
    ...(role === 'voter' ? [] : [`  ${serveLine({ id, address }, members)}`, next]),
  ];
}

function addPromoteCommand(member: Command, context: CliContext): void {
  const command = member
    .command('promote')
    .summary('make a learner a voter')
    .description('Waits until a learner has caught up, and makes it a voter.')
    .argument('<name>', 'a learner')
    .option('--wait <duration>', 'how long it may take to catch up', durationFrom, 60_000);
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate member promote d
  $ quorate member promote d --wait 10m`,
    )
    .action(async (id: string, flags: WaitFlags) => {
      await withWriter(context, flags, async (client) => {
        const before = await roleOf(context, client, id);
        await awaitCaughtUp(context, client, { id, waitMs: flags.wait, again: 'promote it again' });
        const change = await client.cluster.promote({ id }, changing(context, flags));
        const isNew = change.changed || before === 'learner';
        const line = isNew ? `${id} is a voter now.` : `${id} is a voter already.`;
        await printChange(context, flags, change, [line]);
      });
    });
}

function addRemoveCommand(member: Command, context: CliContext): void {
  const command = member
    .command('remove')
    .summary('remove a member for good')
    .description(
      'Removes a member. Its name never comes back. A leader hands over first. It is refused if ' +
        'the members that are left and answer would be no majority.',
    )
    .argument('<name>', 'the member')
    .option('--force', 'also if those that are left and answer are no majority');
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate member remove c
  # A disk was lost: a new member takes its place in one step.
  $ quorate member replace c --with d 10.0.0.4:7001`,
    )
    .action(async (id: string, flags: ConnectionFlags & { force?: boolean }) => {
      const { force = false } = flags;
      await withWriter(context, flags, async (client) => {
        const role = await roleOf(context, client, id);
        const change = await client.cluster.remove({ id, force }, changing(context, flags));
        const done = `${id} is no member any more. Stop its process, and keep its name unused.`;
        const before = `${id} has left the cluster before. Nothing was changed.`;
        const isNew = change.changed || role !== undefined;
        await printChange(context, flags, change, [isNew ? done : before]);
      });
    });
}

/**
 * What it was before a change. If the answer to the change is lost, the call is made again, and is
 * told that it was so already.
 */
async function roleOf(
  { signal }: CliContext,
  client: KvClient,
  id: string,
): Promise<MemberStatus['role'] | undefined> {
  const { members } = await client.status({ signal });
  return members.find((one) => one.id === id)?.role;
}

function addTransferCommand(member: Command, context: CliContext): void {
  const command = member
    .command('transfer')
    .summary('hand the leadership over')
    .description('Hands the leadership over to a voter, without an election timeout in between.')
    .argument('[name]', 'the voter that is to lead; whoever is furthest if none is named');
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate member transfer
  $ quorate member transfer b`,
    )
    .action(async (to: string | undefined, flags: ConnectionFlags) => {
      await withWriter(context, flags, (client) => transfer(context, client, { to, flags }));
    });
}

async function transfer(
  context: CliContext,
  client: KvClient,
  { to, flags }: { readonly to: string | undefined; readonly flags: ConnectionFlags },
): Promise<void> {
  const { signal } = context;
  const before = await client.status({ signal });
  if (to === undefined) demandOthers(before.members);
  else demandVoter(to, before.members);
  if (to === undefined || to !== before.leader) {
    await client.cluster.transferLeadership(to, { signal });
  }
  const { leader, term } = await newLeader(context, client, { to, not: before.leader });
  const line = `${leader} leads now, in term ${term}.`;
  await printEither(context, flags, { value: { leader, term }, line });
}

/** Asks until somebody leads who is meant. The calls themselves are bounded by `--timeout`. */
async function newLeader(
  { signal }: CliContext,
  client: KvClient,
  { to, not }: { readonly to: string | undefined; readonly not: string | undefined },
): Promise<{ readonly leader: string; readonly term: number }> {
  const tries = 40;
  for (let at = 0; at < tries; at += 1) {
    const { leader, term } = await client.status({ signal });
    const isMeant = to === undefined ? leader !== not : leader === to;
    if (leader !== undefined && isMeant) return { leader, term };
    await sleep(lookEveryMs, undefined, { signal });
  }
  throw new CliFailure(`it is not ${to ?? 'another member'} that leads now.`, {
    exitCode: exitCodes.failed,
    advice: 'See quorate status: another election may have come in between. Try again.',
  });
}

/** Otherwise it would be tried again and again until the time is over. */
function demandOthers(members: readonly MemberStatus[]): void {
  const [only, ...others] = members.filter(({ role }) => role === 'voter');
  if (only === undefined || others.length > 0) return;
  throw new CliFailure(`${only.id} is the only voter, so nobody can take over.`, {
    exitCode: exitCodes.refused,
    advice: 'Give another member a vote first: quorate member promote NAME',
  });
}

function demandVoter(id: string, members: readonly MemberStatus[]): void {
  const member = members.find((one) => one.id === id);
  if (member === undefined) {
    const names = members.map((one) => one.id).join(', ');
    throw new CliFailure(`there is no member ${id}.`, {
      exitCode: exitCodes.notFound,
      advice: `The members are ${names}.`,
    });
  }
  if (member.role === 'voter') return;
  throw new CliFailure(`${id} is a learner, and only a voter can lead.`, {
    exitCode: exitCodes.refused,
    advice: `Give it a vote first: quorate member promote ${id}`,
  });
}
