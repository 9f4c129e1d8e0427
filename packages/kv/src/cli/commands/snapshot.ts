import type { Command } from 'commander';

import type { VerifiedBackup } from '../../backup/verify.ts';
import { addConnectionFlags, type ConnectionFlags, withClient } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { printEither } from '../output.ts';
import { progressBar } from '../progress.ts';
import { addBackupCommands } from './backup.ts';
import { sentenceOf, summaryOf } from './backup-words.ts';
import { pathOf, withFiles } from './offline.ts';
import { addSnapshotRestore } from './snapshot-restore.ts';

interface SaveFlags extends ConnectionFlags {
  readonly force?: boolean;
  readonly serializable?: boolean;
}

/** `snapshot` and `backup`: the whole store in a file, and back again. */
export function addSnapshotCommands(program: Command, context: CliContext): void {
  const snapshot = program
    .command('snapshot')
    .summary('save the whole store in a file, check it, restore a cluster from it')
    .description('Saves the whole store in a file, checks such files, and restores clusters.');
  addSave(snapshot, context);
  addVerify(snapshot, context);
  addSnapshotRestore(snapshot, context);
  addBackupCommands(program, context);
}

function addSave(snapshot: Command, context: CliContext): void {
  const command = snapshot
    .command('save')
    .summary('save the whole store in a file')
    .description(
      'Saves the store as it is now, with its past as far as it is kept, while the cluster goes ' +
        'on. The file has its name only once it is on the disk, was read back, and is whole.',
    )
    .argument('<file>', 'the file to be made')
    .option('--force', 'replace the file if it is there')
    .option('--serializable', 'take what the member has, even if nobody leads');
  addConnectionFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ quorate snapshot save backup.qkvb
  $ quorate snapshot save backup.qkvb --endpoints 10.0.0.2:7001

  # What a member that is left still has, when most others are lost.
  $ quorate snapshot save rest.qkvb --serializable --endpoints 10.0.0.2:7001`,
    )
    .action((file: string, flags: SaveFlags) => save(context, file, flags));
}

async function save(context: CliContext, file: string, flags: SaveFlags): Promise<void> {
  const { writeBackupFile } = await import('../../backup/files.ts');
  const { signal } = context;
  const bar = progressBar(context, { label: 'saving', total: undefined });
  const { serializable = false, force = false } = flags;
  const verified = await withFiles(context, () =>
    withClient(context, flags, async (client) => {
      try {
        const written = await writeBackupFile(
          pathOf(context, file),
          client.snapshot({ serializable, signal }),
          {
            signal,
            onProgress: (bytes) => bar.advance(bytes),
            existing: force ? 'replace' : 'refuse',
          },
        );
        bar.done();
        return written;
      } catch (error) {
        bar.fail();
        throw error;
      }
    }),
  );
  const line = `saved ${file}: ${sentenceOf(verified)}`;
  await printEither(context, flags, { value: { file, ...summaryOf(verified) }, line });
}

function addVerify(snapshot: Command, context: CliContext): void {
  snapshot
    .command('verify')
    .summary('check a file')
    .description(
      'Reads all of a backup, builds the store of it as a member would, and compares its hash ' +
        'with the one that the file names. It takes the memory of a store. The exit code is 6 if ' +
        'the file is not whole.',
    )
    .argument('<file>', 'a backup')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ quorate snapshot verify backup.qkvb
  $ quorate snapshot verify backup.qkvb --json`,
    )
    .action(async (file: string, flags: { readonly json?: boolean }) => {
      const verified = await verify(context, pathOf(context, file), file);
      const line = `${file} is whole: ${sentenceOf(verified)}`;
      await printEither(context, flags, { value: { file, ...summaryOf(verified) }, line });
    });
}

async function verify(context: CliContext, path: string, name: string): Promise<VerifiedBackup> {
  const { reading } = await import('../../backup/files.ts');
  const { verifyBackup } = await import('../../backup/verify.ts');
  const { stat } = await import('node:fs/promises');
  return withFiles(context, async () => {
    const { size } = await stat(path);
    const bar = progressBar(context, { label: 'verifying', total: size });
    try {
      const onProgress = (bytes: number): void => bar.advance(bytes);
      const chunks = reading(path, { signal: context.signal, onProgress });
      const verified = await verifyBackup(chunks, { name, rebuild: true });
      bar.done();
      return verified;
    } catch (error) {
      bar.fail();
      throw error;
    }
  });
}
