import { rmSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { killAllChildren } from './living-children.ts';

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Children that are being killed may still make files. */
const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 } as const;

/** How the kernel numbers the file systems that one is likely to meet. */
const fileSystems: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x01021994: 'tmpfs (memory: no figure of this run is about a disk)',
  0x794c7630: 'overlay',
};

/**
 * Calls `work` with a new folder in `parent` and removes the folder afterwards, however this
 * process ends; its children end before that.
 */
export async function withFolder<Result>(
  name: string,
  parent: string | undefined,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(path.join(parent ?? tmpdir(), `quorate-${name}-`));
  const clearUp = (): void => {
    killAllChildren();
    rmSync(folder, removal);
  };
  const endBy = (signal: keyof typeof signals): void => process.exit(128 + signals[signal]);
  const names = Object.keys(signals) as (keyof typeof signals)[];
  process.once('exit', clearUp);
  for (const signal of names) process.once(signal, endBy);
  try {
    return await work(folder);
  } finally {
    process.off('exit', clearUp);
    for (const signal of names) process.off(signal, endBy);
    await rm(folder, removal);
  }
}

export async function fileSystemOf(folder: string): Promise<string> {
  const { type } = await statfs(folder);
  return fileSystems[type] ?? `file system 0x${type.toString(16)}`;
}
