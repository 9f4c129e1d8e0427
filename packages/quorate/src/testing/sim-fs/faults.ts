/** The calls of a file system that can be made to fail or be held. */
export type SimOperationType =
  | 'write'
  | 'read'
  | 'truncate'
  | 'sync'
  | 'create'
  | 'rename'
  | 'unlink'
  | 'makeDirectory'
  | 'syncDirectory';

/** A call on its way to the disk. */
export interface SimOperation {
  readonly type: SimOperationType;
  readonly path: string;
  readonly position?: number;
  readonly length?: number;
  /** Of a write: it is durable when it resolves. */
  readonly isDurable?: boolean;
}

export interface Fault {
  readonly type: SimOperationType;
  readonly code: 'EIO' | 'ENOSPC';
  /** Which calls of the type are meant. Default: all. */
  readonly where?: (operation: SimOperation) => boolean;
  /** How many of them succeed first. Default 0: the next one fails. */
  readonly after?: number;
  /** How many calls fail, before they succeed again. Default 1. */
  readonly times?: number;
  /** How many bytes a failing write leaves in the file all the same. Default 0. */
  readonly landedBytes?: number;
  /**
   * Reads go on showing what a failed write or sync did not bring to the disk, as on ext4. Default
   * `false`: the pages are dropped. Either way a later sync succeeds and does not bring it.
   */
  readonly keepsCache?: boolean;
  /**
   * Of a read: it succeeds all the same, and its second half, or all of it if it is short, is what
   * is so many bytes further on, as of a disk whose head went to the wrong place; or what was
   * durable before the newest writes.
   */
  readonly misreads?: number | 'older';
}

/** A fault that was asked for. */
export interface PlannedFault {
  /** How many calls have failed by it. */
  readonly hits: number;
}

/** The failures to come. */
export class Faults {
  readonly #planned: { fault: Fault; hits: number; skip: number }[] = [];

  plan(fault: Fault): PlannedFault {
    const planned = { fault, hits: 0, skip: fault.after ?? 0 };
    this.#planned.push(planned);
    return planned;
  }

  /** The fault that hits this call, if any. */
  take(operation: SimOperation): Fault | undefined {
    for (const planned of this.#planned) {
      const { fault } = planned;
      const isMeant = fault.type === operation.type && (fault.where?.(operation) ?? true);
      if (!isMeant || planned.hits >= (fault.times ?? 1)) continue;
      if (planned.skip === 0) {
        planned.hits += 1;
        return fault;
      }
      planned.skip -= 1;
    }
    return undefined;
  }
}

const reasons = {
  EBADF: 'bad file descriptor',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
} as const;

/** An error as Node makes it of the system's. */
export function systemError(code: keyof typeof reasons, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${reasons[code]}, ${call} '${path}'`), { code });
}
