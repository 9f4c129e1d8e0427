import type { LibraryRecord } from '../../../src/contract/state-machine.ts';
import { readRecords } from '../../../src/node/session-records.ts';

const decoder = new TextDecoder();

/** What the records of a table say, as `SessionModel.picture` does. */
export function pictureOf(records: Iterable<LibraryRecord>): string {
  const { head, sessions, responses } = readRecords(records);
  if (head === undefined) return 'none';
  const { maxSessions, maxSessionBytes, stretch } = head;
  const pictures = sessions.map(({ id, head: { lastUsed, floor, window } }) => {
    const own = responses.filter((one) => one.id === id);
    // The first byte says how the rest is encoded.
    const texts = own.map(({ sequence, bytes }) => [sequence, decoder.decode(bytes.subarray(1))]);
    return [id, lastUsed, floor, window, texts];
  });
  return JSON.stringify([[maxSessions, maxSessionBytes, stretch], pictures]);
}
