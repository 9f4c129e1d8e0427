import type { Command } from 'commander';

import type { KvClient, MemberStatus } from '../../client.ts';
import { addConnectionFlags, type ConnectionFlags, clientOptions, withClient } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { paint, printJson, printTable } from '../output.ts';

/** What one member has. */
export type MemberHash =
  | { readonly member: string; readonly revision: number; readonly hash: string }
  | { readonly member: string; readonly problem: string };

/** While there are writes, members are asked so often until they have the same revision. */
const tries = 20;
const pauseMs = 50;

export function addHashCommand(program: Command, context: CliContext): void {
  const command = program
    .command('hash')
    .summary('compare the states of the members')
    .description(
      'Asks every member for the hash of its whole state, and compares those of one revision. The ' +
        'exit code is 6 if they differ, and 3 if a member does not answer.',
    );
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate hash
  $ quorate hash --json`,
    )
    .action(async (flags: ConnectionFlags) => {
      const hashes = await withClient(context, flags, (client) => hashAll(context, client, flags));
      const verdict = verdictOf(hashes);
      if (flags.json === true) await printJson(context, { verdict, members: hashes });
      else await printHashes(context, hashes, verdict);
      const failure = failures[verdict];
      if (failure !== undefined) throw new CliFailure(failure.message, failure);
    });
}

export type Verdict = 'same' | 'differ' | 'incomparable' | 'unanswered';

const failures: Readonly<
  Record<Verdict, { message: string; exitCode: number; advice: string } | undefined>
> = {
  same: undefined,
  differ: {
    message: 'members have different states at one revision.',
    exitCode: exitCodes.damaged,
    advice: 'Stop the one that differs from the majority, and replace it by a new member.',
  },
  incomparable: {
    message: 'the members were at different revisions each time they were asked.',
    exitCode: exitCodes.failed,
    advice: 'Try again when fewer writes come in; members compare their hashes by themselves too.',
  },
  unanswered: {
    message: 'a member did not answer.',
    exitCode: exitCodes.unreachable,
    advice: 'See that it runs, and that this machine reaches the address that it advertises.',
  },
};

/** What comes of the answers of all members. */
export function verdictOf(hashes: readonly MemberHash[]): Verdict {
  const known = hashes.filter((one) => 'hash' in one);
  const byRevision = new Map<number, Set<string>>();
  for (const { revision, hash } of known) {
    byRevision.set(revision, (byRevision.get(revision) ?? new Set()).add(hash));
  }
  if ([...byRevision.values()].some((found) => found.size > 1)) return 'differ';
  if (known.length < hashes.length) return 'unanswered';
  return byRevision.size > 1 ? 'incomparable' : 'same';
}

/** Asks until all agree, or it has been tried often enough. */
async function hashAll(
  context: CliContext,
  client: KvClient,
  flags: ConnectionFlags,
): Promise<readonly MemberHash[]> {
  const members = await client.members({ signal: context.signal });
  let hashes: readonly MemberHash[] = [];
  for (let turn = 0; turn < tries; turn += 1) {
    context.signal.throwIfAborted();
    hashes = await askAll(context, members, flags);
    const verdict = verdictOf(hashes);
    if (verdict === 'same' || verdict === 'unanswered') break;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return hashes;
}

async function askAll(
  context: CliContext,
  members: readonly MemberStatus[],
  flags: ConnectionFlags,
): Promise<readonly MemberHash[]> {
  const { tls, timeoutMs = 0 } = clientOptions(context, flags);
  const { nodeRuntime: runtime } = await import('quorate');
  const { TcpClient } = await import('quorate/network/tcp');
  const { channelName } = await import('../../protocol/messages.ts');
  const { decodeRareAnswer, encodeRareCall } = await import('../../protocol/rare-calls.ts');
  const ask = async ({ id, clientAddress, peerAddress }: MemberStatus): Promise<MemberHash> => {
    const address = clientAddress ?? peerAddress;
    const member = new TcpClient(address, { runtime, ...(tls === undefined ? {} : { tls }) });
    try {
      const call = encodeRareCall('hash', {});
      const answer = await member.channel(channelName).call(call, { timeoutMs });
      return { member: id, ...decodeRareAnswer('hash', answer) };
    } catch (error) {
      return { member: id, problem: error instanceof Error ? error.message : String(error) };
    } finally {
      await member.close();
    }
  };
  return Promise.all(members.map((member) => ask(member)));
}

async function printHashes(
  context: CliContext,
  hashes: readonly MemberHash[],
  verdict: Verdict,
): Promise<void> {
  const { red } = paint(context);
  await printTable(
    context,
    ['MEMBER', { name: 'REVISION', align: 'right' }, 'HASH'],
    hashes.map((one) =>
      'hash' in one
        ? [one.member, `${one.revision}`, verdict === 'differ' ? red(one.hash) : one.hash]
        : [one.member, '-', red(one.problem)],
    ),
  );
}
