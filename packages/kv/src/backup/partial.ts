import { readdir, unlink } from 'node:fs/promises';
import path from 'node:path';

/*
 * A backup that is being written has a name of its own, so that two that are written at the same
 * time never share a file: `NAME.PROCESS-COUNT.partial`.
 */

const ending = '.partial';
const pattern = /^(.+?)(?:\.(\d+)-\d+)?\.partial$/;

/** Those that this process is writing. */
const open = new Set<string>();
let count = 0;

/** A path beside `file` that nobody else writes to. Give it to `endPartial` in the end. */
export function beginPartial(file: string): string {
  count += 1;
  const partial = `${path.resolve(file)}.${process.pid}-${count}${ending}`;
  open.add(partial);
  return partial;
}

export function endPartial(partial: string): void {
  open.delete(partial);
}

/**
 * Removes what processes of this machine had begun to write and left behind when they died.
 * `isMeant` says of the name that a file was to have whether it is to be removed.
 */
export async function removeLeftovers(
  folder: string,
  isMeant: (name: string) => boolean,
): Promise<void> {
  for (const name of await namesIn(folder)) {
    const [, wholeName, processId] = pattern.exec(name) ?? [];
    if (wholeName === undefined || !isMeant(wholeName)) continue;
    const partial = path.resolve(folder, name);
    const isInUse = open.has(partial) || (processId !== undefined && isOther(Number(processId)));
    if (!isInUse) await unlink(partial).catch(unlessGone);
  }
}

/** The names in a folder; none if it is not there. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    unlessGone(error);
    return [];
  }
}

/** Others remove things in the same folder: what is not there any more is no failure. */
export function unlessGone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

/** Whether another process of this number runs, whoever it belongs to. */
function isOther(processId: number): boolean {
  if (processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
