import type { Fault, PlannedFault, SimOperation } from '../../src/testing/sim-fs/faults.ts';
import { sectorBytes } from '../../src/testing/sim-fs/sector.ts';
import { SimFs, type SimFsOptions } from '../../src/testing/sim-fs/sim-fs.ts';
import type { CrashChoice, Unsettled } from '../../src/testing/sim-fs/unsettled.ts';
import { type Choices, happens } from './choices.ts';
import { exponential } from './delays.ts';
import type { EventQueue } from './event-queue.ts';
import type { SimProcess } from './process.ts';

export interface DiskOptions {
  readonly queue: EventQueue;
  readonly choices: Choices;
  /** How long a call takes on average, in milliseconds. */
  readonly delayMs: number;
  /** Asked when a call is under way, and once more when it ends: must the node crash now? */
  readonly onOperation: (operation: SimOperation, when: 'before' | 'after') => boolean;
  /** A call has failed, and its caller hears of it now. */
  readonly onFailed: (operation: SimOperation, code: Fault['code']) => void;
  readonly onStall: (operation: SimOperation, ms: number) => void;
}

/**
 * How a process ended, as its disk sees it. `kill`: what was written stays in the cache of the
 * system, which lives on. `power`: all that was not durable may be gone, in any part.
 */
export type CrashKind = 'kill' | 'power';

/** A bit is another one, a sector has nothing but zeroes, or the end of a file is gone. */
type DamageWay = 'bit' | 'sector' | 'end';

const longestStallMs = 10_000;

const never = new Promise<never>(() => {});

/** The disk of one node over all its lives: a simulated file system with latencies. */
export class SimDisk {
  /** The files of the process that runs. */
  files: SimFs;
  /** How many times slower calls are now. */
  slowness = 1;
  /** In a thousand calls so many stall, for up to `stallMs`. */
  stallPerMille = 0;
  stallMs = 2000;
  /** Which calls stall. Default: all. */
  stallsAt: ((operation: SimOperation) => boolean) | undefined = undefined;
  /** What is on it is not what was written, for good. */
  isDamaged = false;
  /** A read has brought something else since the process was started. */
  hasMisread = false;
  #planned: PlannedFault[] = [];
  /** Calls under way that are going to fail, and how. */
  readonly #failing = new Map<SimOperation, Fault['code']>();
  #isWell = false;
  /** There was little room at some time since the process was started. */
  #wasLimited = false;
  /** Which calls wait until they are let go. */
  #holdsBack: ((operation: SimOperation) => boolean) | undefined = undefined;
  #heldBack: (() => void)[] = [];
  readonly #options: DiskOptions;
  /** Whose calls the files of now are; those of before stay with whoever had them. */
  #owner: { process: SimProcess | undefined } = { process: undefined };

  constructor(options: DiskOptions) {
    this.#options = options;
    this.files = this.#empty();
  }

  /** Hands the files to a process that starts. */
  attach(process: SimProcess): void {
    this.#owner.process = process;
    this.#planned = [];
    this.#failing.clear();
    this.hasMisread = false;
    this.#wasLimited = this.files.capacityBytes !== undefined;
    this.#holdsBack = undefined;
    this.#heldBack = [];
  }

