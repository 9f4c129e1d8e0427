// The programs of `wal-kill.process.test.ts`, which say on stdout what they did: `append` goes on
// for as long as it lives or the disk has room, `check` reads all that is there.

import { writeSync } from 'node:fs';

import type { LogStore } from '../../src/contract/log-store.ts';
import { walStorage } from '../../src/storage/wal.ts';
import { checkLog, killedEntries, killedSegmentBytes } from './wal-kill-work.ts';

/** About how many entries stay in the log. */
const purgeAfter = 2000;

const [mode, directory = ''] = process.argv.slice(2);

function say(what: object): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

async function appendForEver(log: LogStore): Promise<void> {
  const { purged, last } = await log.state();
  let { index } = last;
  let purgedIndex = purged.index;
  let term = ((await log.readVote())?.term ?? 0) + 1;
  const vote = async (): Promise<void> => {
    await log.saveVote({ term, votedFor: `voter ${term}` });
    say({ term });
  };
  await vote();
  for (;;) {
    const entries = killedEntries(index + 1, term);
    await log.append(entries);
    index += entries.length;
    say({ index });
    if (index % 7 === 0) {
      term += 1;
      await vote();
    }
    if (index > purgedIndex + purgeAfter) {
      purgedIndex = index - purgeAfter / 2;
      const [entry] = await log.read(purgedIndex, purgedIndex + 1);
      if (entry !== undefined) await log.purge(entry.logId);
      say({ purged: purgedIndex });
    }
  }
}

try {
  const storage = await walStorage(directory, { segmentBytes: killedSegmentBytes });
  try {
    if (mode === 'append') await appendForEver(storage.log);
    else say({ found: await checkLog(storage.log) });
  } finally {
    // No `await using`: Node 22 cannot parse it in a source that is not built.
    await storage[Symbol.asyncDispose]();
  }
} catch (error) {
  say({ error: error instanceof Error ? error.message : String(error) });
}
