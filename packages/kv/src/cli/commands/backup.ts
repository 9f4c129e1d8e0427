import { type Command, Option } from 'commander';

import type { PlaceOptions } from '../../backup/places/open-place.ts';
import type { BackupPlace, StoredBackup } from '../../backup/places/place.ts';
import { addConnectionFlags, type ConnectionFlags, withClient } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure, codeOf, failureOf } from '../failure.ts';
import { counted, paint, plural, printEither, printJson, printTable } from '../output.ts';
import { bytesText } from '../progress.ts';
import { sentenceOf, summaryOf } from './backup-words.ts';
import { pathOf, withFiles } from './offline.ts';

/** `backup`: the place where members leave their backups. */
export function addBackupCommands(program: Command, context: CliContext): void {
  const backup = program
    .command('backup')
    .summary('the backups that members make by themselves: list, check, make one now')
    .description(
      'Lists and checks the backups in a folder or a bucket, where members leave them that are ' +
        'started with --backup-every; see docs/backup.md.',
    );
  addList(backup, context);
  addVerify(backup, context);
  addNow(backup, context);
}

interface PlaceFlags {
  readonly dir?: string;
  readonly s3?: string;
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly s3PathStyle?: boolean;
  readonly json?: boolean;
}

function addPlaceFlags(command: Command): Command {
  return command
    .addOption(new Option('--dir <dir>', 'the folder').env('QUORATE_BACKUP_DIR'))
    .addOption(
      new Option('--s3 <url>', 'the bucket, as s3://bucket/prefix/').env('QUORATE_BACKUP_S3'),
    )
    .addOption(
      new Option('--s3-endpoint <url>', 'something else that speaks S3').env(
        'QUORATE_BACKUP_S3_ENDPOINT',
      ),
    )
    .option('--s3-region <region>', 'the region of the bucket')
    .option('--s3-path-style', 'the bucket stands in the path, and not in the host');
}

async function withPlace<T>(
  context: CliContext,
  flags: PlaceFlags,
  use: (place: BackupPlace) => Promise<T>,
): Promise<T> {
  const { openPlace } = await import('../../backup/places/open-place.ts');
  return withFiles(context, async () => {
    const place = await openPlace(placeOf(context, flags));
    try {
      return await use(place);
    } finally {
      await place[Symbol.asyncDispose]();
    }
  });
}

/** A folder that is not there has no backups, and most likely another one is meant. */
async function withExistingPlace<T>(
  context: CliContext,
  flags: PlaceFlags,
  use: (place: BackupPlace) => Promise<T>,
): Promise<T> {
  const { dir } = flags;
  if (dir !== undefined && flags.s3 === undefined) await demandFolder(pathOf(context, dir));
  return withPlace(context, flags, use);
}

async function demandFolder(dir: string): Promise<void> {
  const { stat } = await import('node:fs/promises');
  const found = await stat(dir).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isDirectory() === true) return;
  const what = found === undefined ? 'There is no folder' : 'This is no folder:';
  throw new CliFailure(`${what} ${dir}.`, {
    exitCode: exitCodes.notFound,
    advice:
      'Give the folder that members have as --backup-dir. It is made with the first backup: see by ' +
      'quorate status whether backups fail, or make one by quorate backup now.',
  });
}

function placeOf(context: CliContext, flags: PlaceFlags): PlaceOptions {
  const { dir, s3, s3Endpoint: endpoint, s3Region: region, s3PathStyle: forcePathStyle } = flags;
  if ((dir === undefined) === (s3 === undefined)) {
    throw new CliFailure('Backups are in one place: give either --dir or --s3.', {
      exitCode: exitCodes.usage,
      advice: 'For example --dir /var/backups/quorate, or --s3 s3://bucket/quorate/.',
    });
  }
  if (dir !== undefined) return { directory: pathOf(context, dir) };
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(s3 ?? '') ?? [];
  if (bucket !== undefined) return { s3: { bucket, prefix, endpoint, region, forcePathStyle } };
  throw new CliFailure(`--s3 must be s3://BUCKET/PREFIX; it is ${JSON.stringify(s3)}.`, {
    exitCode: exitCodes.usage,
    advice: 'For example --s3 s3://bucket/quorate/.',
  });
}

