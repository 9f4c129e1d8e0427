import { readFile } from 'node:fs/promises';

/** Of a process, as the kernel counts it. */
export interface ProcessMemory {
  readonly residentMiB: number;
  /** Without pages of files, which the kernel takes back when it needs them. */
  readonly anonymousMiB: number;
  readonly highestMiB: number;
}

/** @throws {Error} where there is no `/proc`, and when the process is gone. */
export async function memoryOf(pid: number): Promise<ProcessMemory> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (found === undefined) throw new Error(`Process ${pid} tells no ${name}.`);
    return Math.round(Number(found) / 1024);
  };
  return {
    residentMiB: mebibytes('VmRSS'),
    anonymousMiB: mebibytes('RssAnon'),
    highestMiB: mebibytes('VmHWM'),
  };
}
