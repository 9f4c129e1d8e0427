import path from 'node:path';
import type { Command } from 'commander';

import type { PreparedRestore, Restored } from '../../backup/restore.ts';
import { peersFrom, wholeFrom } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { print, printJson } from '../output.ts';
import { progressBar } from '../progress.ts';
import { contentOf } from './backup-words.ts';
import { pathOf, withFiles } from './offline.ts';
import { httpOfNeighbours, shellWord, startLine } from './start-lines.ts';

interface RestoreFlags {
  readonly data: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly name?: string;
  readonly token?: string;
  readonly revisionBump: number;
  readonly http?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

interface Made extends Restored {
  readonly name: string;
  readonly directory: string;
}

export function addSnapshotRestore(snapshot: Command, context: CliContext): void {
  snapshot
    .command('restore')
    .summary('make the data folders of a new cluster')
    .description(
      'Makes the data folder of a member of a NEW cluster out of a backup: with --name of that ' +
        'member alone, without it of all members, each in a folder of its name below --data. ' +
        'Revisions are those of the backup; leases get their whole time again.\n\n' +
        'Members that are restored with the same token, of the same file and with the same peers, ' +
        'are one cluster. Without --token one is drawn, so that no two restorations mix.',
    )
    .argument('<file>', 'a backup')
    .requiredOption('--data <dir>', 'the folder; it must be empty, or not be there')
    .requiredOption('--peers <list>', 'all members, as a=10.0.0.1:7001,b=10.0.0.2:7001', peersFrom)
    .option('--name <name>', 'the member whose folder it is; default: all of them')
    .option('--token <token>', 'as the restoration of the first member has printed it')
    .option(
      '--revision-bump <count>',
      'go on so many revisions higher, so that no watcher sees one twice',
      wholeFrom,
      0,
    )
    .option(
      '--http <list>',
      'where members answer HTTP, as a=10.0.0.1:8001,b=10.0.0.2:8001, for the commands it prints',
      peersFrom,
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  # All three members on this machine.
  $ quorate snapshot restore backup.qkvb --data data \\
      --peers a=127.0.0.1:7001,b=127.0.0.1:7002,c=127.0.0.1:7003
  $ quorate serve --name a --data data/a --listen 127.0.0.1:7001

  # Each on its own machine; this prints the commands for the others.
  $ quorate snapshot restore backup.qkvb --name a --data /var/lib/quorate \\
      --peers a=10.0.0.1:7001,b=10.0.0.2:7001,c=10.0.0.3:7001`,
    )
    .action((file: string, flags: RestoreFlags) => restore(context, file, flags));
}

async function restore(context: CliContext, file: string, flags: RestoreFlags): Promise<void> {
  const { drawToken } = await import('../../backup/restore.ts');
  const { name, peers, http = {} } = flags;
  const unknown = Object.keys(http).find((one) => !Object.hasOwn(peers, one));
  if (unknown !== undefined) {
    throw new CliFailure(`--http names ${unknown}, and --peers does not.`, {
      exitCode: exitCodes.usage,
      advice: 'Name members of the new cluster alone.',
    });
  }
  if (name !== undefined && !Object.hasOwn(peers, name)) {
    throw new CliFailure(`--peers must name ${name}, which is to be restored, as well.`, {
      exitCode: exitCodes.usage,
      advice: 'Name all members of the new cluster, the same ones for each of them.',
    });
  }
  if (flags.token !== undefined && !/^[\w-]{8,64}$/.test(flags.token)) {
    throw new CliFailure('--token must be 8 to 64 letters, digits, "-" or "_".', {
      exitCode: exitCodes.usage,
      advice: 'Give the one that the restoration of the first member has printed.',
    });
  }
  const token = flags.token ?? drawToken();
  const made = await withFiles(context, () => restoreAll(context, file, { ...flags, token }));
  if (flags.json === true) {
    await printJson(context, { token, members: made });
    return;
  }
  await print(context, report(file, { ...flags, token }, made));
}

async function restoreAll(
  context: CliContext,
  file: string,
  { name, data, peers, token, revisionBump }: RestoreFlags & { readonly token: string },
): Promise<readonly Made[]> {
  const { demandEmpty, prepareRestore, restoreMember } = await import('../../backup/restore.ts');
  const { stat } = await import('node:fs/promises');
  const names = name === undefined ? Object.keys(peers) : [name];
  const folder = pathOf(context, data);
  const folderOf = (one: string): string => (name === undefined ? path.join(folder, one) : folder);
  // Of all, before the first is written: half a cluster, whose token nobody was told, is of no use.
  for (const one of names) await demandEmpty(folderOf(one));
  const { size } = await stat(pathOf(context, file));
  const passes = revisionBump === 0 ? 1 + names.length : 1;
  const bar = progressBar(context, { label: 'restoring', total: size * passes });
  try {
    const prepared: PreparedRestore = await prepareRestore({
      file: pathOf(context, file),
      peers,
      token,
      revisionBump,
      onProgress: (bytes) => bar.advance(bytes),
    });
    const made: Made[] = [];
    for (const one of names) {
      context.signal.throwIfAborted();
      const directory = folderOf(one);
      const restored = await restoreMember(prepared, { name: one, directory });
      made.push({ name: one, directory, ...restored });
    }
    bar.done();
    return made;
  } catch (error) {
    bar.fail();
    throw error;
  }
}

function report(
  file: string,
  flags: RestoreFlags & { readonly token: string },
  made: readonly Made[],
): string {
  const { peers } = flags;
  const [first] = made;
  if (first === undefined) return '';
  const { cluster, revision, hash } = first;
  const lines = [
    `restored revision ${revision}: ${contentOf(first)}, hash ${hash}`,
    `new cluster ${cluster}`,
    ...made.map(({ name, directory }) => `  ${name} in ${directory}`),
  ];
  const done = new Set(made.map(({ name }) => name));
  const others = Object.keys(peers).filter((name) => !done.has(name));
  if (others.length > 0) {
    lines.push('', 'Restore the others of the same file, each on its machine:');
    for (const name of others) lines.push(`  ${restoreLine(file, name, flags)}`);
  }
  const listens = Object.fromEntries(made.map(({ name }) => [name, peers[name] ?? '']));
  // Of all, so that those that are restored one by one do not get in each other's way.
  const http = flags.http ?? httpOfNeighbours(peers);
  lines.push('', 'Then start them; nothing of the old cluster may run at these addresses:');
  for (const { name, directory: data } of made) {
    lines.push(`  ${startLine({ name, data, listen: listens[name] ?? '', http: http[name] })}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The command for another member, with the token that makes it one of the same cluster. */
function restoreLine(
  file: string,
  name: string,
  { peers, token, revisionBump, http }: RestoreFlags & { readonly token: string },
): string {
  const bump = revisionBump === 0 ? '' : ` --revision-bump ${revisionBump}`;
  const more = http === undefined ? '' : ` --http ${listOf(http)}`;
  const what = `${shellWord(file)} --name ${name} --data DIR --token ${token}${bump}`;
  return `quorate snapshot restore ${what} --peers ${listOf(peers)}${more}`;
}

function listOf(addresses: Readonly<Record<string, string>>): string {
  return Object.entries(addresses)
    .map(([name, address]) => `${name}=${address}`)
    .join(',');
}
