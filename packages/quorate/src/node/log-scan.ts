import type { LogStore } from '../contract/log-store.ts';
import type { EffectiveMembership, Entry, LogId, LogIndex } from '../core/types.ts';
import { FatalError } from '../errors.ts';
import { entryBytes } from './log-tail.ts';

/** What a log holds, but for the commands. */
export interface LogScan {
  /** The first entry of each term. */
  readonly termStarts: readonly LogId[];
  readonly memberships: readonly EffectiveMembership[];
  /** The bytes of the entries, up to a place every so often, in order. */
  readonly sizes: readonly {
    readonly last: LogId;
    readonly count: number;
    readonly bytes: number;
  }[];
}

/** How much of the log is looked at in one read. */
const readBytes = 4 * 1024 * 1024;

/**
 * Reads the log once, from its purged end to its last entry.
 *
 * @throws {FatalError} if it is not what the store says that it is.
 */
export async function scanLog(
  log: LogStore,
  { purged, last }: { purged: LogId; last: LogId },
): Promise<LogScan> {
  const termStarts: LogId[] = [];
  const memberships: EffectiveMembership[] = [];
  const sizes: { last: LogId; count: number; bytes: number }[] = [];
  let previous = purged;
  while (previous.index < last.index) {
    const entries = await log.read(previous.index + 1, last.index + 1, { maxBytes: readBytes });
    if (entries.length === 0) break;
    let bytes = 0;
    for (const entry of entries) {
      checkOrder(previous, entry);
      const { logId, payload } = entry;
      if (termStarts.length === 0 || logId.term !== previous.term) termStarts.push(logId);
      if (payload.type === 'membership') memberships.push({ ...payload.membership, logId });
      bytes += entryBytes(entry);
      previous = logId;
    }
    sizes.push({ last: previous, count: entries.length, bytes });
  }
  if (previous.index !== last.index || previous.term !== last.term) {
    throw new FatalError(
      `The log store says that its last entry is ${last.index} of term ${last.term}, but reading ended at ${previous.index} of term ${previous.term}.`,
    );
  }
  return { termStarts, memberships, sizes };
}

/** Returns the term of the entry at `index`, if the log that was scanned holds it. */
export function termIn(
  scan: LogScan,
  { purged, last }: { purged: LogId; last: LogId },
  index: LogIndex,
): number | undefined {
  if (index === purged.index) return purged.term;
  if (index < purged.index || index > last.index) return undefined;
  return scan.termStarts.findLast((start) => start.index <= index)?.term;
}

function checkOrder(previous: LogId, { logId }: Entry): void {
  if (logId.index === previous.index + 1 && logId.term >= previous.term) return;
  throw new FatalError(
    `The log store returned entry ${logId.index} of term ${logId.term} after ${previous.index} of term ${previous.term}; indexes must follow one another and terms must not fall.`,
  );
}
