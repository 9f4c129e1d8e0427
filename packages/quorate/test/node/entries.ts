import type { CommandData, Entry, LogIndex, Term } from '../../src/core/types.ts';

/** A command entry whose payload has `size` bytes. */
export function commandEntry(term: Term, index: LogIndex, size = 1): Entry {
  return { logId: { term, index }, payload: { type: 'command', data: commandData(index, size) } };
}

/** Command entries of one term, from `from` (in) to `to` (out). */
export function commandRun(term: Term, from: LogIndex, to: LogIndex, size = 1): Entry[] {
  return Array.from({ length: to - from }, (_, at) => commandEntry(term, from + at, size));
}

/** A command that was decoded already: its value is a number. */
export function commandData(value: number, size = 1): CommandData {
  return { bytes: new Uint8Array(size), value };
}

export function indexesOf(entries: readonly Entry[]): LogIndex[] {
  return entries.map(({ logId }) => logId.index);
}
