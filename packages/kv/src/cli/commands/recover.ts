import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { LogId, NodeInfo, RecoveredCluster } from 'quorate';

import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { print, printJson } from '../output.ts';
import { type DiskLook, faultLines, lastOf, lookAtDisk } from './disk-look.ts';
import { hostPort } from './member-words.ts';
import { pathOf, withFiles } from './offline.ts';
import { httpAddressOf, startLine } from './start-lines.ts';

interface RecoverFlags {
  readonly name?: string;
  readonly voters?: readonly string[];
  readonly base?: RecoveredCluster;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** A disk that is left. */
interface Disk {
  readonly dir: string;
  readonly member: string;
  readonly cluster: string;
  /** What the cluster was before it was recovered by force, if it was. */
  readonly recoveredFrom?: string;
  readonly last: LogId;
  readonly members: Readonly<Record<string, NodeInfo>>;
}

export function addRecoverCommand(program: Command, context: CliContext): void {
  program
    .command('recover')
    .summary('go on after most disks are lost: the last resort')
    .description(
      'Gives a cluster new voters by force, after most of them were lost for good with their ' +
        'disks. No member may run. Give the folders of all disks that are left, or one after the ' +
        'other where they are on different machines: begin with the one whose log is furthest.\n\n' +
        'Writes that were acknowledged and are on none of the disks that are left are lost.',
    )
    .argument('<dir...>', 'data folders of members that are left')
    .option('--name <name>', 'the member whose disk it is, to be sure that it is this one')
    .option('--voters <names>', 'who votes from now on; default: whose folders are given', listFrom)
    .option('--base <json>', 'what the recovery of the first disk has printed', baseFrom)
    .option('--dry-run', 'only say what would be done')
    .option('--yes', 'do it without asking')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  # What would be done?
  $ quorate recover /var/lib/quorate --dry-run

  # One disk of three is left.
  $ quorate recover /var/lib/quorate --name c --yes

  # Two of five are left, on different machines; the first one prints the command for the second.
  $ quorate recover /var/lib/quorate --voters d,e --yes`,
    )
    .action((dirs: readonly string[], flags: RecoverFlags) => recover(context, dirs, flags));
}

async function recover(
  context: CliContext,
  dirs: readonly string[],
  flags: RecoverFlags,
): Promise<void> {
  const disks: Disk[] = [];
  for (const dir of dirs) disks.push(diskOf(dir, await lookAtDisk(context, dir)));
  demandFitting(disks, flags);
  const sorted = disks.toSorted((one, other) => compare(other.last, one.last));
  const voters = flags.voters ?? flags.base?.voters ?? sorted.map(({ member }) => member);
  if (flags.json !== true) await print(context, planText(sorted, voters, flags.base));
  if (flags.dryRun === true) {
    if (flags.json === true) await printJson(context, { disks: sorted, voters, done: false });
    return;
  }
  await demandConsent(context, sorted, flags);
  let base = flags.base;
  for (const disk of sorted) base = await recoverOne(context, disk, { voters, base });
  if (base === undefined) return;
  if (flags.json === true) await printJson(context, { disks: sorted, voters, done: true, base });
  else await print(context, nextText(sorted, base));
}

function diskOf(dir: string, { summary, faults }: DiskLook): Disk {
  // What nobody reads keeps no member from starting, and must not keep the last disk from it.
  const fault = faults.find(({ isFatal }) => isFatal);
  if (fault !== undefined) {
    throw new CliFailure(`the disk in ${dir} is damaged: ${faultLines(fault).join('\n')}`, {
      exitCode: exitCodes.damaged,
      advice: 'Go on with another disk that is left, or restore the newest backup.',
    });
  }
  const { identity, membership } = summary;
  if (identity?.cluster === undefined || membership === undefined) {
    throw new CliFailure(`${dir} belongs to no cluster: there is nothing to recover on it.`, {
      exitCode: exitCodes.failed,
      advice: 'Give the data folder of a member that has run.',
    });
  }
  const { node: member, cluster } = identity;
  const { nodes: members, recoveredFrom } = membership;
  const found = { dir, member, cluster, last: lastOf(summary), members };
  return recoveredFrom === undefined ? found : { ...found, recoveredFrom };
}

function demandFitting(disks: readonly Disk[], { name, base }: RecoverFlags): void {
  const clusters = new Set(disks.map(({ cluster }) => cluster));
  if (clusters.size > 1 && base === undefined) {
    throw new CliFailure(
      `the folders are of different clusters: ${disks.map(({ dir, cluster }) => `${dir} of ${cluster}`).join(', ')}.`,
      { exitCode: exitCodes.usage, advice: adviceForSeveral(disks) },
    );
  }
  const [first, ...others] = disks;
  if (name === undefined || (first?.member === name && others.length === 0)) return;
  const found = disks.map(({ dir, member }) => `${dir} of ${member}`).join(', ');
  throw new CliFailure(`--name says ${name}, and the folders are ${found}.`, {
    exitCode: exitCodes.usage,
    advice: 'Give the folder of that member alone, or leave --name out.',
  });
}

/** What broke off has made the first of several disks that of a new cluster. */
function adviceForSeveral(disks: readonly Disk[]): string {
  const first = disks.find(({ recoveredFrom }) =>
    disks.some(({ cluster }) => cluster === recoveredFrom),
  );
  if (first === undefined) return 'Give those of one cluster.';
  const voters = Object.keys(first.members).join(',');
  return (
    `${first.dir} was recovered already, as the first of several. If no member has run since, this ` +
    `prints the command for the others: quorate recover ${first.dir} --voters ${voters} --yes`
  );
}

function planText(
  [first, ...others]: readonly Disk[],
  voters: readonly string[],
  base: RecoveredCluster | undefined,
): string {
  if (first === undefined) return '';
  const gone = Object.keys(first.members).filter((name) => !voters.includes(name));
  const lines = [first, ...others].map(
    ({ dir, member, last }, at) =>
      `${dir}: member ${member}, its log ends at entry ${last.index} of term ${last.term}${at === 0 && others.length > 0 ? ', the furthest' : ''}`,
  );
  const from =
    base === undefined
      ? `The cluster ${first.cluster} will go on under a new id, from the log of member ${first.member}.`
      : `These disks will follow cluster ${base.cluster}, which was recovered from another disk.`;
  return `${[
    ...lines,
    '',
    from,
    `Voters will be: ${voters.join(', ')}.`,
    ...(gone.length === 0
      ? []
      : [
          `Members no more, for ever: ${gone.join(', ')}. Writes that only they have are lost; if one comes back, it is refused.`,
        ]),
    'No member of the cluster may run. If a disk that is not here has more, begin with that one.',
    '',
  ].join('\n')}\n`;
}

async function demandConsent(
  context: CliContext,
  [first]: readonly Disk[],
  { yes }: RecoverFlags,
): Promise<void> {
  if (yes === true || first === undefined) return;
  const { member } = first;
  const refused = (message: string): CliFailure =>
    new CliFailure(message, {
      exitCode: exitCodes.usage,
      advice: 'Read what is said above, and give --yes to do it.',
    });
  if (!context.isInputTerminal) throw refused('Nothing was done: nobody can be asked.');
  const { stdin: input, stderr: output, signal } = context;
  const terminal = createInterface({ input, output });
  try {
    const question = `Type the name of the member to go on from (${member}): `;
    const answer = await terminal.question(question, { signal });
    if (answer.trim() === member) return;
  } finally {
    terminal.close();
  }
  throw refused('Nothing was done.');
}

async function recoverOne(
  context: CliContext,
  { dir, member }: Disk,
  {
    voters,
    base,
  }: { readonly voters: readonly string[]; readonly base: RecoveredCluster | undefined },
): Promise<RecoveredCluster> {
  const { recoverCluster } = await import('quorate');
  const { walStorage } = await import('quorate/storage/wal');
  return withFiles(context, async () => {
    const storage = await walStorage(pathOf(context, dir));
    try {
      const options = base === undefined ? {} : { base };
      return await recoverCluster(storage, { id: member, voters, ...options });
    } finally {
      await storage[Symbol.asyncDispose]();
    }
  });
}

/** What is to be typed next. */
function nextText(disks: readonly Disk[], base: RecoveredCluster): string {
  const { cluster, voters } = base;
  const done = disks.map(({ member }) => member);
  const missing = voters.filter((name) => !done.includes(name));
  const lines = [`recovered as cluster ${cluster}, with ${done.join(', ')}`];
  if (missing.length > 0) {
    const json = JSON.stringify(base);
    lines.push('', `On the disk${missing.length > 1 ? 's' : ''} of ${missing.join(', ')}:`);
    for (const name of missing) {
      lines.push(
        `  quorate recover DIR --name ${name} --voters ${voters.join(',')} --base '${json}'`,
      );
    }
  }
  lines.push('', 'Then start them:');
  for (const { dir, member, members } of disks) {
    const { address = 'HOST:PORT', data } = members[member] ?? {};
    const http = data?.['http'] === undefined ? undefined : httpAddressOf(data['http']);
    lines.push(`  ${startLine({ name: member, data: dir, listen: hostPort(address), http })}`);
  }
  lines.push(
    '',
    'And give the cluster new members, with empty folders and names that were never used:',
    '  quorate serve --name NEW --data DIR --listen HOST:PORT --join ADDRESS',
  );
  return `${lines.join('\n')}\n`;
}

function compare(one: LogId, other: LogId): number {
  return one.term - other.term || one.index - other.index;
}

function listFrom(text: string): readonly string[] {
  return text.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
}

function baseFrom(text: string): RecoveredCluster {
  try {
    const base = JSON.parse(text) as RecoveredCluster;
    if (typeof base.cluster === 'string' && Array.isArray(base.voters)) return base;
  } catch {
    // Told below.
  }
  throw new CliFailure('--base must be the JSON that the recovery of the first disk printed.', {
    exitCode: exitCodes.usage,
    advice: 'Copy the whole command that it printed.',
  });
}
