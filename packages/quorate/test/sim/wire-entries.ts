import { entrySize, entrySource, readEntry, writeEntry } from '../../src/contract/entry-codec.ts';
import type { AppendEntriesRequest } from '../../src/core/message.ts';
import type { Entry } from '../../src/core/types.ts';

/** The request as it is on the other side of a wire that carries bytes. */
export function reencoded(request: unknown): AppendEntriesRequest {
  const { entries, ...rest } = request as AppendEntriesRequest;
  return { ...rest, entries: throughBytes(entries) };
}

function throughBytes(entries: readonly Entry[]): readonly Entry[] {
  if (entries.length === 0) return entries;
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + entrySize(entry), 0));
  const view = new DataView(bytes.buffer);
  let end = 0;
  for (const entry of entries) end = writeEntry(entry, bytes, view, end);
  const source = entrySource(bytes);
  let at = 0;
  return entries.map((entry) => {
    const read = readEntry(source, at);
    at += entrySize(entry);
    return read;
  });
}
