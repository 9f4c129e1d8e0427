import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DiskLevel } from './plan.ts';
import { SmallDisks } from './small-disks.ts';

const mib = 1024 * 1024;
/** Of disks that are as large as they are; members have settings of their own on small ones. */
const roomSaid: Readonly<Record<DiskLevel, number>> = { low: 64 * mib, full: 8 * mib };
const roomLeft: Readonly<Record<DiskLevel, number>> = { low: 12 * mib, full: 0 };

export interface RoomsOptions {
  readonly directory: string;
  readonly slots: readonly string[];
  /** Each member has a small disk of this size, where this user may mount one. */
  readonly diskMegabytes: number | undefined;
}

/** How much room there is on the disk of each seat, and where its member has its folder. */
export class Rooms {
  readonly #directory: string;
  readonly #disks: SmallDisks | undefined;
  /** Until when a real disk had no room at all, the last time. */
  readonly #full = new Map<string, { until: number }>();

  private constructor(directory: string, disks: SmallDisks | undefined) {
    this.#directory = directory;
    this.#disks = disks;
  }

  static async open({ directory, slots, diskMegabytes }: RoomsOptions): Promise<Rooms> {
    if (diskMegabytes === undefined) return new Rooms(directory, undefined);
    const disks = await SmallDisks.open({ directory, slots, megabytes: diskMegabytes });
    return new Rooms(directory, disks);
  }

  /** Leaves so little, or, if nothing is said, as much as there is. */
  async set(slot: string, level?: DiskLevel): Promise<void> {
    if (this.#disks === undefined) {
      if (level === undefined) await rm(this.fileOf(slot), { force: true });
      else await writeFile(this.fileOf(slot), `${roomSaid[level]}`);
      return;
    }
    if (level === 'full') this.#full.set(slot, { until: Infinity });
    await this.#disks.leave(slot, level && roomLeft[level]);
    const full = this.#full.get(slot);
    if (level === undefined && full?.until === Infinity) full.until = performance.now();
  }

  /** Whether there was no room at all at any time since then. */
  wasFullSince(slot: string, startedAt: number): boolean {
    return (this.#full.get(slot)?.until ?? -Infinity) > startedAt;
  }

  isFull(slot: string): boolean {
    return this.#full.get(slot)?.until === Infinity;
  }

  /** The file that says how much there is, to members without a disk of their own. */
  fileOf(slot: string): string {
    return path.join(this.#directory, `${slot}.room`);
  }

  folderOf(slot: string, name: string): string {
    return this.#disks?.folderOf(slot, name) ?? path.join(this.#directory, name);
  }

  /** What a process is started with, so that it sees its folder. */
  get words(): readonly string[] | undefined {
    return this.#disks?.words;
  }

  async removeFolder(slot: string, name: string): Promise<void> {
    if (this.#disks !== undefined) return this.#disks.remove(slot, name);
    await rm(this.folderOf(slot, name), { recursive: true, force: true, maxRetries: 3 });
  }

  close({ isKept }: { readonly isKept: boolean }): Promise<void> | undefined {
    return this.#disks?.close({ isKept });
  }
}
