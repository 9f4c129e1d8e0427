import assert from 'node:assert/strict';

import type { LogStore } from '../../src/contract/log-store.ts';
import type { Entry, LogIndex, Term } from '../../src/core/types.ts';
import { plainEntry } from '../../src/testing/log-store/entries.ts';

export const killedSegmentBytes: number = 64 * 1024;

/** The ends of a log and its vote, as far as they can be told by numbers. */
export interface LogEnds {
  readonly index: LogIndex;
  readonly term: Term;
  readonly purged: LogIndex;
}

/** The append that begins with this index: its size, like all that is in it, follows from it. */
export function killedEntries(first: LogIndex, term: Term): Entry[] {
  const count = 1 + (first % 5);
  return Array.from({ length: count }, (_, at) => killedEntry(first + at, term));
}

/** Reads the whole log, and fails if anything in it is not as it was written. */
export async function checkLog(log: LogStore): Promise<LogEnds> {
  const { purged, last } = await log.state();
  const vote = await log.readVote();
  assert.equal(vote?.votedFor, vote && `voter ${vote.term}`);
  let { term, index } = purged;
  while (index < last.index) {
    for (const entry of await log.read(index + 1, last.index + 1)) {
      index += 1;
      assert.ok(entry.logId.term >= term, `entry ${index}: ${entry.logId.term} after ${term}`);
      ({ term } = entry.logId);
      assert.deepEqual(plainEntry(entry), killedEntry(index, term));
    }
  }
  return { index: last.index, term: vote?.term ?? 0, purged: purged.index };
}

function killedEntry(index: LogIndex, term: Term): Entry {
  const bytes = new Uint8Array(index % 97 === 0 ? 9000 : (index * 37) % 700);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = (index * 7 + at) % 251;
  return {
    logId: { term, index },
    payload: { type: 'command', data: { bytes, value: undefined } },
  };
}
