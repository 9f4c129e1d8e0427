import type { LogId } from 'quorate';
import type { StorageFault, StorageFinding, StorageSummary } from 'quorate/storage/wal';

import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure, codeOf } from '../failure.ts';
import { progressBar } from '../progress.ts';
import { pathOf, withFiles } from './offline.ts';

/** What the disk of a member has. */
export interface DiskLook {
  readonly summary: StorageSummary;
  readonly faults: readonly StorageFault[];
  /** Files of the log, and their bytes. */
  readonly segments: number;
  readonly bytes: number;
  /** What a power cut left of the last write. */
  readonly torn: { readonly file: string; readonly offset: number } | undefined;
  readonly isLocked: boolean;
}

const mostFaults = 1000;

/** Reads all of the folder of a member, with a bar. */
export async function lookAtDisk(context: CliContext, dir: string): Promise<DiskLook> {
  const faults: StorageFault[] = [];
  let [segments, bytes, isLocked] = [0, 0, false];
  let torn: DiskLook['torn'];
  let summary: StorageSummary | undefined;
  let bar = progressBar({ ...context, isErrorTerminal: false }, { label: '', total: 0 });
  for await (const finding of findingsOf(context, dir)) {
    switch (finding.type) {
      case 'begin':
        isLocked = finding.isLocked;
        bar = progressBar(context, { label: `reading ${dir}`, total: finding.bytes });
        break;
      case 'segment':
        segments += 1;
        bytes += finding.bytes;
        break;
      case 'progress':
        bar.advance(finding.bytes);
        break;
      case 'torn':
        torn = finding;
        break;
      case 'fault':
        if (faults.length < mostFaults) faults.push(finding);
        break;
      case 'end':
        summary = finding;
        break;
      default:
    }
  }
  bar.done();
  if (summary === undefined) throw new Error(`${dir} was not read to its end.`);
  return { summary, faults, segments, bytes, torn, isLocked };
}

/** The same, one after the other. Ends when the command is interrupted. */
export async function* findingsOf(
  context: CliContext,
  dir: string,
): AsyncGenerator<StorageFinding, void, undefined> {
  const { inspectStorage } = await import('quorate/storage/wal');
  const findings = inspectStorage(pathOf(context, dir));
  try {
    for (;;) {
      const next = await withFiles(context, () => taken(findings, dir));
      if (next.done === true) return;
      context.signal.throwIfAborted();
      yield next.value;
    }
  } finally {
    await findings.return();
  }
}

async function taken(
  findings: AsyncGenerator<StorageFinding, void, undefined>,
  dir: string,
): Promise<IteratorResult<StorageFinding, void>> {
  try {
    return await findings.next();
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw cause;
    throw new CliFailure(`${dir} is no data folder of a member: it has no log.`, {
      exitCode: exitCodes.failed,
      advice: 'Give what the member is started with as --data.',
      cause,
    });
  }
}

/** The last entry that a disk has, in its log or in its snapshot. */
export function lastOf({ last, snapshot }: StorageSummary): LogId {
  return snapshot !== undefined && snapshot.index > last.index ? snapshot : last;
}

/** A fault for people: where, what was wanted and found, and what is lost. */
export function faultLines({ file, offset, wanted, found, lost }: StorageFault): string[] {
  return [
    `${file} at offset ${offset}`,
    `  wanted: ${wanted}`,
    `  found:  ${found}`,
    `  lost:   ${lostText(lost)}`,
  ];
}

function lostText(lost: StorageFault['lost']): string {
  if (lost === undefined) return 'no entry';
  const { from, to } = lost;
  if (to === undefined) return `the entries from ${from} on`;
  return from === to ? `entry ${from}` : `the entries ${from} to ${to}`;
}