  /** From now on such calls do not begin, until `letGo` or until the process ends. */
  holdBack(isMeant: (operation: SimOperation) => boolean): void {
    if (!this.#isWell) this.#holdsBack = isMeant;
  }

  /** How many calls are held back at the moment. */
  get heldBackCount(): number {
    return this.#heldBack.length;
  }

  /** What was held back goes on. */
  letGo(): void {
    this.#holdsBack = undefined;
    const heldBack = this.#heldBack;
    this.#heldBack = [];
    for (const goOn of heldBack) goOn();
  }

  /** Plans that the next matching call fails. */
  fail(fault: Fault): void {
    const { where, after = 0, code, misreads } = fault;
    let skip = after;
    let hasHit = false;
    const isHit = (operation: SimOperation): boolean => {
      if (hasHit || this.#isWell || where?.(operation) === false) return false;
      skip -= 1;
      hasHit = skip < 0;
      if (!hasHit) return false;
      // Reads fail at once, all else when its time has passed.
      if (misreads !== undefined) this.hasMisread = true;
      else if (operation.type === 'read') this.#options.onFailed(operation, code);
      else this.#failing.set(operation, code);
      return true;
    };
    this.#planned.push(this.files.fail({ ...fault, after: 0, where: isHit }));
  }

  /** From now on nothing fails and nothing is slow. */
  cure(): void {
    this.#isWell = true;
    this.slowness = 1;
    this.stallPerMille = 0;
    this.stallsAt = undefined;
    this.letGo();
  }

  /**
   * Whether a call has failed since the process was started, or might have for want of room, or
   * because what is there was damaged.
   */
  get hasFailed(): boolean {
    return this.isDamaged || this.#wasLimited || this.#planned.some(({ hits }) => hits > 0);
  }

  /** Leaves room for only so many more bytes; `undefined` ends that. */
  async limit(freeBytes: number | undefined): Promise<void> {
    const { files } = this;
    files.capacityBytes = undefined;
    if (freeBytes === undefined) return;
    this.#wasLimited = true;
    // How much is taken up is seen by what is free of a great deal.
    const plenty = 2 ** 30;
    files.capacityBytes = plenty;
    const free = await files.freeBytes('/');
    files.capacityBytes = plenty - free + freeBytes;
  }

  /** Puts what the end of the process leaves in the place of the files. */
  crash(kind: CrashKind): void {
    const unsettled = this.files.unsettled();
    const choice = kind === 'kill' ? newest(unsettled) : this.#drawn(unsettled);
    const { capacityBytes } = this.files;
    this.files = this.files.crash(unsettled, choice, this.#newHold());
    this.files.capacityBytes = capacityBytes;
  }

  /** Another disk is put in: nothing is on it. */
  replace(): void {
    this.files = this.#empty();
    this.isDamaged = false;
  }

  /** A copy of what is durable now, to be put back later. */
  copy(): SimFs {
    return this.files.crash();
  }

  /** The disk is as it was when that copy was made. */
  putBack(copy: SimFs): void {
    this.files = copy.crash(undefined, undefined, this.#newHold());
  }

  /**
   * Something that was written goes bad, in a file that is `isMeant` if there is one. Returns what,
   * or `undefined` if there is nothing fit.
   */
  async damage(
    way: DamageWay,
    isMeant: (path: string) => boolean = () => true,
  ): Promise<string | undefined> {
    const { files } = this;
    const { choices } = this.#options;
    const fit = await damageable(files);
    const meant = fit.filter(isMeant);
    const paths = meant.length > 0 ? meant : fit;
    const path = paths[choices.choose('disk.damagePath', Math.max(1, paths.length))];
    const size = path === undefined ? undefined : await files.size(path);
    if (path === undefined || size === undefined || size === 0) return undefined;
    const at = choices.choose('disk.damageAt', size);
    if (way === 'bit') files.flipBit(path, at, choices.choose('disk.damageBit', 8));
    else if (way === 'sector') files.zeroSector(path, Math.floor(at / sectorBytes));
    else files.cutOff(path, at);
    this.isDamaged = true;
    return `${path} at ${at}`;
  }

  #empty(): SimFs {
    return new SimFs(this.#newHold());
  }

  #newHold(): Required<Pick<SimFsOptions, 'hold' | 'holdRead'>> {
    const owner: { process: SimProcess | undefined } = { process: undefined };
    this.#owner = owner;
    return {
      hold: (operation) => {
        const { process } = owner;
        return process === undefined ? Promise.resolve() : this.#hold(operation, process);
      },
      holdRead: (operation) => {
        const { process } = owner;
        return process === undefined ? undefined : this.#holdRead(operation, process);
      },
    };
  }

  #hold(operation: SimOperation, process: SimProcess): Promise<void> {
    if (process.isDead) return never;
    const { onOperation, onFailed, queue } = this.#options;
    if (onOperation(operation, 'before')) return never;
    const ms = this.#drawMs(operation);
    return new Promise((resolve) => {
      const end = (): void =>
        process.enter(() => {
          if (onOperation(operation, 'after')) return;
          const code = this.#failing.get(operation);
          if (code !== undefined) onFailed(operation, code);
          this.#failing.delete(operation);
          resolve();
        });
      const begin = (): void => void queue.after(ms, end);
      if (this.#holdsBack?.(operation) === true) this.#heldBack.push(begin);
      else begin();
    });
  }

  /** What is read is in the cache, unless this is a disk with troubles. */
  #holdRead(operation: SimOperation, process: SimProcess): Promise<void> | undefined {
    if (process.isDead) return never;
    const isHeldBack = this.#holdsBack?.(operation) === true;
    const isSlow = this.slowness > 1 || this.stallPerMille > 0;
    if (!isHeldBack && !isSlow) return undefined;
    const ms = this.#drawMs(operation);
    return new Promise((resolve) => {
      const begin = (): void =>
        void this.#options.queue.after(ms, () => process.enter(() => resolve()));
      if (isHeldBack) this.#heldBack.push(begin);
      else begin();
    });
  }

  #drawMs(operation: SimOperation): number {
    const { choices, delayMs, onStall } = this.#options;
    const ms = delayMs * this.slowness * exponential(choices, 'disk.delay');
    if (this.stallsAt?.(operation) === false) return ms;
    if (!happens(choices, 'disk.stall', this.stallPerMille)) return ms;
    const stallMs = Math.min(longestStallMs, this.stallMs * exponential(choices, 'disk.stallMs'));
    onStall(operation, stallMs);
    return ms + stallMs;
  }

  /** What a power cut leaves: the newest of all, only what is durable, or any mixture. */
  #drawn(unsettled: Unsettled): CrashChoice {
    const { choices } = this.#options;
    const { items } = unsettled;
    const way = choices.choose('disk.crash', 4);
    if (way === 0) return newest(unsettled);
    if (way === 1) return { versions: items.map(() => 0) };
    const versions = items.map(({ count }) => choices.choose('disk.version', count));
    if (way === 2) return { versions };
    const isTorn = (at: number): boolean => items[at]?.type === 'sector' && versions[at] !== 0;
    const torn = [...items.keys()].filter(isTorn);
    const item = torn[choices.choose('disk.torn', Math.max(1, torn.length))];
    if (item === undefined) return { versions };
    return { versions, tear: { item, bytes: choices.choose('disk.tear', sectorBytes) } };
  }
}

function newest({ items }: Unsettled): CrashChoice {
  return { versions: items.map(({ count }) => count - 1) };
}

/**
 * Files whose damage cannot be taken for a power cut in the last write: snapshots, and segments of
 * the log that more than one other follows.
 */
async function damageable(files: SimFs): Promise<string[]> {
  const found: string[] = [];
  for (const [directory, except] of [
    ['/data/log', 2],
    ['/data/snapshots', 0],
  ] as const) {
    if ((await files.size(directory)) === undefined) continue;
    const names = (await files.readDirectory(directory)).filter((name) =>
      /\.(wal|snap)$/.test(name),
    );
    const sizes = await Promise.all(names.map((name) => files.size(`${directory}/${name}`)));
    const filled = names.filter((_, at) => (sizes[at] ?? 0) > 0);
    const fit = filled.slice(0, Math.max(0, filled.length - except));
    found.push(...fit.map((name) => `${directory}/${name}`));
  }
  return found;
}
