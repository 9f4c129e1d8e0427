import type { DiskStatus, KvAlert } from '../../types.ts';
import { alertOf } from './kinds.ts';

/** `low`: nothing should be added. `full`: the log hardly finds room for its next file. */
export type RoomLevel = 'well' | 'low' | 'full';

/** How much a member has, as it tells the others. */
export interface Room {
  readonly level: RoomLevel;
  readonly freeBytes: number;
  /** What must be free for the disk to be well again. */
  readonly wantedBytes: number;
  /** It fills up so quickly that it must be looked at more often. */
  readonly isFalling?: boolean;
}

export interface DiskRoomOptions {
  readonly member: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Looks at the disk. */
  readonly measure: () => Promise<Measured>;
  /** The log itself says that it will soon fail. */
  readonly isLogLow: () => boolean;
  /** Default: by what `reserveOf` wants. */
  readonly lowBytes: number | undefined;
  readonly segmentBytes: number;
  /** Writes that may be under way when the disk is found to be low. */
  readonly pendingBytes: number;
}

export interface Measured {
  readonly freeBytes: number;
  readonly logBytes: number;
  readonly snapshotBytes: number;
}

/** A disk that was low is well again only with so much more, so that it does not go to and fro. */
const recovery = 1.25;
/** Files of the log that should find room besides everything else. */
const spareSegments = 8;
/** Below room for so many, the log is about to fail. */
const fullSegments = 2;
/** A disk that will be low within so long, as quickly as it fills up now, needs a closer look. */
const soonMs = 3000;

/**
 * How much of one member's disk is free, and whether that is enough. What comes in after it was
 * found to be too little must find room still: what is under way, the next files of the log, and a
 * snapshot, which is written aside before the one before it goes.
 */
export class DiskRoom {
  readonly #options: DiskRoomOptions;
  #level: RoomLevel = 'well';
  #measured: Measured | undefined;
  #failure: string | undefined;
  #isLooking = false;
  #lookedAt = 0;
  #isFalling = false;

  constructor(options: DiskRoomOptions) {
    this.#options = options;
  }

  get level(): RoomLevel {
    return this.#level;
  }

  /** The disk was asked, and has not answered. */
  get isLooking(): boolean {
    return this.#isLooking;
  }

  /** It may be low very soon: look again soon. */
  get isFalling(): boolean {
    return this.#isFalling;
  }

  get status(): DiskStatus | undefined {
    return this.#measured && { ...this.#measured, lowBytes: this.#lowBytes };
  }

  /** What the others are told; `undefined` as long as nobody knows. */
  get room(): Room | undefined {
    if (this.#measured === undefined) return undefined;
    const { freeBytes } = this.#measured;
    const wantedBytes = Math.ceil(this.#lowBytes * (this.#level === 'well' ? 1 : recovery));
    const falling = this.#isFalling ? { isFalling: true } : {};
    return { level: this.#level, freeBytes, wantedBytes, ...falling };
  }

  /** Whether a snapshot would find room, with some to spare. */
  get hasRoomForSnapshot(): boolean {
    if (this.#measured === undefined) return false;
    const { freeBytes, snapshotBytes, logBytes } = this.#measured;
    // It holds no more than the one before it and the log since then.
    return freeBytes > snapshotBytes + logBytes + this.#fullBytes;
  }

  /** Looks at the disk. Never rejects: a disk that says nothing stays what it was. */
  async look(): Promise<void> {
    this.#isLooking = true;
    try {
      const before = this.#measured?.freeBytes;
      const { freeBytes, ...rest } = await this.#options.measure();
      // Disks of a network may say that they have no end, beyond what numbers count exactly.
      this.#measured = { ...rest, freeBytes: Math.min(freeBytes, Number.MAX_SAFE_INTEGER) };
      this.#failure = undefined;
      this.#judgeFall(before);
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    } finally {
      this.#isLooking = false;
    }
    this.#judge();
  }

  alerts(): readonly KvAlert[] {
    const { member } = this.#options;
    const alerts: KvAlert[] = [];
    if (this.#failure !== undefined) {
      alerts.push(alertOf('disk-unknown', member, `The disk could not be asked: ${this.#failure}`));
    }
    const { room } = this;
    if (room === undefined || room.level === 'well') return alerts;
    const { freeBytes, wantedBytes } = room;
    const figures = `${bytesText(freeBytes)} are free, and ${bytesText(wantedBytes)} should be`;
    const code = room.level === 'full' ? 'disk-full' : 'disk-low';
    alerts.push(alertOf(code, member, `On the disk of ${member} ${figures}.`));
    return alerts;
  }

  get #lowBytes(): number {
    const { lowBytes, segmentBytes, pendingBytes } = this.#options;
    if (lowBytes !== undefined) return lowBytes;
    return spareSegments * segmentBytes + pendingBytes + 2 * (this.#measured?.snapshotBytes ?? 0);
  }

  get #fullBytes(): number {
    return fullSegments * this.#options.segmentBytes;
  }

  #judgeFall(before: number | undefined): void {
    const now = this.#options.now();
    const forMs = now - this.#lookedAt;
    this.#lookedAt = now;
    const { freeBytes } = this.#measured ?? { freeBytes: 0 };
    if (before === undefined || forMs <= 0) return;
    const fallPerMs = (before - freeBytes) / forMs;
    this.#isFalling = freeBytes - fallPerMs * soonMs < this.#lowBytes && fallPerMs > 0;
  }

  #judge(): void {
    if (this.#measured === undefined) return;
    const { freeBytes } = this.#measured;
    const isLogLow = this.#options.isLogLow();
    const isBelow = (bytes: number, isSo: boolean): boolean =>
      freeBytes < bytes * (isSo ? recovery : 1);
    const isFull = isLogLow || isBelow(this.#fullBytes, this.#level === 'full');
    const isLow = isFull || isBelow(this.#lowBytes, this.#level !== 'well');
    this.#level = isFull ? 'full' : isLow ? 'low' : 'well';
  }
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
