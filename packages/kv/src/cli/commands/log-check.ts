import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';
import { counted, print, printJson } from '../output.ts';
import { bytesText } from '../progress.ts';
import { type DiskLook, faultLines, lookAtDisk } from './disk-look.ts';

/** Says whether the disk of a member is as it was written. */
export async function checkLog(
  context: CliContext,
  dir: string,
  { json = false }: { readonly json?: boolean },
): Promise<void> {
  const look = await lookAtDisk(context, dir);
  if (json) await printJson(context, { dir, ...jsonOf(look) });
  else await print(context, `${linesOf(dir, look).join('\n')}\n`);
  const { faults, summary } = look;
  if (faults.length === 0) return;
  const { node } = summary.identity ?? {};
  const disk = node === undefined ? `the disk in ${dir}` : `the disk of member ${node}`;
  if (faults.every(({ isFatal }) => !isFatal)) {
    throw new CliFailure(`${disk} has changed bytes that nobody reads.`, {
      exitCode: exitCodes.damaged,
      advice:
        'The member starts, and has lost nothing; but a disk that does this is to be replaced.',
    });
  }
  throw new CliFailure(`${disk} is damaged.`, {
    exitCode: exitCodes.damaged,
    advice:
      'While most of the other voters run, replace the member: quorate member replace ' +
      `${node ?? 'ITS-NAME'} --with NAME ADDRESS. If they are lost, restore the newest backup with quorate ` +
      'snapshot restore, or go on with another disk that is left: quorate recover DIR.',
  });
}

function jsonOf({ summary, faults, segments, bytes, torn, isLocked }: DiskLook): object {
  const { type: _type, faults: count, ...rest } = summary;
  return {
    isWhole: faults.length === 0,
    ...rest,
    files: segments,
    bytes,
    isLocked,
    ...(torn === undefined ? {} : { torn: { file: torn.file, offset: torn.offset } }),
    faultCount: count,
    faults,
  };
}

function linesOf(dir: string, look: DiskLook): string[] {
  const { summary, faults, segments, bytes, torn } = look;
  const { identity, last, purged, snapshot } = summary;
  const { node = 'nobody', cluster = 'none yet' } = identity ?? {};
  const entries =
    last.index > purged.index
      ? `entries ${purged.index + 1} to ${last.index}, term ${last.term}`
      : `no entries after ${purged.index}`;
  const lines = [
    `${dir}: member ${node} of cluster ${cluster}`,
    `log:      ${entries}; ${counted(segments, 'file')}, ${bytesText(bytes)}`,
    snapshot === undefined
      ? 'snapshot: none'
      : `snapshot: up to entry ${snapshot.index} of term ${snapshot.term}`,
  ];
  if (torn !== undefined) {
    lines.push(
      `torn end: ${torn.file} at offset ${torn.offset}; a write that was cut off and that nobody was told of. The next start removes it.`,
    );
  }
  if (!look.isLocked) {
    lines.push('unlocked: there is no lock to be had here; see to it that no member runs on it');
  }
  const [first] = faults;
  if (first === undefined) return [...lines, 'whole: every checksum is right'];
  const more = summary.faults - 1;
  return [
    ...lines,
    '',
    `${first.isFatal ? 'DAMAGED' : 'CHANGED'}: ${faultLines(first).join('\n')}`,
    ...(more > 0 ? [`and ${more} more, which --json names`] : []),
  ];
}