function addList(backup: Command, context: CliContext): void {
  addPlaceFlags(backup.command('list'))
    .summary('list the backups of a place')
    .description('Lists the backups of a folder or a bucket, the newest first.')
    .option('--verify', 'also read all of each, and check it')
    .option('--json', 'print JSON, one backup per line')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate backup list --dir /var/backups/quorate
  $ quorate backup list --s3 s3://backups/quorate/ --verify`,
    )
    .action(async (flags: PlaceFlags & { readonly verify?: boolean }) => {
      const rows = await withExistingPlace(context, flags, async (place) => {
        const listed: Row[] = [];
        for (const one of await place.list({ signal: context.signal })) {
          context.signal.throwIfAborted();
          const fault = flags.verify === true ? await faultOf(context, place, one) : undefined;
          listed.push({ ...one, ...(flags.verify === true ? { verified: !fault, fault } : {}) });
        }
        return listed;
      });
      await printRows(context, rows, flags);
      const bad = rows.filter(({ verified }) => verified === false);
      if (bad.length === 0) return;
      throw new CliFailure(
        `${bad.length} of ${counted(rows.length, 'backup')} ${plural(bad.length, 'is', 'are')} not whole.`,
        {
          exitCode: exitCodes.damaged,
          advice: 'Make a new one with quorate backup now, and remove those that are named above.',
        },
      );
    });
}

type Row = StoredBackup & { readonly verified?: boolean; readonly fault?: string | undefined };

async function faultOf(
  { signal }: CliContext,
  place: BackupPlace,
  { name }: StoredBackup,
): Promise<string | undefined> {
  const { verifyBackup } = await import('../../backup/verify.ts');
  try {
    await verifyBackup(place.read(name, { signal }), { name });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error).message;
  }
}

async function printRows(
  context: CliContext,
  rows: readonly Row[],
  { json, verify }: { readonly json?: boolean; readonly verify?: boolean },
): Promise<void> {
  if (json === true) {
    for (const row of rows) await printJson(context, row);
    return;
  }
  const { green, red } = paint(context);
  await printTable(
    context,
    [
      'TIME',
      'MEMBER',
      { name: 'REVISION', align: 'right' },
      { name: 'SIZE', align: 'right' },
      ...(verify === true ? ['WHOLE'] : []),
      'NAME',
    ],
    rows.map(({ at, member, revision, bytes, verified, fault, name }) => [
      `${at.toISOString().slice(0, 19)}Z`,
      member,
      `${revision}`,
      bytesText(bytes),
      ...(verify === true ? [verified === true ? green('yes') : red(fault ?? 'no')] : []),
      name,
    ]),
  );
}

function addVerify(backup: Command, context: CliContext): void {
  addPlaceFlags(backup.command('verify'))
    .summary('check one backup of a place')
    .description(
      'Reads all of a backup, builds the store of it, and compares its hash with the one that it ' +
        'names. The exit code is 6 if it is not whole, and 5 if it is not there.',
    )
    .argument('[name]', 'its name in the place; default: the newest')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate backup verify --dir /var/backups/quorate
  $ quorate backup verify --s3 s3://backups/quorate/ 3f2a9c81.a.20260301T120000000Z.r4711.qkvb`,
    )
    .action(async (name: string | undefined, flags: PlaceFlags) => {
      const { verifyBackup } = await import('../../backup/verify.ts');
      const { signal } = context;
      const verified = await withExistingPlace(context, flags, async (place) => {
        const listed = await place.list({ signal });
        const found = name === undefined ? listed[0] : listed.find((one) => one.name === name);
        if (found === undefined) throw absent(place, name);
        const chunks = place.read(found.name, { signal });
        const checked = await verifyBackup(chunks, { name: found.name, rebuild: true });
        return { name: found.name, checked };
      });
      const { name: found, checked } = verified;
      const line = `${found} is whole: ${sentenceOf(checked)}`;
      await printEither(context, flags, { value: { name: found, ...summaryOf(checked) }, line });
    });
}

function absent({ title }: BackupPlace, name: string | undefined): CliFailure {
  const what = name === undefined ? 'no backup' : `no backup ${name}`;
  return new CliFailure(`There is ${what} in ${title}.`, {
    exitCode: exitCodes.notFound,
    advice: 'See what is there with quorate backup list.',
  });
}

function addNow(backup: Command, context: CliContext): void {
  const command = backup
    .command('now')
    .summary('make a backup now')
    .description(
      'Makes a backup of the cluster now, as its members do by themselves, and verifies it in its ' +
        'place. Nothing that is there is removed.',
    );
  addConnectionFlags(addPlaceFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  $ quorate backup now --dir /var/backups/quorate --endpoints 10.0.0.1:7001`,
    )
    .action(async (flags: PlaceFlags & ConnectionFlags) => {
      const { signal } = context;
      const { nameOf } = await import('../../backup/names.ts');
      const { peekHead } = await import('../../backup/decode.ts');
      const made = await withPlace(context, flags, (place) =>
        withClient(context, flags, async (client) => {
          const { head, chunks } = await peekHead(client.snapshot({ signal }), 'the snapshot');
          const name = nameOf(head);
          return { name, verified: await place.save(name, chunks, { signal }) };
        }),
      );
      const { name, verified } = made;
      const line = `made ${name}: ${sentenceOf(verified)}`;
      await printEither(context, flags, { value: { name, ...summaryOf(verified) }, line });
    });
}
